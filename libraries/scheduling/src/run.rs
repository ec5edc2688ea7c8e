//! The loop of a scheduler: choose, dispatch, hear what happened.

use alloc::vec::Vec;

use warren_idl::{ContextNews, DispatchError, ENDED_BY_ANYBODY, ENDED_BY_OTHERS, Outcome, Terms};

use crate::{
    Dispatch, Dispatcher, FOREVER_NS, Policy, Slot,
    contexts::{Contexts, State},
};

/// How long a scheduler waits that has nothing to dispatch but what the processor has just refused, in nanoseconds.
const RETRY_NS: u64 = 1_000_000;

/// Hands on time as the policy chooses.
///
/// A context that gave way, or that the processor refuses because it is not ready, is kept from the policy until another one
/// has been dispatched. So each round dispatches something else, or waits.
///
/// # Errors
///
/// It returns with the first error of the processor's that is not about one context.
pub fn run(processor: &mut impl Dispatcher, policy: impl Policy) -> Result<(), DispatchError> {
    let mut round = Round::new(policy);
    loop {
        let (slot, dispatch) = round.choose();
        match (processor.dispatch(dispatch), slot) {
            (Ok(outcome), slot) => {
                round.ended(slot, &outcome);
                // The number is the processor's, and not believed.
                for news in outcome.news.iter().take(outcome.count as usize) {
                    round.hear(news, processor)?;
                }
            }
            (Err(DispatchError::Unknown), Some(slot)) => round.gone(slot),
            (Err(DispatchError::NotReady), Some(slot)) => round.set_aside(slot),
            (Err(error), _) => return Err(error),
        }
    }
}

/// What the loop knows from one round to the next.
struct Round<P> {
    policy: P,
    contexts: Contexts,
    /// What has been set aside. Contexts that are ready again or gone since then may still be here.
    aside: Vec<Slot>,
    /// Whether something was set aside because it gave way: it need not wait if there is nothing else.
    gave_way: bool,
    /// What time it was at the end of the last dispatch.
    now_ns: u64,
}

impl<P: Policy> Round<P> {
    fn new(policy: P) -> Self {
        let contexts = Contexts::default();
        Round { policy, contexts, aside: Vec::new(), gave_way: false, now_ns: 0 }
    }

    /// What is to be dispatched, and its slot if it is a context.
    fn choose(&mut self) -> (Option<Slot>, Dispatch) {
        let mut turn = self.policy.choose(self.now_ns);
        if turn.is_none() && self.gave_way {
            self.take_back();
            turn = self.policy.choose(self.now_ns);
        }
        let Some(turn) = turn else { return (None, self.wait()) };
        let dispatch = Dispatch {
            context: self.contexts.number(turn.slot),
            budget_ns: turn.budget_ns,
            until_ns: turn.until_ns,
            ended_by: if P::HEEDS_OWN { ENDED_BY_ANYBODY } else { ENDED_BY_OTHERS },
        };
        (Some(turn.slot), dispatch)
    }

    /// Waits for news; what the processor refused may be ready again without any.
    fn wait(&self) -> Dispatch {
        let until_ns = match self.aside.is_empty() {
            true => FOREVER_NS,
            false => self.now_ns.saturating_add(RETRY_NS),
        };
        Dispatch { context: 0, budget_ns: FOREVER_NS, until_ns, ended_by: ENDED_BY_ANYBODY }
    }

    /// A dispatch, of the context in this slot or of none, has ended.
    fn ended(&mut self, slot: Option<Slot>, outcome: &Outcome) {
        self.now_ns = self.now_ns.max(outcome.now_ns);
        self.take_back();
        let Some(slot) = slot else { return };
        let gave_way = outcome.reason == Outcome::YIELDED;
        self.policy.charge(slot, outcome.used_ns, gave_way, self.now_ns);
        match outcome.reason {
            Outcome::BLOCKED => self.blocked(slot),
            Outcome::FINISHED | Outcome::FAULTED | Outcome::KILLED => self.gone(slot),
            Outcome::YIELDED => {
                self.set_aside(slot);
                self.gave_way = true;
            }
            // It is still ready. If this is wrong, for a reason that is not known here, the processor will say so.
            _ => (),
        }
    }

    /// Hears of one context. What is not known has arrived, whatever else is said of it.
    fn hear(
        &mut self,
        news: &ContextNews,
        processor: &mut impl Dispatcher,
    ) -> Result<(), DispatchError> {
        let known = self.contexts.find(news.context);
        if news.kind == ContextNews::GONE {
            known.into_iter().for_each(|slot| self.gone(slot));
            return Ok(());
        }
        let slot = match known {
            Some(slot) if news.kind != ContextNews::ARRIVED => slot,
            _ => {
                // It may have ended and begun anew.
                known.into_iter().for_each(|slot| self.gone(slot));
                match processor.terms(news.context) {
                    Ok(terms) => self.arrived(news.context, &terms),
                    // It is gone already.
                    Err(DispatchError::Unknown) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        match news.kind {
            ContextNews::BLOCKED => self.blocked(slot),
            _ => self.ready(slot),
        }
        Ok(())
    }

    fn arrived(&mut self, context: u64, terms: &Terms) -> Slot {
        let slot = self.contexts.add(context);
        self.policy.arrived(slot, terms, self.now_ns);
        slot
    }

    fn ready(&mut self, slot: Slot) {
        if self.contexts.state(slot) != State::Ready {
            self.contexts.set_state(slot, State::Ready);
            self.policy.ready(slot, self.now_ns);
        }
    }

    fn blocked(&mut self, slot: Slot) {
        self.hide(slot, State::Blocked);
    }

    fn set_aside(&mut self, slot: Slot) {
        self.hide(slot, State::Aside);
        self.aside.push(slot);
    }

    fn hide(&mut self, slot: Slot, state: State) {
        if self.contexts.state(slot) == State::Ready {
            self.policy.blocked(slot, self.now_ns);
        }
        self.contexts.set_state(slot, state);
    }

    fn gone(&mut self, slot: Slot) {
        self.blocked(slot);
        self.policy.gone(slot, self.now_ns);
        self.contexts.remove(slot);
    }

    /// What was set aside can be chosen again.
    fn take_back(&mut self) {
        self.gave_way = false;
        while let Some(slot) = self.aside.pop() {
            if self.contexts.state(slot) == State::Aside {
                self.ready(slot);
            }
        }
    }
}
