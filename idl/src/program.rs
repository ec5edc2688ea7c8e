//! What a person or a script runs by its name, and the bytes that go through it.
//!
//! A program does nothing by itself. Whoever starts it gets the stream of what it puts out, and whoever reads the
//! stream makes it work, on the reader's own thread and account. So a pipeline is a row of streams that read each
//! other: it takes no threads, no more memory than a few pieces, and ends where nobody reads on.

use warren::{Cx, Out, Ref, errors, service};

use crate::{FileSystem, TerminalError};

/// Why a program was not started.
#[errors]
pub enum ProgramError {
    /// The arguments make no sense; the person was told why.
    Misused = 1,
    /// Whoever runs it wants it to stop.
    Stopped = 2,
}

/// Why a stream gives no bytes.
#[errors]
pub enum StreamError {
    /// Whoever makes the bytes was told to stop, or can tell nobody what went wrong.
    Stopped = 1,
    /// Somebody else is reading it.
    Busy = 2,
}

/// Something that can be run many times, also at the same time.
#[service(id = 0x7452_0004)]
pub trait Program {
    /// Begins a run and returns what it puts out. Nothing has been read, looked at or changed yet.
    ///
    /// Each of the `arguments` is followed by a zero byte; the program's name is none of them. Relative paths start from
    /// `directory`, which is an absolute one in `files`. The run keeps what it is handed here, and has nothing else
    /// of whoever runs it.
    fn start<'f>(
        cx: &mut Cx<'f, Self>,
        arguments: &[u8],
        directory: &str,
        files: Ref<'f, dyn FileSystem>,
        input: Ref<'f, dyn Stream>,
        supervisor: Ref<'f, dyn Supervisor>,
    ) -> Result<Ref<'f, dyn Stream>, ProgramError>;
    /// What it does and how it is used, in whole lines; returns their length, which may exceed the buffer.
    fn manual(cx: &mut Cx<'_, Self>, text: Out<'_>) -> Result<u64, ProgramError>;
}

/// Bytes that are made while they are read. Dropping the reference tells whoever makes them that nobody wants more.
#[service(id = 0x7452_0005)]
pub trait Stream {
    /// Reads the next bytes and returns how many they are; 0 only at the end, or if the buffer is empty.
    fn read(cx: &mut Cx<'_, Self>, buffer: Out<'_>) -> Result<u64, StreamError>;
    /// Exit status of whoever makes the bytes, 0 for success. It means something once the end was read.
    fn status(cx: &mut Cx<'_, Self>) -> Result<u64, StreamError>;
}

/// Whoever runs a program, as the program sees it.
///
/// Once one of these functions has failed, each of them fails in that way: the run is over.
#[service(id = 0x7452_0006)]
pub trait Supervisor {
    /// Shows the person a text that is no output: what went wrong.
    fn complain(cx: &mut Cx<'_, Self>, text: &[u8]) -> Result<(), TerminalError>;
    /// Succeeds as long as the run is to go on. [`TerminalError::Cancelled`] after ^C. Asked before each piece of work.
    fn go_on(cx: &mut Cx<'_, Self>) -> Result<(), TerminalError>;
}
