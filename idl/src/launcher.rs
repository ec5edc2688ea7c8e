//! Loads servers by the names that the system file gives them.

use warren::{Cx, Ref, errors, service};

use crate::{FileSystem, Task};

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
}

/// Servers of this system by name. A server is loaded when it is first asked for, and what it
/// requires with it.
#[service(id = 0x1a0c_0001)]
pub trait Launcher {
    /// The server as a program.
    fn program<'f>(cx: &mut Cx<'f, Self>, server: &str) -> Result<Ref<'f, dyn Task>, LaunchError>;
    /// The server as a file system.
    fn file_system<'f>(
        cx: &mut Cx<'f, Self>,
        server: &str,
    ) -> Result<Ref<'f, dyn FileSystem>, LaunchError>;
}
