//! Why a command failed, and what its user can do about it.

use std::{fmt, io};

/// A failure that ends the command.
#[derive(Debug)]
pub struct Failure {
    message: String,
    remedy: Option<String>,
    status: u8,
}

/// What a step of a command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with one line that says what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), remedy: None, status: 1 }
    }

    /// A failure of which everything was said already.
    pub fn silent(status: u8) -> Self {
        Failure { message: String::new(), remedy: None, status }
    }

    /// Says what to do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Says what to do, if something is known.
    pub fn maybe_remedy(mut self, remedy: Option<String>) -> Self {
        self.remedy = remedy;
        self
    }

    /// Ends the command with this status, and not with 1.
    pub fn status_of(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Exit status of the command.
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            return Ok(());
        }
        writeln!(f, "error: {}", self.message)?;
        match &self.remedy {
            Some(remedy) => writeln!(f, "  help: {remedy}"),
            None => Ok(()),
        }
    }
}

/// Says what was tried when the operating system refused.
pub trait While<T> {
    /// Adds what was tried, as in "cannot read `x`".
    fn when(self, tried: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T> While<T> for io::Result<T> {
    fn when(self, tried: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", tried())))
    }
}
