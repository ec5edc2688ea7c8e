//! Telling threads that something has happened.

use warren::{Cx, Ref, errors, service};

/// Why a signal refused.
#[errors]
pub enum SignalError {
    /// There is no room for another one.
    TooMany = 1,
}

/// A count that only grows, and that threads wait for. Whatever the count is about lies elsewhere: whoever waits looks there first,
/// then waits for a count other than the one that it saw before it looked. So nothing is missed, and nobody has to be told twice.
#[service(id = 0x5169_0001)]
pub trait Signal {
    /// Adds one to the count, and returns it. All who wait go on.
    fn raise(cx: &mut Cx<'_, Self>) -> Result<u64, SignalError>;
    /// Waits until the count differs from `seen`, which is 0 at the start; returns the count.
    fn wait(cx: &mut Cx<'_, Self>, seen: u64) -> Result<u64, SignalError>;
}

/// Makes signals.
#[service(id = 0x5169_0002)]
pub trait Signals {
    /// A new one, whose count is 0.
    fn signal<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Signal>, SignalError>;
}
