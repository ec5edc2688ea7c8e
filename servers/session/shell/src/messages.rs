//! What errors are called in front of a person.

use alloc::format;
use alloc::string::String;

use warren::ServiceError;

use crate::words::SyntaxError;
use crate::world::{MountFailure, RunFailure};

/// An error as the end of a message: its line of the interface definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub &'static str);

impl<E: ServiceError> From<E> for Reason {
    fn from(error: E) -> Self {
        Reason(error.message())
    }
}

impl From<MountFailure> for Reason {
    fn from(failure: MountFailure) -> Self {
        match failure {
            MountFailure::Launch(error) => error.into(),
            MountFailure::Mount(error) => error.into(),
        }
    }
}

impl From<RunFailure> for Reason {
    fn from(failure: RunFailure) -> Self {
        match failure {
            RunFailure::Launch(error) => error.into(),
            RunFailure::Program(error) => error.into(),
        }
    }
}

/// A syntax error as text.
pub fn syntax(error: SyntaxError) -> String {
    match error {
        SyntaxError::Unfinished => "the input ends inside a command".into(),
        SyntaxError::Unexpected(operator) => format!("unexpected {operator}"),
        SyntaxError::Unsupported(c @ ('<' | '>')) => {
            format!("{c}: redirection is not supported; quote it to mean the character")
        }
        SyntaxError::Unsupported(c) => {
            format!("{c}: not supported; quote it to mean the character")
        }
    }
}
