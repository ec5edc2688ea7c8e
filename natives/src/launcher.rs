//! `Launcher`: servers of the plan by name.
#![expect(unsafe_code, reason = "a root object becomes a reference of its service")]

use core::marker::PhantomData;

use warren::{Cx, Ref, Service};
use warren_engine::{
    launch::{self, LaunchFault},
    platform::Platform,
    reference::{push_temporary, tables},
};
use warren_idl::{FileSystem, LaunchError, Task};

use crate::kind::reference;

/// The launcher.
pub struct Launcher<P>(PhantomData<fn() -> P>);

crate::natives!(for P: Platform, Launcher<P>);

impl<P> Launcher<P> {
    /// The launcher of the platform's own plan.
    pub const fn new() -> Self {
        Launcher(PhantomData)
    }
}

impl<P> Default for Launcher<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> warren_idl::Launcher for Launcher<P> {
    fn program<'f>(_: &mut Cx<'f, Self>, server: &str) -> Result<Ref<'f, dyn Task>, LaunchError> {
        root::<P, dyn Task>(server)
    }

    fn file_system<'f>(
        _: &mut Cx<'f, Self>,
        server: &str,
    ) -> Result<Ref<'f, dyn FileSystem>, LaunchError> {
        root::<P, dyn FileSystem>(server)
    }
}

/// The root object by which a server provides `X`, held by the call that runs; launches the server.
fn root<'f, P: Platform, X: ?Sized + Service>(server: &str) -> Result<Ref<'f, X>, LaunchError> {
    let planned = P::critical(|| {
        // SAFETY: inside `critical`.
        let servers = &unsafe { tables::<P>() }.plan.servers;
        servers.iter().position(|planned| planned.name == server)
    });
    let instance = launch::launch::<P>(planned.ok_or(LaunchError::Unknown)?).map_err(error_of)?;
    let kind = instance.kinds.iter().position(|kind| kind.service == X::ID && !kind.local);
    let kind = kind.ok_or(LaunchError::WrongService)?;
    let object = P::critical(|| {
        let root = instance.living_root(kind).ok_or(LaunchError::Failed)?;
        push_temporary::<P>(root, None).map_err(LaunchError::System)?;
        Ok::<_, LaunchError>(root)
    })?;
    // SAFETY: the root object of this kind provides `X`, and the activation holds it now.
    Ok(unsafe { reference(object) })
}

/// Why a server was not launched; the log has the details.
fn error_of(fault: LaunchFault) -> LaunchError {
    match fault {
        LaunchFault::Unresolved { .. } => LaunchError::Unresolved,
        LaunchFault::Failed { .. } | LaunchFault::Died | LaunchFault::Exhausted => {
            LaunchError::Failed
        }
        LaunchFault::NoFile
        | LaunchFault::BadFile(_)
        | LaunchFault::Disagreement(_)
        | LaunchFault::StalePlan => LaunchError::BadFile,
    }
}
