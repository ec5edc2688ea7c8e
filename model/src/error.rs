//! Errors of services, and the one error of constructors.

use core::fmt::{Debug, Display};

use warren_abi::call::SystemError;

/// The error of a service, implemented by [`macro@crate::errors`].
pub trait ServiceError: Copy + Debug + Display + From<SystemError> + 'static {
    /// The number that travels: the service's own below 0x10000, a system error's above.
    fn number(self) -> u64;
    /// The error with this number; [`SystemError::BadAnswer`] if the service defines none.
    fn from_number(number: u64) -> Self;
    /// One line for people.
    fn message(self) -> &'static str;
}

impl ServiceError for SystemError {
    fn number(self) -> u64 {
        SystemError::number(self)
    }

    fn from_number(number: u64) -> Self {
        SystemError::from_number(number).unwrap_or(SystemError::BadAnswer)
    }

    fn message(self) -> &'static str {
        SystemError::message(self)
    }
}

/// Why a server could not be constructed or started.
///
/// Any service's error becomes one by `?`; what the server itself finds wrong is
/// [`StartError::new`]. The system writes its message to the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StartError {
    number: u64,
    message: &'static str,
}

impl StartError {
    /// The number of a refusal that is the server's own.
    pub const OWN: u64 = warren_abi::call::OWN_REASON;

    /// The server refuses, for this reason.
    pub const fn new(message: &'static str) -> Self {
        StartError { number: Self::OWN, message }
    }

    /// The number of the error that was the cause.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// One line for people.
    pub const fn message(self) -> &'static str {
        self.message
    }
}

impl<E: ServiceError> From<E> for StartError {
    fn from(error: E) -> Self {
        StartError { number: error.number(), message: error.message() }
    }
}

impl Debug for StartError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        Display::fmt(self, formatter)
    }
}

impl Display for StartError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{} ({})", self.message, self.number)
    }
}

impl core::error::Error for StartError {}
