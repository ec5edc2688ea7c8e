//! What measurements of switches need on the other side: threads of another server, and perhaps of another principal.

use warren::{AtomicCx, Cx, Ref, errors, service};

use crate::{InterruptLine, Raiser, Signal, Thread, ThreadError};

/// Why a partner refused.
#[errors]
pub enum PartnerError {
    /// A call that is measured failed.
    Failed = 1,
}

impl From<ThreadError> for PartnerError {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::System(error) => PartnerError::System(error),
            _ => PartnerError::Failed,
        }
    }
}

/// The other side of a measurement. Each function starts a thread of the partner's principal. What [`Thread::join`]
/// returns is measured by the processor's clock (`warren::cycles`); sums are modulo 2^64.
#[service(id = 0x7e57_0009)]
pub trait Partner {
    /// Waits for `call`, raises `answer`, and so on, `rounds` times. The result is the sum of the moments at which it went on.
    fn answer<'f>(
        cx: &mut Cx<'f, Self>,
        call: Ref<'f, dyn Signal>,
        answer: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError>;
    /// The same, and makes one call to the [`Callee`] that the partner is connected to each time before it answers. The result is what these calls took.
    fn call_and_answer<'f>(
        cx: &mut Cx<'f, Self>,
        call: Ref<'f, dyn Signal>,
        answer: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError>;
    /// Waits for the line, and raises `answer` after each interrupt; waits again when `call` is raised, `rounds` times. The result is
    /// the sum of the moments at which it went on after interrupts.
    fn handle<'f>(
        cx: &mut Cx<'f, Self>,
        line: Ref<'f, dyn InterruptLine>,
        call: Ref<'f, dyn Signal>,
        answer: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError>;
    /// Sleeps for `duration_ns` nanoseconds, `rounds` times. The result is by how much all of it was longer.
    fn sleep<'f>(
        cx: &mut Cx<'f, Self>,
        duration_ns: u64,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError>;
    /// Computes for so many ticks. The result is how long it ran without another one's turn between, in the median.
    fn spin<'f>(cx: &mut Cx<'f, Self>, ticks: u64) -> Result<Ref<'f, dyn Thread>, PartnerError>;
    /// Waits for `start`, and then computes for `rounds` rounds of a short loop. The result is what that took.
    fn compute<'f>(
        cx: &mut Cx<'f, Self>,
        start: Ref<'f, dyn Signal>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError>;
    /// Waits for `start`, and then makes `rounds` calls to the [`Callee`] that the partner is connected to. The result is what they took.
    fn call<'f>(
        cx: &mut Cx<'f, Self>,
        start: Ref<'f, dyn Signal>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError>;
}

/// What is called by both sides.
#[service(id = 0x7e57_000b)]
pub trait Callee {
    /// Does nothing.
    fn nothing(cx: &mut Cx<'_, Self>) -> Result<(), PartnerError>;
    /// Raises a signal while the callee's lock is held.
    fn raise<'f>(cx: &mut Cx<'f, Self>, raiser: Ref<'f, dyn Raiser>) -> Result<(), PartnerError>;
    /// The same, and then computes for `rounds` rounds of a short loop while the lock is still held.
    fn raise_and_compute<'f>(
        cx: &mut Cx<'f, Self>,
        raiser: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<(), PartnerError>;
}

/// What a scheduler that is measured has counted since it was asked last.
#[service(id = 0x7e57_000a, atomic)]
pub trait Meter {
    /// How many dispatches there were. Must be asked first, since the other two are about these.
    fn dispatches(cx: &mut AtomicCx<'_, Self>) -> Result<u64, PartnerError>;
    /// How many ticks they took.
    fn elapsed(cx: &mut AtomicCx<'_, Self>) -> Result<u64, PartnerError>;
    /// How many nanoseconds of them were charged to whoever was dispatched.
    fn used_ns(cx: &mut AtomicCx<'_, Self>) -> Result<u64, PartnerError>;
}
