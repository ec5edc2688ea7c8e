//! Standard output: what a command was asked for, for people and other programs.

use std::{
    fmt::Display,
    io::{ErrorKind, Write, stdout},
};

use crate::failure::{Failure, Outcome, While};

/// Status of a command whose reader had enough: what the shell reports of a program that SIGPIPE ended.
const READER_GONE: u8 = 128 + 13;

/// Prints. If nobody reads any more, as in `./warren sizes | head -1`, the command ends at once and says nothing.
pub fn print(text: impl Display) -> Outcome {
    let mut out = stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::silent(READER_GONE)),
        outcome => outcome.when(|| "cannot write to standard output".into()),
    }
}

/// Prints a line.
pub fn line(text: impl Display) -> Outcome {
    print(format_args!("{text}\n"))
}
