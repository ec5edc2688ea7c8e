//! What came of the checks, as lines.

use alloc::format;

use warren::{Cx, SystemError};
use warren_idl::{EchoError, LogError, TerminalError, ThreadError, TimeError};

use crate::Exerciser;

/// Why a check failed.
pub enum Failure {
    /// A value is not what it must be.
    Wrong {
        /// Which.
        what: &'static str,
        /// What it is.
        found: u64,
        /// What it must be.
        expected: u64,
    },
    /// A call succeeded that must be refused.
    Succeeded(&'static str),
    /// Something was refused that the check needs.
    Refused(&'static str),
    /// A call failed, or with another error than it must.
    Error(EchoError),
}

impl From<EchoError> for Failure {
    fn from(error: EchoError) -> Self {
        Failure::Error(error)
    }
}

impl From<SystemError> for Failure {
    fn from(error: SystemError) -> Self {
        Failure::Error(error.into())
    }
}

impl From<ThreadError> for Failure {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::System(error) => error.into(),
            _ => Failure::Refused("a thread"),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::System(error) => error.into(),
            _ => Failure::Refused("the log"),
        }
    }
}

impl From<TimeError> for Failure {
    fn from(error: TimeError) -> Self {
        match error {
            TimeError::System(error) => error.into(),
            _ => Failure::Refused("to sleep"),
        }
    }
}

/// Two numbers must be equal.
pub fn equal(what: &'static str, found: u64, expected: u64) -> Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => Err(Failure::Wrong { what, found, expected }),
    }
}

/// The first place where two texts differ is named.
pub fn same_bytes(what: &'static str, found: &[u8], expected: &[u8]) -> Result<(), Failure> {
    equal("length", found.len() as u64, expected.len() as u64)?;
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => Err(Failure::Wrong { what, found: at as u64, expected: found.len() as u64 }),
    }
}

/// A call must be refused with this error.
pub fn refused<T>(
    what: &'static str,
    result: Result<T, EchoError>,
    expected: EchoError,
) -> Result<(), Failure> {
    match result {
        Ok(_) => Err(Failure::Succeeded(what)),
        Err(error) if error == expected => Ok(()),
        Err(error) => Err(Failure::Error(error)),
    }
}

/// Results so far.
#[derive(Default)]
pub struct Report {
    passed: u64,
    failed: u64,
}

impl Report {
    /// Writes the line of one check.
    pub fn line(
        &mut self,
        cx: &mut Cx<'_, Exerciser>,
        subject: &str,
        name: &str,
        result: Result<(), Failure>,
    ) -> Result<(), ThreadError> {
        let line = match result {
            Ok(()) => {
                self.passed += 1;
                format!("ok {subject} {name}\n")
            }
            Err(failure) => {
                self.failed += 1;
                match failure {
                    Failure::Wrong { what, found, expected } => {
                        format!("FAILED {subject} {name}: {what} is {found}, not {expected}\n")
                    }
                    Failure::Succeeded(what) => {
                        format!("FAILED {subject} {name}: {what} succeeded\n")
                    }
                    Failure::Refused(what) => {
                        format!("FAILED {subject} {name}: {what} was refused\n")
                    }
                    Failure::Error(error) => format!("FAILED {subject} {name}: {error}\n"),
                }
            }
        };
        write(cx, &line)
    }

    /// Writes the totals; the number of failures.
    pub fn end(&self, cx: &mut Cx<'_, Exerciser>) -> Result<u64, ThreadError> {
        let Report { passed, failed } = self;
        write(cx, &format!("{passed} passed, {failed} failed\n"))?;
        Ok(*failed)
    }
}

fn write(cx: &mut Cx<'_, Exerciser>, line: &str) -> Result<(), ThreadError> {
    match cx.req().terminal.write(cx, line.as_bytes()) {
        Ok(()) => Ok(()),
        Err(TerminalError::System(error)) => Err(error.into()),
        Err(_) => Err(ThreadError::Failed),
    }
}
