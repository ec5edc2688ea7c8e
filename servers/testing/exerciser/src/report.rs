//! What came of the checks, as lines.

use alloc::{format, string::String};

use warren::ServiceError;

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
    /// A call failed, or with another error than it must: the error's message.
    Error(&'static str),
}

impl<E: ServiceError> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Error(error.message())
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
pub fn refused<T, E: ServiceError + PartialEq>(
    what: &'static str,
    result: Result<T, E>,
    expected: E,
) -> Result<(), Failure> {
    match result {
        Ok(_) => Err(Failure::Succeeded(what)),
        Err(error) if error == expected => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Results so far.
#[derive(Default)]
pub struct Report {
    passed: u64,
    failed: u64,
}

impl Report {
    /// The line of one check.
    pub fn line(&mut self, subject: &str, name: &str, result: Result<(), Failure>) -> String {
        let Err(failure) = result else {
            self.passed += 1;
            return format!("ok {subject} {name}\n");
        };
        self.failed += 1;
        match failure {
            Failure::Wrong { what, found, expected } => {
                format!("FAILED {subject} {name}: {what} is {found}, not {expected}\n")
            }
            Failure::Succeeded(what) => format!("FAILED {subject} {name}: {what} succeeded\n"),
            Failure::Refused(what) => format!("FAILED {subject} {name}: {what} was refused\n"),
            Failure::Error(error) => format!("FAILED {subject} {name}: {error}\n"),
        }
    }

    /// The totals.
    pub fn totals(&self) -> String {
        let Report { passed, failed } = self;
        format!("{passed} passed, {failed} failed\n")
    }

    /// The number of failures as an exit status.
    pub fn status(&self) -> u8 {
        u8::try_from(self.failed).unwrap_or(u8::MAX)
    }
}
