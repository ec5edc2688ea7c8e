//! Where servers write what happens.

use warren::{AtomicCx, errors, service};

/// Why a log refused.
#[errors]
pub enum LogError {
    /// There is no room.
    Full = 1,
}

/// A sink for lines of text.
#[service(id = 0x1090_0001, atomic)]
pub trait Log {
    /// Adds one line, without its end. The log puts time and server before it.
    fn write(cx: &mut AtomicCx<'_, Self>, line: &str) -> Result<(), LogError>;
}
