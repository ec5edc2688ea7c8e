//! A byte stream to and from a person or a script.

use warren::{Cx, Out, errors, service};

/// Why a console refused.
#[errors]
pub enum ConsoleError {
    /// There is no more input, and there will be none.
    Ended = 1,
    /// The device failed.
    Device = 2,
}

/// Bytes in, bytes out, nothing interpreted.
#[service(id = 0xc015_0001)]
pub trait Console {
    /// Waits for at least one byte and returns how many were read.
    fn read(cx: &mut Cx<'_, Self>, buffer: Out<'_>) -> Result<u64, ConsoleError>;
    /// Reads the bytes that have already arrived, without waiting; 0 if there are none.
    fn poll(cx: &mut Cx<'_, Self>, buffer: Out<'_>) -> Result<u64, ConsoleError>;
    /// Writes all bytes.
    fn write(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), ConsoleError>;
}
