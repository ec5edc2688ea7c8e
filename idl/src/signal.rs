//! Telling threads that something has happened.

use warren::{AtomicCx, Cx, Ref, errors, service};

/// Why a signal refused.
#[errors]
pub enum SignalError {
    /// There is no room for another one.
    TooMany = 1,
}

/// A count that only grows, and that threads wait for. Whatever the count is about lies elsewhere: whoever waits looks there first,
/// then waits for a count other than the one that it saw before it looked. So nothing is missed, and nobody has to be told twice
/// (Reed and Kanodia, Synchronization with Eventcounts and Sequencers, 1979).
#[service(id = 0x5169_0003)]
pub trait Signal {
    /// Waits until the count differs from `seen`, which is 0 at the start, or the clock shows `until_ns`; returns the count. What is still `seen` then has not come in
    /// time.
    fn wait(cx: &mut Cx<'_, Self>, seen: u64, until_ns: u64) -> Result<u64, SignalError>;
    /// What adds to the count.
    fn raiser<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Raiser>, SignalError>;
}

/// The right to raise a signal. A thread that is over its deadline raises it nevertheless: whoever has changed a state can always
/// tell so.
#[service(id = 0x5169_0004, atomic)]
pub trait Raiser {
    /// Adds one to the count, and returns it. All who wait go on.
    fn raise(cx: &mut AtomicCx<'_, Self>) -> Result<u64, SignalError>;
}

/// Makes signals.
#[service(id = 0x5169_0005)]
pub trait Signals {
    /// A new one, whose count is 0.
    fn signal<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Signal>, SignalError>;
}
