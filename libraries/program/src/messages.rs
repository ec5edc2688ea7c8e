//! What errors are called in front of a person.

use warren::ServiceError;

/// An error as the end of a message: its line of the interface definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub &'static str);

impl<E: ServiceError> From<E> for Reason {
    fn from(error: E) -> Self {
        Reason(error.message())
    }
}
