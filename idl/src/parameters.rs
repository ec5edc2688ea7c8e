//! What the system file says to this server.

use warren::{AtomicCx, Out, errors, service};

/// Why a parameter was refused.
#[errors]
pub enum ParameterError {
    /// The system file does not set it.
    Unset = 1,
}

/// The parameters of one server, as text.
#[service(id = 0x9a2a_0001, atomic)]
pub trait Parameters {
    /// Value of the parameter `name`; returns its length, which may exceed the buffer.
    fn get(cx: &mut AtomicCx<'_, Self>, name: &str, value: Out<'_>) -> Result<u64, ParameterError>;
}
