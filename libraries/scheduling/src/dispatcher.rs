//! The processor, as the loop sees it.

use warren::{Cx, Ref};
use warren_idl::{DispatchError, Outcome, Processor, Terms};

/// What is asked of a processor; see [`Processor::dispatch`]. It stops when there are news, all or those that are not the context's own doing: whether they matter, the
/// policy says when it is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The context, or 0 to wait.
    pub context: u64,
    /// Processor time that it may use, in nanoseconds.
    pub budget_ns: u64,
    /// Time until which it may run, in nanoseconds since the system started.
    pub until_ns: u64,
    /// Which news end it: `ENDED_BY_…`.
    pub ended_by: u32,
}

/// Whoever dispatches contexts: a processor, or what stands for one in tests.
pub trait Dispatcher {
    /// See [`Processor::dispatch`].
    fn dispatch(&mut self, dispatch: Dispatch) -> Result<Outcome, DispatchError>;
    /// See [`Processor::terms`].
    fn terms(&mut self, context: u64) -> Result<Terms, DispatchError>;
}

/// The processor that was given to a scheduler.
pub struct OnProcessor<'a, 'f, S> {
    /// The activation of `Scheduler::schedule`.
    pub cx: &'a mut Cx<'f, S>,
    /// Its parameter.
    pub processor: Ref<'f, dyn Processor>,
}

impl<S> Dispatcher for OnProcessor<'_, '_, S> {
    fn dispatch(&mut self, dispatch: Dispatch) -> Result<Outcome, DispatchError> {
        let Dispatch { context, budget_ns, until_ns, ended_by } = dispatch;
        self.processor.dispatch(self.cx, context, budget_ns, until_ns, ended_by)
    }

    fn terms(&mut self, context: u64) -> Result<Terms, DispatchError> {
        self.processor.terms(self.cx, context)
    }
}
