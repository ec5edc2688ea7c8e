//! `Log`: lines of servers, each with the server's name before it.

use alloc::string::String;
use core::marker::PhantomData;

use warren::AtomicCx;
use warren_engine::platform::Platform;
use warren_idl::LogError;

use crate::kind::caller;

/// The system's log.
pub struct Log<P>(PhantomData<fn() -> P>);

crate::natives!(for P: Platform, Log<P>);

impl<P> Log<P> {
    /// The platform's log.
    pub const fn new() -> Self {
        Log(PhantomData)
    }
}

impl<P> Default for Log<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes of a line that are written: the port is slow, and nobody else runs meanwhile.
const LINE_BYTES: usize = 1024;

impl<P: Platform> warren_idl::Log for Log<P> {
    fn write(_: &mut AtomicCx<'_, Self>, line: &str) -> Result<(), LogError> {
        // A copy, so that a wild address is met here and not inside `critical`.
        let line = String::from(&line[..line.floor_char_boundary(LINE_BYTES)]);
        P::critical(|| P::log(format_args!("{}: {line}", caller::<P>().name)));
        Ok(())
    }
}
