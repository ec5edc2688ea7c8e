//! What is said of a line that is no command.

use alloc::format;
use alloc::string::String;

use crate::words::SyntaxError;

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
