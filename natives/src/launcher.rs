//! `Launcher`: servers of the plan by name.
#![expect(unsafe_code, reason = "a root object becomes a reference of its service")]

use core::marker::PhantomData;

use warren::{Cx, Out, Ref, Service};
use warren_engine::{
    launch::{self, LaunchFault},
    plan::PlannedServer,
    platform::Platform,
    reference::{push_temporary, tables},
};
use warren_idl::{FileSystem, LaunchError, Program, ProgramEntry};

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
    fn program<'f>(
        _: &mut Cx<'f, Self>,
        server: &str,
    ) -> Result<Ref<'f, dyn Program>, LaunchError> {
        let planned = planned::<P>(server)?;
        match servers::<P>()[planned].program {
            Some(_) => root::<P, dyn Program>(planned),
            None => Err(LaunchError::WrongService),
        }
    }

    fn file_system<'f>(
        _: &mut Cx<'f, Self>,
        server: &str,
    ) -> Result<Ref<'f, dyn FileSystem>, LaunchError> {
        root::<P, dyn FileSystem>(planned::<P>(server)?)
    }

    fn listed(
        _: &mut Cx<'_, Self>,
        index: u64,
        mut text: Out<'_>,
    ) -> Result<ProgramEntry, LaunchError> {
        let mut programs =
            servers::<P>().iter().filter_map(|one| Some((&one.name, one.program.as_ref()?)));
        let entry = usize::try_from(index).ok().and_then(|index| programs.nth(index));
        let (name, summary) = entry.ok_or(LaunchError::End)?;
        text.write(0, name.as_bytes());
        text.write(name.len(), summary.as_bytes());
        Ok(ProgramEntry { name_bytes: name.len() as u32, summary_bytes: summary.len() as u32 })
    }
}

/// The servers of the plan, which stays as it is.
fn servers<P: Platform>() -> &'static [PlannedServer] {
    // SAFETY: inside `critical`.
    P::critical(|| &unsafe { tables::<P>() }.plan.servers)
}

/// Where a server stands in the plan.
fn planned<P: Platform>(server: &str) -> Result<usize, LaunchError> {
    let planned = servers::<P>().iter().position(|planned| planned.name == server);
    planned.ok_or(LaunchError::Unknown)
}

/// The root object by which a server provides `X`, held by the call that runs; launches the server.
fn root<'f, P: Platform, X: ?Sized + Service>(planned: usize) -> Result<Ref<'f, X>, LaunchError> {
    let instance = launch::launch::<P>(planned).map_err(error_of)?;
    let kind = instance.root_kind(X::ID).ok_or(LaunchError::WrongService)?;
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
        LaunchFault::Unresolved { .. } | LaunchFault::NoDevice { .. } => LaunchError::Unresolved,
        LaunchFault::Failed { .. }
        | LaunchFault::Died
        | LaunchFault::Exhausted
        | LaunchFault::Busy => LaunchError::Failed,
        LaunchFault::NoFile
        | LaunchFault::BadFile(_)
        | LaunchFault::Disagreement(_)
        | LaunchFault::StalePlan => LaunchError::BadFile,
    }
}
