//! The table that says which file system answers for which path.

use warren::{Cx, Out, Ref, errors, service};

use crate::FileSystem;

/// Why a mount was refused.
#[errors]
pub enum MountError {
    /// Something is mounted at that very path.
    Taken = 1,
    /// Nothing is mounted at that path.
    NotMounted = 2,
    /// The path does not start with `/`, or is too long.
    BadPath = 3,
    /// There is no further entry.
    End = 4,
}

/// A table of mounted file systems. The server that provides it also provides [`FileSystem`] for
/// the whole; what it opens are direct references, so that it is not on the path of reads.
#[service(id = 0x0a3e_0001)]
pub trait Namespace {
    /// Makes `file_system` answer for `path` and everything below it.
    fn mount<'f>(
        cx: &mut Cx<'f, Self>,
        path: &str,
        file_system: Ref<'f, dyn FileSystem>,
    ) -> Result<(), MountError>;
    /// Takes it away. Files that are open stay open.
    fn unmount(cx: &mut Cx<'_, Self>, path: &str) -> Result<(), MountError>;
    /// Path of mount `index`; returns its length. [`MountError::End`] after the last one.
    fn mounted(cx: &mut Cx<'_, Self>, index: u64, path: Out<'_>) -> Result<u64, MountError>;
}
