//! At which processors a context may be scheduled, and at which one it is.

use core::ops::Range;

use super::{Contexts, Token, context::Told};

/// The number of no processor.
pub(super) const NOWHERE: usize = usize::MAX;

/// The processors at one of which a context is scheduled: those of one scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The number of the first.
    pub first: usize,
    /// How many there are.
    pub count: usize,
}

impl Places {
    /// No processor: it runs only as the guest of a root.
    pub const ROOT: Places = Places { first: NOWHERE, count: 0 };

    /// One processor.
    pub const fn one(number: usize) -> Self {
        Places { first: number, count: 1 }
    }

    /// Their numbers.
    pub fn numbers(self) -> Range<usize> {
        self.first..self.first.saturating_add(self.count)
    }

    /// The one that is as far from the first as `number`, counted round.
    pub fn only(self, number: usize) -> Self {
        Places::one(self.first + number % self.count)
    }
}

impl Contexts {
    /// That one of several places where the fewest contexts are.
    pub(super) fn emptiest(&self, places: Places) -> usize {
        match places {
            Places { count: 0, .. } => NOWHERE,
            Places { first, count: 1 } => first,
            _ => places.numbers().min_by_key(|number| self.count_at(*number)).unwrap_or(NOWHERE),
        }
    }

    fn count_at(&self, processor: usize) -> usize {
        self.slots.iter().flatten().filter(|context| context.processor == processor).count()
    }

    /// Lets a context be scheduled elsewhere.
    pub fn move_to(&mut self, token: Token, places: Places) {
        let processor = self.emptiest(places);
        if let Some(context) = self.find(token) {
            context.places = places;
            self.assign(token, processor);
        }
    }

    /// Lets all contexts of a processor whose host is no more be scheduled elsewhere.
    pub fn move_all(&mut self, from: usize, places: Places) {
        if let Some(place) = self.processors.get_mut(from) {
            place.host = None;
        }
        for slot in 0..self.slots.len() {
            let Some(context) = &self.slots[slot] else { continue };
            if context.processor == from {
                let token = context.token;
                self.move_to(token, places);
            }
        }
    }

    /// Moves a context to a processor, from another one whose host has dispatched somebody else. `false` if none waits there that may be
    /// moved.
    pub(super) fn take_over(&mut self, processor: usize) -> bool {
        if self.chains.len() == 1 {
            return false;
        }
        let found = self.slots.iter().flatten().find(|context| {
            context.processor != processor
                && context.places.numbers().contains(&processor)
                && context.waits_for_its_turn()
                // A host that is about to choose may choose this one; and it may have taken it over itself.
                && self.is_busy(context.processor)
        });
        let Some(token) = found.map(|context| context.token) else { return false };
        self.assign(token, processor);
        true
    }

    /// Whether a processor's host has dispatched somebody.
    fn is_busy(&self, processor: usize) -> bool {
        let host = self.processors.get(processor).and_then(|place| self.get(place.host?));
        host.and_then(|host| host.state.loan()).is_some_and(|loan| !loan.help)
    }

    /// A processor's host has dispatched somebody. If another context waits there for its turn, a host that has nothing to dispatch is
    /// woken and may take it over.
    pub(super) fn offer(&mut self, processor: usize) {
        if self.chains.len() == 1
            || !self.processors.iter().any(|place| self.is_waiting(place.host))
        {
            return;
        }
        let mut waiting = self.slots.iter().flatten().filter(|context| {
            context.processor == processor
                && context.places.count > 1
                && context.waits_for_its_turn()
        });
        let host = waiting.find_map(|context| {
            let mut places = self.processors.get(context.places.numbers())?.iter();
            places.find(|place| self.is_waiting(place.host))?.host
        });
        host.into_iter().for_each(|host| self.wake(host));
    }

    /// Whether a host has nothing to dispatch.
    fn is_waiting(&self, host: Option<Token>) -> bool {
        host.and_then(|host| self.get(host)).is_some_and(|host| host.awaits_news)
    }

    /// Moves a context to another processor. The host of the old one learns of it when it dispatches the context.
    fn assign(&mut self, token: Token, processor: usize) {
        let context = self.known(token);
        let old = core::mem::replace(&mut context.processor, processor);
        context.told = Told::Nothing;
        let listed = core::mem::take(&mut context.listed);
        if listed && let Some(place) = self.processors.get_mut(old) {
            place.remove(token);
        }
        self.note(token);
    }
}
