//! `Signals`, `Signal` and `Raiser`.
#![expect(unsafe_code, reason = "a count is shared by threads, which exclude each other")]

use alloc::sync::Arc;
use core::{cell::UnsafeCell, marker::PhantomData};

use warren::{AtomicCx, Cx, Ref, SystemError};
use warren_engine::instance::Instance;
use warren_idl::{NEVER_NS, SignalError};

use crate::{
    kind::{LocalKind, create_local},
    waiters::{Waiters, Waiting},
};

/// Makes signals.
pub struct Signals<P: Waiting>(&'static Kinds<P>);

/// One signal.
pub struct Signal<P: Waiting> {
    count: Arc<Count<P>>,
    kinds: &'static Kinds<P>,
}

/// What raises a signal.
pub struct Raiser<P>(Arc<Count<P>>);

crate::natives!(for P: Waiting, Signals<P>);
crate::natives!(for P: Waiting, Signal<P>);
crate::natives!(for P: Waiting, Raiser<P>);

/// What signals and their raisers are made of.
struct Kinds<P: Waiting> {
    natives: &'static Instance,
    signals: LocalKind<dyn warren_idl::Signal, Signal<P>>,
    raisers: LocalKind<dyn warren_idl::Raiser, Raiser<P>>,
}

/// A signal's count, and who waits for another one.
///
/// S1: `state` is only reached by [`Count::with`].
struct Count<P> {
    state: UnsafeCell<State>,
    platform: PhantomData<fn() -> P>,
}

// SAFETY: S1, and `with` works inside `critical`, which excludes every other thread.
unsafe impl<P> Sync for Count<P> {}

// SAFETY: what is in it may be dropped by any thread.
unsafe impl<P> Send for Count<P> {}

#[derive(Default)]
struct State {
    count: u64,
    waiters: Waiters,
}

impl<P: Waiting> Signals<P> {
    /// Signals that belong to the platform's own instance. Inside `critical`.
    pub fn new(natives: &'static Instance) -> Self {
        let (signals, raisers) = (LocalKind::new::<P>(), LocalKind::new::<P>());
        Signals(alloc::boxed::Box::leak(Kinds { natives, signals, raisers }.into()))
    }
}

impl<P: Waiting> Count<P> {
    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        // SAFETY: inside `critical`, and `work` comes back here in no way (S1).
        P::critical(|| work(unsafe { &mut *self.state.get() }))
    }
}

impl<P: Waiting> warren_idl::Signals for Signals<P> {
    fn signal<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn warren_idl::Signal>, SignalError> {
        let kinds = cx.state().0;
        let count = Arc::new(Count { state: UnsafeCell::default(), platform: PhantomData });
        let created =
            create_local::<P, _, _>(kinds.natives, &kinds.signals, Signal { count, kinds });
        created.map_err(SignalError::System)
    }
}

impl<P: Waiting> warren_idl::Signal for Signal<P> {
    fn wait(cx: &mut Cx<'_, Self>, seen: u64, until_ns: u64) -> Result<u64, SignalError> {
        let count = &cx.state().count;
        let is_late = || until_ns != NEVER_NS && P::now_ns() >= until_ns;
        let mut waiter = 0;
        let found = P::wait_until(|thread| {
            waiter = thread;
            count.with(|state| {
                if state.count != seen {
                    return Ok(state.count);
                }
                if is_late() {
                    state.waiters.forget(thread);
                    return Ok(seen);
                }
                state.waiters.note(thread);
                Err(until_ns)
            })
        });
        found.map_err(|error: SystemError| {
            count.with(|state| state.waiters.forget(waiter));
            SignalError::System(error)
        })
    }

    fn raiser<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn warren_idl::Raiser>, SignalError> {
        let Signal { count, kinds } = cx.state();
        let raiser = Raiser(count.clone());
        let created = create_local::<P, _, _>(kinds.natives, &kinds.raisers, raiser);
        created.map_err(SignalError::System)
    }
}

impl<P: Waiting> warren_idl::Raiser for Raiser<P> {
    fn raise(cx: &mut AtomicCx<'_, Self>) -> Result<u64, SignalError> {
        let (count, waiters) = cx.state().0.with(|state| {
            state.count += 1;
            (state.count, state.waiters.take())
        });
        P::critical(|| waiters.into_iter().for_each(P::wake));
        Ok(count)
    }
}
