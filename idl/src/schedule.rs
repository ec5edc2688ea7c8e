//! Whose turn it is: schedulers, and the processors on which they let others run.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why a processor refused.
#[errors]
pub enum DispatchError {
    /// There is no such context, or it is another scheduler's.
    Unknown = 1,
    /// The context cannot run: it is blocked, or others lend it their time.
    NotReady = 2,
    /// Only the thread that the system made for the scheduler may dispatch.
    NotTheHost = 3,
    /// Too many schedulers lie one above the other.
    TooDeep = 4,
    /// The system wants its thread back for a moment: the scheduler is to return, and is called again.
    Recalled = 5,
}

/// News of one context that the scheduler is responsible for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ContextNews {
    /// The context.
    pub context: u64,
    /// [`ContextNews::ARRIVED`], [`ContextNews::READY`], [`ContextNews::BLOCKED`] or [`ContextNews::GONE`].
    pub kind: u32,
    /// 0.
    pub padding: u32,
}

impl ContextNews {
    /// `kind` of a context that is new here, and ready. [`Processor::terms`] says what it may expect.
    pub const ARRIVED: u32 = 1;
    /// `kind` of a context that was blocked and is ready now.
    pub const READY: u32 = 2;
    /// `kind` of a context that was ready and is blocked now, although its scheduler did not dispatch it: somebody had lent it time.
    pub const BLOCKED: u32 = 3;
    /// `kind` of a context that has ended, or has become another scheduler's.
    pub const GONE: u32 = 4;
}

impl Flat for ContextNews {}

/// How a dispatch ended, and what happened meanwhile.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Outcome {
    /// Why the context stopped: [`Outcome::BLOCKED`] and so on.
    pub reason: u32,
    /// How many of `news` are filled in. If all are, there may be more: the next dispatch brings them.
    pub count: u32,
    /// Processor time that was used, in nanoseconds.
    pub used_ns: u64,
    /// What time it is, in nanoseconds since the system started.
    pub now_ns: u64,
    /// News, in the order in which they happened.
    pub news: [ContextNews; Outcome::NEWS],
}

impl Outcome {
    /// News that fit.
    pub const NEWS: usize = 6;

    /// `reason`: it waits for something. It is the scheduler's again when it is [`ContextNews::READY`].
    pub const BLOCKED: u32 = 1;
    /// `reason`: there are news, and the scheduler wanted to hear of them at once; or it had nothing to dispatch. It is still ready.
    pub const PREEMPTED: u32 = 2;
    /// `reason`: its budget is spent. It is still ready.
    pub const SPENT: u32 = 3;
    /// `reason`: the time until which it was to run has come. It is still ready.
    pub const DEADLINE: u32 = 4;
    /// `reason`: it gave way to others on its own account. It is still ready.
    pub const YIELDED: u32 = 5;
    /// `reason`: its program has come to its end. It does not exist any more.
    pub const FINISHED: u32 = 6;
    /// `reason`: its program ended because a server on its path died. It does not exist any more.
    pub const FAULTED: u32 = 7;
    /// `reason`: somebody ended it. It does not exist any more.
    pub const KILLED: u32 = 8;
}

impl Flat for Outcome {}

/// What the system's file, or whoever made the principal, lets the contexts of a principal expect. Each scheduler looks at what it understands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Terms {
    /// The principal that pays for the context.
    pub principal: u32,
    /// Higher runs first; 0 is the lowest.
    pub priority: u32,
    /// Its share beside others of the same scheduler; 0 counts as 1.
    pub weight: u32,
    /// 0.
    pub padding: u32,
    /// Processor time in each period that the principal is guaranteed, in nanoseconds; 0 for no guarantee.
    pub slice_ns: u64,
    /// Length of the period, in nanoseconds.
    pub period_ns: u64,
}

impl Flat for Terms {}

/// Hundredths of a processor's time that are guaranteed at most, all principals of a scheduler together, if its parameter
/// [`LIMIT_PARAMETER`] does not say otherwise. The rest is for those without a guarantee, and for the costs of dispatching, which nobody's
/// slice contains.
pub const GUARANTEED_PERCENT: u64 = 90;

/// Name of the parameter by which a scheduler that knows guarantees is told another limit.
pub const LIMIT_PARAMETER: &str = "limit-percent";

/// A dispatch is ended by no news.
pub const ENDED_BY_NOTHING: u32 = 0;
/// A dispatch is ended by all news.
pub const ENDED_BY_ANYBODY: u32 = 1;
/// A dispatch is ended by news that are not the doing of the context itself, which wakes another one by a signal, say: by what devices, clocks and other CPUs bring, and by contexts that are new or end. Its own doing ends it a millisecond later.
pub const ENDED_BY_OTHERS: u32 = 2;

/// Processor time, as one scheduler hands it on to contexts.
#[service(id = 0x5c4e_0001)]
pub trait Processor {
    /// Lets `context` run until it stops, has used `budget_ns` of processor time, or the clock shows `until_ns`. 0 is no
    /// context: then this waits until there are news or the clock shows `until_ns`. Unless it is [`ENDED_BY_NOTHING`] it also stops
    /// when there are such news; and if it has no context to run, it takes over one that is ready and waits for its turn at another
    /// processor of the same scheduler, which arrives here, and is unknown there from then on. If it stops with the news not all told, the next dispatch returns at once with more of them.
    ///
    /// A context that is itself a scheduler's goes on with the context that it has dispatched.
    fn dispatch(
        cx: &mut Cx<'_, Self>,
        context: u64,
        budget_ns: u64,
        until_ns: u64,
        ended_by: u32,
    ) -> Result<Outcome, DispatchError>;
    /// What a context may expect.
    fn terms(cx: &mut Cx<'_, Self>, context: u64) -> Result<Terms, DispatchError>;
}

/// Decides whose turn it is.
#[service(id = 0x5c4e_0002)]
pub trait Scheduler {
    /// Hands on the time of the thread that calls it, which the system made for this: on several CPUs one for each of them, at the
    /// same time, if the scheduler is not below another one. It does not return as long as the processor answers.
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError>;
}
