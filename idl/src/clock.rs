//! What time it is, and waiting.

use warren::{AtomicCx, Cx, errors, service};

/// Why a clock or timer refused.
#[errors]
pub enum TimeError {
    /// The wait was ended before its time.
    Interrupted = 1,
}

/// A time that never comes.
pub const NEVER_NS: u64 = u64::MAX;

/// Monotonic time.
#[service(id = 0xc10c_0001, atomic)]
pub trait Clock {
    /// Nanoseconds since the system started.
    fn now_ns(cx: &mut AtomicCx<'_, Self>) -> Result<u64, TimeError>;
}

/// Waiting.
#[service(id = 0xc10c_0002)]
pub trait Timer {
    /// Returns after at least `duration_ns` nanoseconds.
    fn sleep(cx: &mut Cx<'_, Self>, duration_ns: u64) -> Result<(), TimeError>;
}
