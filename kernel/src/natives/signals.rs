//! `Signals` and `Signal`.

use alloc::vec::Vec;

use warren::{Cx, Ref};
use warren_idl::SignalError;

use super::{answer, kinds};
use crate::{
    guarded::Guarded,
    threads::{self, Token},
};

/// Makes signals.
pub struct AllSignals;

/// One signal.
pub struct Signal(Guarded<State>);

struct State {
    count: u64,
    waiting: Vec<Token>,
}

warren_natives::natives!(AllSignals, Signal);

impl warren_idl::Signals for AllSignals {
    fn signal<'f>(_: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn warren_idl::Signal>, SignalError> {
        let signal = Signal(Guarded::new(State { count: 0, waiting: Vec::new() }));
        answer(kinds().signals, signal).map_err(SignalError::System)
    }
}

impl warren_idl::Signal for Signal {
    fn raise(cx: &mut Cx<'_, Self>) -> Result<u64, SignalError> {
        let (count, waiting) = cx.state().0.with(|state| {
            state.count += 1;
            (state.count, core::mem::take(&mut state.waiting))
        });
        waiting.into_iter().for_each(threads::wake);
        Ok(count)
    }

    fn wait(cx: &mut Cx<'_, Self>, seen: u64) -> Result<u64, SignalError> {
        let state = &cx.state().0;
        let look = |waiter| {
            state.with(|state| {
                if state.count != seen {
                    return Some(state.count);
                }
                state.waiting.push(waiter);
                None
            })
        };
        threads::wait_until(look).map_err(SignalError::System)
    }
}
