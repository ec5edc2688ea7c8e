//! Everything outside the shell, as a session sees it.
//!
//! The server puts these traits over the references that it was given; the tests put them over a tree
//! in memory. Nothing pure makes a service call.

use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::{FileError, FileStatus, LaunchError, ProgramError, StreamError, TerminalError};
use warren_program::world::Entry;

/// Whoever types commands and reads what they print.
pub trait Person {
    /// The next line, without its end.
    fn read_line(&mut self, prompt: &str) -> Result<Line, TerminalError>;
    /// Shows these bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), TerminalError>;
    /// Fails once the command line is over: `Cancelled` after ^C, or as the terminal failed.
    fn go_on(&mut self) -> Result<(), TerminalError>;
}

/// A line from a person or a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes, which need not be text.
    pub bytes: Vec<u8>,
    /// Whether the line was longer than a line can be, so that its end is missing.
    pub cut: bool,
}

/// Trees of files. Paths are absolute.
pub trait Tree {
    /// What the path names.
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError>;
    /// The names in a directory, in order.
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError>;
}

/// A stream, by its number in the world that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamHandle(pub usize);

/// What a program reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// Lines that the person types.
    Person,
    /// What a command of the shell itself said.
    Said(Said),
    /// What the program before puts out.
    Stream(StreamHandle),
}

/// What a command of the shell itself said, and its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The text.
    pub text: Vec<u8>,
    /// The exit status.
    pub status: u8,
}

/// How a program is started.
#[derive(Debug)]
pub struct Start<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its arguments, each followed by a zero byte.
    pub arguments: &'a [u8],
    /// Where relative paths start.
    pub directory: &'a str,
    /// What it reads.
    pub input: Source,
}

/// Why a program was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// Its server was not launched.
    Launch(LaunchError),
    /// It did not start.
    Start(ProgramError),
}

/// A program as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it does, in a line.
    pub summary: String,
}

/// The programs of the system.
pub trait Programs {
    /// All of them, in no order.
    fn programs(&mut self) -> Result<Vec<Listed>, LaunchError>;
    /// How a program is used.
    fn manual(&mut self, name: &str) -> Result<String, StartFailure>;
    /// Starts a program; gives the stream of what it puts out.
    fn start(&mut self, start: Start<'_>) -> Result<StreamHandle, StartFailure>;
    /// Reads the next bytes; returns how many it got, 0 only at the end.
    fn read(&mut self, stream: StreamHandle, buffer: &mut [u8]) -> Result<usize, StreamError>;
    /// Exit status of the program whose stream has ended.
    fn exit_status(&mut self, stream: StreamHandle) -> Result<u64, StreamError>;
    /// Drops all streams: what is still running ends.
    fn close_all(&mut self);
}

/// All of it.
pub trait World: Person + Tree + Programs {}

impl<T: Person + Tree + Programs> World for T {}
