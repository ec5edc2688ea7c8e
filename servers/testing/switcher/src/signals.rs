//! A signal that wakes a more important thread, and the one that it answers by.

use alloc::vec::Vec;

use warren::{Cx, Ref, cycles};
use warren_idl::{NEVER_NS, PartnerError, Raiser, Signal, SignalError};

use crate::{
    Run,
    output::{Failure, row},
};

/// Rounds that are measured, and rounds before them.
pub const ROUNDS: u64 = 100;
const WARMING_UP: u64 = 8;
/// First without and then with a result.
pub const TRIES: [u64; 2] = [WARMING_UP, ROUNDS];

/// A signal to the partner, and the partner's.
pub struct Signals<'f> {
    pub call: Ref<'f, dyn Signal>,
    pub raiser: Ref<'f, dyn Raiser>,
    pub answer: Ref<'f, dyn Signal>,
    pub answerer: Ref<'f, dyn Raiser>,
    answered: u64,
}

impl<'f> Signals<'f> {
    /// New ones.
    pub fn new(cx: &mut Cx<'f, Run>) -> Result<Self, SignalError> {
        let signals = cx.req().signals.as_ref();
        let (call, answer) = (signals.signal(cx)?, signals.signal(cx)?);
        let (raiser, answerer) = (call.raiser(cx)?, answer.raiser(cx)?);
        Ok(Signals { call, raiser, answer, answerer, answered: 0 })
    }

    /// Waits for the next answer.
    pub fn wait(&mut self, cx: &mut Cx<'f, Run>) -> Result<(), SignalError> {
        self.answered = self.answer.wait(cx, self.answered, NEVER_NS)?;
        Ok(())
    }
}

/// The partner waits, is woken, preempts this thread, answers, and waits again.
pub fn there_and_back(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    for rounds in TRIES {
        cx.scope(|cx| {
            let mut signals = Signals::new(cx)?;
            let partner = cx.req().urgent.as_ref();
            let thread = partner.answer(cx, signals.call, signals.answerer, rounds)?;
            let mut raised = 0_u64;
            let start = cycles();
            for _ in 0..rounds {
                raised = raised.wrapping_add(cycles());
                signals.raiser.raise()?;
                signals.wait(cx)?;
            }
            let took = cycles() - start;
            let resumed = thread.join(cx)?;
            if rounds == ROUNDS {
                row(output, "woken, answers, blocks", took, rounds);
                let until_woken = resumed.wrapping_sub(raised);
                row(output, "raise until who waits for it runs", until_woken, rounds);
            }
            Ok::<_, Failure>(())
        })?;
    }
    Ok(())
}

/// The partner calls a server, first one that is free, then one that this thread is in when the partner preempts it.
pub fn contended(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    let held = cx.req().held.as_ref();
    let free = |_: &mut Cx<'_, Run>, raiser: Ref<'_, dyn Raiser>| {
        raiser.raise().map(|_| ()).map_err(|_| PartnerError::Failed)
    };
    let taken = |cx: &mut Cx<'_, Run>, raiser: Ref<'_, dyn Raiser>| held.raise(cx, raiser);
    for rounds in TRIES {
        for is_free in [true, false] {
            let took = cx.scope(|cx| {
                let mut signals = Signals::new(cx)?;
                let partner = cx.req().urgent.as_ref();
                let thread = partner.call_and_answer(cx, signals.call, signals.answerer, rounds)?;
                for _ in 0..rounds {
                    let raiser = signals.raiser;
                    if is_free { free(cx, raiser) } else { taken(cx, raiser) }?;
                    signals.wait(cx)?;
                }
                Ok::<_, Failure>(thread.join(cx)?)
            })?;
            let what = if is_free {
                "call, lock free"
            } else {
                "call, lock's preempted holder helped until it blocks"
            };
            if rounds == ROUNDS {
                row(output, what, took, rounds);
            }
        }
    }
    Ok(())
}
