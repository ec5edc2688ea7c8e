//! Trees of files.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::BlockError;

/// Why a file request was refused.
#[errors]
pub enum FileError {
    /// No such file or directory.
    NotFound = 1,
    /// A part of the path is not a directory.
    NotADirectory = 2,
    /// The path names a directory.
    IsADirectory = 3,
    /// The file system cannot be written.
    ReadOnly = 4,
    /// No space is left.
    NoSpace = 5,
    /// What is on the disk makes no sense.
    Corrupt = 6,
    /// The disk failed.
    Device = 7,
    /// The name is too long or not a name.
    BadName = 8,
    /// The file system uses a feature that the server does not know.
    Unsupported = 9,
    /// There is no further entry.
    End = 10,
    /// Too many symbolic links.
    Loop = 11,
}

impl From<BlockError> for FileError {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::OutOfRange => FileError::Corrupt,
            BlockError::ReadOnly => FileError::ReadOnly,
            BlockError::System(error) => FileError::System(error),
            _ => FileError::Device,
        }
    }
}

/// What a path names.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FileStatus {
    /// Bytes of a file's contents.
    pub bytes: u64,
    /// Seconds since 1970 of the last change; 0 if unknown.
    pub modified: u64,
    /// [`FileStatus::FILE`], [`FileStatus::DIRECTORY`] or [`FileStatus::LINK`].
    pub kind: u32,
    /// Unix permission bits.
    pub mode: u32,
    /// The number that the file has in its file system, and no other file there at the same time; 0 if unknown.
    pub number: u64,
    /// The number of the mount below which it was found, which no other mount of the same namespace has or had; 0 below none.
    pub mount: u64,
}

impl FileStatus {
    /// `kind` of a regular file.
    pub const FILE: u32 = 1;
    /// `kind` of a directory.
    pub const DIRECTORY: u32 = 2;
    /// `kind` of a symbolic link.
    pub const LINK: u32 = 3;
    /// `kind` of anything else.
    pub const OTHER: u32 = 4;
}

impl Flat for FileStatus {}

/// One entry of a directory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct DirectoryEntry {
    /// Bytes of a file's contents.
    pub bytes: u64,
    /// As in [`FileStatus::kind`].
    pub kind: u32,
    /// Bytes of the name, which may exceed the buffer that was given for it.
    pub name_bytes: u32,
}

impl Flat for DirectoryEntry {}

/// One open file. Closing it is dropping the reference.
#[service(id = 0xf11e_0001)]
pub trait File {
    /// Bytes of the file's contents.
    fn size(cx: &mut Cx<'_, Self>) -> Result<u64, FileError>;
    /// Reads from `offset` on and returns how many bytes were read: fewer than asked only at the end.
    fn read(cx: &mut Cx<'_, Self>, offset: u64, buffer: Out<'_>) -> Result<u64, FileError>;
    /// Writes at `offset` and returns how many bytes were written.
    fn write(cx: &mut Cx<'_, Self>, offset: u64, bytes: &[u8]) -> Result<u64, FileError>;
    /// What it is.
    fn status(cx: &mut Cx<'_, Self>) -> Result<FileStatus, FileError>;
}

/// One open directory: a snapshot of its entries in the order of their names, without `.` and `..`.
#[service(id = 0xf11e_0003)]
pub trait Directory {
    /// Entry `index`, with its name in `name`. [`FileError::End`] after the last one.
    fn entry(cx: &mut Cx<'_, Self>, index: u64, name: Out<'_>)
    -> Result<DirectoryEntry, FileError>;
}

/// A tree of files. Paths start with `/` and are separated by `/`; the root is `/`.
#[service(id = 0xf11e_0002)]
pub trait FileSystem {
    /// Opens a file.
    fn open<'f>(cx: &mut Cx<'f, Self>, path: &str) -> Result<Ref<'f, dyn File>, FileError>;
    /// Opens a directory.
    fn directory<'f>(
        cx: &mut Cx<'f, Self>,
        path: &str,
    ) -> Result<Ref<'f, dyn Directory>, FileError>;
    /// What a path names; symbolic links are followed.
    fn status(cx: &mut Cx<'_, Self>, path: &str) -> Result<FileStatus, FileError>;
}
