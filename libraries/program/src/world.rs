//! Everything outside a program, as its stage sees it.
//!
//! [`live`](crate::live) puts these traits over the references that were handed over; `testing` puts them over a tree
//! in memory. Stages make no service call.

use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::{FileError, FileStatus, StreamError};

use crate::stage::Stop;

/// An open file, by its number in the world that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHandle(pub usize);

/// One name in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// As in [`FileStatus::kind`].
    pub kind: u32,
    /// Bytes of a file's contents.
    pub bytes: u64,
}

/// Trees of files. Paths are absolute.
pub trait Files {
    /// What the path names.
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError>;
    /// The names in a directory, in order.
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError>;
    /// Opens a file. All files are closed when the run that opened them is dropped.
    fn open(&mut self, path: &str) -> Result<FileHandle, FileError>;
    /// Fills the buffer from `offset` on; returns how many bytes it got, 0 only at the end.
    fn read(
        &mut self,
        file: FileHandle,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, FileError>;
    /// Closes a file.
    fn close(&mut self, file: FileHandle);
}

/// What goes into a program, and whoever runs it.
pub trait Surroundings {
    /// The directory that relative paths start from, in the form of [`resolve`](crate::path::resolve).
    fn directory(&self) -> &str;
    /// Reads the next bytes of the input; returns how many it got, 0 only at the end.
    fn input(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError>;
    /// Shows the person a text that is no output.
    fn complain(&mut self, text: &[u8]) -> Result<(), Stop>;
    /// Fails once the run is to stop.
    fn go_on(&mut self) -> Result<(), Stop>;
}

/// All of it.
pub trait World: Files + Surroundings {}

impl<T: Files + Surroundings> World for T {}
