//! What runs, and making it fail.

use warren::{Cx, Flat, Out, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why the system refused.
#[errors]
pub enum SystemControlError {
    /// There is no such server.
    Unknown = 1,
    /// There is no further entry.
    End = 2,
    /// There is no such fault.
    BadFault = 3,
    /// There is no such thread, or it is a scheduler's.
    UnknownThread = 4,
    /// There is no such principal, or it is the system's own.
    UnknownPrincipal = 5,
}

/// What the system knows of a server. The text parts lie in the buffer given with it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ServerStatus {
    /// Bytes of the text `name`, `\0`, `file`, `\0`, `placement`, `\0`, `domain`.
    pub text_bytes: u32,
    /// [`ServerStatus::ALIVE`] or [`ServerStatus::DEAD`].
    pub state: u32,
    /// Objects of this server that are alive, its root included.
    pub objects: u32,
    /// Times it was restarted.
    pub restarts: u32,
    /// Where its file is loaded.
    pub base: u64,
    /// Bytes of memory it holds: image, heap and mappings.
    pub memory_bytes: u64,
    /// First eight bytes of the SHA-256 of its file, as a big-endian number.
    pub file_hash: u64,
}

impl ServerStatus {
    /// `state` of a server that answers.
    pub const ALIVE: u32 = 1;
    /// `state` of a server that died.
    pub const DEAD: u32 = 2;
}

impl Flat for ServerStatus {}

/// The system's view of its servers.
#[service(id = 0x5c00_0002)]
pub trait SystemControl {
    /// Server `index` in the order of loading.
    fn server(
        cx: &mut Cx<'_, Self>,
        index: u32,
        text: Out<'_>,
    ) -> Result<ServerStatus, SystemControlError>;
    /// Makes the next call into `server` fail in the way of `fault`: one of `null`, `write`,
    /// `divide`, `panic`, `stack`, `loop`, `reference`, `buffer`, `privileged`.
    fn crash(cx: &mut Cx<'_, Self>, server: &str, fault: &str) -> Result<(), SystemControlError>;
    /// Ends a thread, by the context that `Accounts` shows: every call that it makes and everything that it waits for fails from now on, so
    /// that it leaves all servers by their own error paths. If its own program goes on nevertheless, that dies.
    fn end_thread(cx: &mut Cx<'_, Self>, context: u64) -> Result<(), SystemControlError>;
    /// Ends a server at once, as a fault would: whoever is in it, or calls it later by a reference to it, gets `Lost`. It comes back if its plan
    /// says so.
    fn end_server(cx: &mut Cx<'_, Self>, server: &str) -> Result<(), SystemControlError>;
    /// Ends everything of a principal and of those below it: threads as by [`SystemControl::end_thread`], and all servers, which do not come back
    /// by themselves. Returns how many threads have not come to their end yet. Whoever waits for that asks again.
    fn end_principal(cx: &mut Cx<'_, Self>, principal: &str) -> Result<u64, SystemControlError>;
    /// Writes a backtrace of every thread to the log.
    fn backtrace(cx: &mut Cx<'_, Self>) -> Result<(), SystemControlError>;
}
