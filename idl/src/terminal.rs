//! A console with lines: prompt, editing, history.

use warren::{Cx, Out, errors, service};

use crate::ConsoleError;

/// Why a terminal refused.
#[errors]
pub enum TerminalError {
    /// There is no more input, and there will be none.
    Ended = 1,
    /// The console behind it failed.
    Device = 2,
    /// The person gave the line up (^C).
    Cancelled = 3,
}

impl From<ConsoleError> for TerminalError {
    fn from(error: ConsoleError) -> Self {
        match error {
            ConsoleError::Ended => TerminalError::Ended,
            ConsoleError::System(error) => TerminalError::System(error),
            _ => TerminalError::Device,
        }
    }
}

/// Lines from a person, text to a person.
#[service(id = 0xc015_0002)]
pub trait Terminal {
    /// Shows the prompt and returns the length of the line that was entered, without its end.
    /// A line longer than the buffer is cut, and the length says so. On a terminal that is not interactive the prompt is
    /// not shown and nothing is echoed.
    fn read_line(cx: &mut Cx<'_, Self>, prompt: &str, line: Out<'_>) -> Result<u64, TerminalError>;
    /// Writes all bytes; on an interactive terminal, line feeds become carriage return and line feed.
    fn write(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), TerminalError>;
    /// Whether a person sits there.
    fn interactive(cx: &mut Cx<'_, Self>) -> Result<bool, TerminalError>;
    /// Whether ^C was pressed since the last call. Does not wait.
    fn interrupted(cx: &mut Cx<'_, Self>) -> Result<bool, TerminalError>;
}
