//! What schedulers are told of their contexts.

use alloc::collections::VecDeque;

use super::{
    CONTEXTS, Context, Contexts, EndedBy, Loan, Reason, State, Token, context::Told,
    places::NOWHERE,
};

/// Where contexts are scheduled.
#[derive(Debug)]
pub(super) struct Processor {
    /// The context that dispatches.
    pub host: Option<Token>,
    /// Contexts of which the host has to hear, each once.
    changed: VecDeque<Token>,
}

impl Processor {
    pub fn has_news(&self) -> bool {
        !self.changed.is_empty()
    }

    /// There is nothing to hear of a context.
    pub fn remove(&mut self, token: Token) {
        self.changed.retain(|changed| *changed != token);
    }
}

/// What became of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, and ready.
    Arrived,
    /// It was blocked and is ready.
    Ready,
    /// It was ready and is blocked.
    Blocked,
    /// It has ended.
    Gone,
}

/// One thing to tell a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Of whom.
    pub context: Token,
    /// What.
    pub change: Change,
}

impl Contexts {
    /// A new place where contexts are scheduled, without a host yet. Returns its number.
    pub fn add_processor(&mut self) -> usize {
        // Room for all, so that telling never needs memory.
        let changed = VecDeque::with_capacity(CONTEXTS);
        self.processors.push(Processor { host: None, changed });
        self.processors.len() - 1
    }

    /// Makes a context the one that dispatches at a processor, and tells it of all contexts there as if they had just arrived.
    pub fn set_host(&mut self, processor: usize, host: Token) {
        let Some(place) = self.processors.get_mut(processor) else { return };
        place.host = Some(host);
        self.known(host).hosts = Some(processor);
        for slot in 0..self.slots.len() {
            let Some(context) = &mut self.slots[slot] else { continue };
            if context.processor == processor {
                context.told = Told::Nothing;
                let token = context.token;
                self.note(token);
            }
        }
    }

    /// The next thing that a processor's host has to hear of.
    pub fn next_news(&mut self, processor: usize) -> Option<News> {
        loop {
            let token = self.processors.get_mut(processor)?.changed.pop_front()?;
            let context = self.known(token);
            context.listed = false;
            let change = match (context.told, context.state) {
                (Told::Nothing, State::Ended) => None,
                (_, State::Ended) => Some(Change::Gone),
                (Told::Nothing, State::Blocked { .. }) => None,
                (Told::Nothing, _) => Some(Change::Arrived),
                (Told::Ready, State::Blocked { .. }) => Some(Change::Blocked),
                (Told::Blocked, State::Ready | State::Lends(_)) => Some(Change::Ready),
                (Told::Ready | Told::Blocked, _) => None,
            };
            self.is_told(token);
            if let Some(change) = change {
                return Some(News { context: token, change });
            }
        }
    }

    /// The scheduler knows a context as it is now. One that has ended is forgotten.
    pub(super) fn is_told(&mut self, token: Token) {
        let context = self.known(token);
        match context.state {
            State::Ready | State::Lends(_) => context.told = Told::Ready,
            // One of which the scheduler has never heard stays that way: it arrives when it is ready.
            State::Blocked { .. } if context.told == Told::Nothing => (),
            State::Blocked { .. } => context.told = Told::Blocked,
            // The list names it still.
            State::Ended if context.listed => context.told = Told::Nothing,
            State::Ended => self.slots[Self::slot(token)] = None,
        }
    }

    /// Something happened to a context of which its scheduler has to hear.
    pub(super) fn note(&mut self, token: Token) {
        self.note_by(None, token);
    }

    /// The same, as the doing of who runs on a CPU, if one is named.
    pub(super) fn note_by(&mut self, cpu: Option<usize>, token: Token) {
        let context = self.known(token);
        let processor = context.processor;
        let wakes = !matches!(context.state, State::Blocked { .. });
        if processor == NOWHERE {
            self.is_told(token);
            return;
        }
        let listed = core::mem::replace(&mut context.listed, true);
        let Some(place) = self.processors.get_mut(processor) else { return };
        if !listed {
            place.changed.push_back(token);
        }
        if wakes && let Some(host) = place.host {
            self.rouse(cpu, host);
        }
    }

    /// A host has news, the doing of who runs on the CPU `by`, if one is named: it goes on if it waits for them, or if its loan is ended by them.
    fn rouse(&mut self, by: Option<usize>, host: Token) {
        let Some(context) = self.find(host) else { return };
        let (cpu, is_link, hosts) = (context.cpu, context.is_link, context.hosts);
        match context.state {
            State::Blocked { .. } if context.awaits_news => self.wake_by(by, host),
            State::Lends(loan) if loan.help || loan.ended_by == EndedBy::Nothing => (),
            State::Lends(loan) if is_link => {
                if let EndedBy::Others { own_after } = loan.ended_by
                    && by == Some(cpu)
                {
                    let left = loan.left.min(own_after);
                    context.state = State::Lends(Loan { left, ..loan });
                    // Who has become ready need not wait for the end of the loan if another CPU has nothing to do.
                    hosts.into_iter().for_each(|processor| self.offer(processor));
                    return;
                }
                let chain = &mut self.chains[cpu];
                let level = chain.links.iter().position(|link| *link == host);
                chain.is_due_at(level.expect("a link is in its CPU's chain"));
            }
            State::Lends(_) => self.stop_loan(host, Reason::Preempted),
            _ => (),
        }
    }

    /// Whether a context hands on a processor's time.
    pub fn is_host(&self, token: Token) -> bool {
        self.processors.iter().any(|processor| processor.host == Some(token))
    }

    /// The principal of a context that this processor's scheduler is responsible for.
    pub fn principal_at(&self, processor: usize, token: Token) -> Option<usize> {
        let context = self.get(token).filter(|context| context.processor == processor)?;
        Some(context.principal)
    }

    /// Whether a context is a host whose loan is ended by news, and there are some.
    pub(super) fn is_wanted(&self, token: Token) -> bool {
        let Some(Context { state: State::Lends(loan), hosts: Some(processor), .. }) =
            self.get(token)
        else {
            return false;
        };
        loan.ended_by != EndedBy::Nothing && self.processors[*processor].has_news()
    }
}
