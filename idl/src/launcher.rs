//! Loads servers by the names that the system file gives them.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FileSystem, Program};

/// Why a server was not launched.
#[errors]
pub enum LaunchError {
    /// The system file names no such server.
    Unknown = 1,
    /// The server does not provide the service that was asked for.
    WrongService = 2,
    /// A server file is missing or was refused; the log says why.
    BadFile = 3,
    /// A requirement is not met, a device for example; the log says which.
    Unresolved = 4,
    /// A constructor failed; the log says which.
    Failed = 5,
    /// There is no further program.
    End = 6,
}

/// A program of the system, as it is listed: its text is its name, and then what it does, in a line.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ProgramEntry {
    /// Bytes of the name.
    pub name_bytes: u32,
    /// Bytes of what it does.
    pub summary_bytes: u32,
}

impl Flat for ProgramEntry {}

/// Servers of this system by name. A server is loaded when it is first asked for, and what it
/// requires with it.
#[service(id = 0x1a0c_0002)]
pub trait Launcher {
    /// The server as a program. One that is none is [`LaunchError::WrongService`] and is not loaded.
    fn program<'f>(
        cx: &mut Cx<'f, Self>,
        server: &str,
    ) -> Result<Ref<'f, dyn Program>, LaunchError>;
    /// The server as a file system.
    fn file_system<'f>(
        cx: &mut Cx<'f, Self>,
        server: &str,
    ) -> Result<Ref<'f, dyn FileSystem>, LaunchError>;
    /// Program `index` of those that the system file names, in no order. [`LaunchError::End`] after the last one. Loads nothing.
    fn listed(
        cx: &mut Cx<'_, Self>,
        index: u64,
        text: Out<'_>,
    ) -> Result<ProgramEntry, LaunchError>;
}
