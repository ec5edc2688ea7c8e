//! Everything outside the shell, as the commands see it.
//!
//! The server puts these traits over the references that it was given; the tests put them over a tree
//! in memory. Nothing else in this crate makes a service call.

use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::{
    FileError, FileStatus, LaunchError, LogError, MountError, ServerStatus, SystemControlError,
    TerminalError, ThreadError,
};

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

/// Whoever types commands and reads what they print.
pub trait Person {
    /// The next line, without its end.
    fn read_line(&mut self, prompt: &str) -> Result<Line, TerminalError>;
    /// Shows these bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), TerminalError>;
    /// Whether the running command is to stop.
    fn interrupted(&mut self) -> Result<bool, TerminalError>;
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
pub trait Files {
    /// What the path names.
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError>;
    /// The names in a directory, in order.
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError>;
    /// Opens a file. All files are closed when the line that opened them has ended.
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

/// A server as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerRow {
    /// Its name in the system file.
    pub name: String,
    /// Its server file.
    pub file: String,
    /// Where it was placed.
    pub placement: String,
    /// The domain it runs in.
    pub domain: String,
    /// The numbers.
    pub status: ServerStatus,
}

/// A line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine {
    /// Its number: one more than that of the line before.
    pub number: u64,
    /// When it was written, in nanoseconds since the system started.
    pub time_ns: u64,
    /// As in [`LogRecord::level`](warren_idl::LogRecord::level).
    pub level: u32,
    /// The server that wrote it or that it is about.
    pub server: String,
    /// The line itself.
    pub text: String,
}

/// Why a server's file system was not mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountFailure {
    /// The server was not launched.
    Launch(LaunchError),
    /// The path was refused.
    Mount(MountError),
}

impl MountFailure {
    /// Which of the two it is about.
    pub fn subject<'a>(&self, server: &'a str, path: &'a str) -> &'a str {
        match self {
            MountFailure::Launch(_) => server,
            MountFailure::Mount(_) => path,
        }
    }
}

/// Why a server's program did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFailure {
    /// The server was not launched.
    Launch(LaunchError),
    /// It failed while it ran.
    Program(ThreadError),
}

/// The system's servers, and the machine.
pub trait System {
    /// All servers, in the order of loading.
    fn servers(&mut self) -> Result<Vec<ServerRow>, SystemControlError>;
    /// Makes the next call into a server fail.
    fn crash(&mut self, server: &str, fault: &str) -> Result<(), SystemControlError>;
    /// Writes a backtrace of every thread to the log.
    fn backtrace(&mut self) -> Result<(), SystemControlError>;
    /// The oldest line of the log whose number is at least `number`.
    fn log_line(&mut self, number: u64) -> Result<LogLine, LogError>;
    /// Paths where file systems are mounted.
    fn mounts(&mut self) -> Result<Vec<String>, MountError>;
    /// Mounts a server's file system.
    fn mount(&mut self, server: &str, path: &str) -> Result<(), MountFailure>;
    /// Takes a mount away.
    fn unmount(&mut self, path: &str) -> Result<(), MountError>;
    /// Runs a server as a program and returns its exit status.
    fn run(&mut self, server: &str) -> Result<u64, RunFailure>;
    /// Nanoseconds since the start, if the clock answers.
    fn now_ns(&mut self) -> Option<u64>;
}

/// All of it.
pub trait World: Person + Files + System {}

impl<T: Person + Files + System> World for T {}
