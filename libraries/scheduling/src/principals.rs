//! Proportional share among principals: start-time fair queueing (Goyal, Guo, Vin 1996).
//!
//! Each principal has a clock of its own, which goes while its contexts run, the slower the more weight it has. The
//! one whose clock is furthest behind runs. Its contexts share what it gets: they stand in a [`Line`].
//!
//! # Those that block
//!
//! The clock of a principal with no context ready stands. When it wakes it is put forward to the virtual time, at which those are
//! who were ready meanwhile, so that nobody catches up on what they slept through. Nor does anybody gain by
//! having no context for a moment: a principal is remembered until the virtual time has come to its clock.
//!
//! # What it promises
//!
//! Of two principals that always have a context ready, in any span of time: what each has used, divided by its weight, differs by not more
//! than a slice divided by the one weight and a slice divided by the other.

use alloc::vec::Vec;

use warren_idl::Terms;

use crate::{Line, PerContext, Place, Slot};

/// Weight from which on more weight is worth nothing: clocks count whole nanoseconds, and would hardly move.
const MOST_WEIGHT: u32 = 10_000;

/// All principals of a scheduler, with a `T` for each.
#[derive(Debug)]
pub struct Principals<T> {
    /// By their numbers, ascending.
    list: Vec<Principal<T>>,
    contexts: PerContext<Context>,
    /// What the clock shows of whoever ran last; it never goes back.
    virtual_ns: u64,
    slice_ns: u64,
}

/// One principal that has contexts, or has had some until lately.
#[derive(Debug)]
struct Principal<T> {
    number: u32,
    /// How many contexts it has.
    contexts: usize,
    /// Those of them that are ready.
    line: Line,
    clock: Clock,
    /// What the policy knows of it besides.
    more: T,
}

#[derive(Debug)]
struct Context {
    principal: u32,
    place: Place,
}

/// Time that was used, divided by a weight.
#[derive(Debug)]
struct Clock {
    weight: u64,
    shows_ns: u64,
    /// What has been used and not shown yet: less than one nanosecond times the weight.
    rest: u64,
}

impl Clock {
    fn new(weight: u32) -> Self {
        Clock { weight: weight.clamp(1, MOST_WEIGHT).into(), shows_ns: 0, rest: 0 }
    }

    fn advance(&mut self, used_ns: u64) {
        let used = self.rest.saturating_add(used_ns);
        self.shows_ns += used / self.weight;
        self.rest = used % self.weight;
    }
}

impl<T> Principals<T> {
    /// No principals, whose contexts will have slices of `slice_ns` nanoseconds.
    pub const fn new(slice_ns: u64) -> Self {
        let contexts = PerContext::new();
        Principals { list: Vec::new(), contexts, virtual_ns: 0, slice_ns }
    }

    /// Whether a principal has contexts, or has had some until lately.
    pub fn knows(&self, principal: u32) -> bool {
        self.position(principal).is_ok()
    }

    /// What is known of all principals besides.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.list.iter().map(|principal| &principal.more)
    }

    /// What is known of those principals besides that have a context ready.
    pub fn all_ready(&mut self) -> impl Iterator<Item = &mut T> {
        let ready = self.list.iter_mut().filter(|principal| principal.is_ready());
        ready.map(|principal| &mut principal.more)
    }

    /// Forgets the principals without contexts whose clocks the virtual time has come to, if `may_go` says so.
    pub fn forget(&mut self, may_go: impl Fn(&T) -> bool) {
        let virtual_ns = self.virtual_ns;
        self.list.retain(|principal| {
            principal.contexts > 0
                || principal.clock.shows_ns > virtual_ns
                || !may_go(&principal.more)
        });
    }

    /// Takes up a context, which is not ready, and its principal with `more` if that is not known.
    pub fn arrived(&mut self, slot: Slot, terms: &Terms, more: impl FnOnce() -> T) {
        let position = self.position(terms.principal).unwrap_or_else(|position| {
            let line = Line::new(self.slice_ns);
            let clock = Clock::new(terms.weight);
            let number = terms.principal;
            self.list
                .insert(position, Principal { number, contexts: 0, line, clock, more: more() });
            position
        });
        let principal = &mut self.list[position];
        principal.contexts += 1;
        let place = principal.line.place();
        self.contexts.set(slot, Context { principal: terms.principal, place });
    }

    /// A context is ready. Returns what is known of its principal if that had none ready before.
    pub fn ready(&mut self, slot: Slot) -> Option<&mut T> {
        let virtual_ns = self.virtual_ns;
        let (principal, place) = self.of(slot);
        let wakes = !principal.is_ready();
        principal.line.enter(slot, place);
        if wakes {
            principal.clock.shows_ns = principal.clock.shows_ns.max(virtual_ns);
        }
        wakes.then_some(&mut principal.more)
    }

    /// A context is not ready any more.
    pub fn blocked(&mut self, slot: Slot) {
        let (principal, place) = self.of(slot);
        principal.line.leave(place);
    }

    /// A context is gone.
    pub fn gone(&mut self, slot: Slot) {
        self.of(slot).0.contexts -= 1;
    }

    /// A context has used so much of its slice.
    pub fn charge_slice(&mut self, slot: Slot, used_ns: u64, gave_way: bool) {
        let (principal, place) = self.of(slot);
        principal.line.charge(slot, place, used_ns, gave_way);
    }

    /// A context has used so much of its principal's share.
    pub fn charge_share(&mut self, slot: Slot, used_ns: u64) {
        self.of(slot).0.clock.advance(used_ns);
    }

    /// What is known of a context's principal besides.
    pub fn more(&mut self, slot: Slot) -> &mut T {
        &mut self.of(slot).0.more
    }

    /// The first context of the principal whose clock is furthest behind, of those that have one ready.
    pub fn furthest_behind(&mut self) -> Option<Slot> {
        let clock = |principal: &&Principal<T>| principal.clock.shows_ns;
        let principal = self.list.iter().filter(|principal| principal.is_ready()).min_by_key(clock);
        // When nobody is ready everybody has got what they wanted, and all begin anew.
        let shown = principal.or_else(|| self.list.iter().max_by_key(clock));
        let shows_ns = shown.map_or(0, |principal| principal.clock.shows_ns);
        let first = principal.and_then(|principal| principal.line.first());
        self.virtual_ns = self.virtual_ns.max(shows_ns);
        first
    }

    /// The first context of the principal for which `key` is lowest, of those that have one ready and for which there is a key.
    pub fn lowest(&self, key: impl Fn(&T) -> Option<u64>) -> Option<Slot> {
        let ready = self.list.iter().filter(|principal| principal.is_ready());
        let keys = ready.filter_map(|principal| Some((key(&principal.more)?, principal)));
        let (_, principal) = keys.min_by_key(|(key, _)| *key)?;
        principal.line.first()
    }

    /// What is left of a context's slice, in nanoseconds; at least 1.
    pub fn left_ns(&self, slot: Slot) -> u64 {
        self.contexts[slot].place.left_ns()
    }

    /// The principal of a context that has arrived, and the context's place.
    fn of(&mut self, slot: Slot) -> (&mut Principal<T>, &mut Place) {
        let Context { principal, place } = &mut self.contexts[slot];
        let position = self.list.binary_search_by_key(principal, |one| one.number);
        (&mut self.list[position.expect("it has contexts")], place)
    }

    fn position(&self, principal: u32) -> Result<usize, usize> {
        self.list.binary_search_by_key(&principal, |one| one.number)
    }
}

impl<T> Principal<T> {
    /// Whether it has a context that is ready.
    fn is_ready(&self) -> bool {
        self.line.first().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(principals: &mut Principals<bool>, slot: usize, principal: u32) {
        principals.arrived(Slot(slot), &Terms { principal, ..Terms::default() }, || true);
        principals.ready(Slot(slot));
    }

    fn leave(principals: &mut Principals<bool>, slot: usize) {
        principals.blocked(Slot(slot));
        principals.gone(Slot(slot));
    }

    #[test]
    fn a_principal_is_forgotten_when_the_others_have_had_as_much() {
        let mut principals = Principals::new(10);
        arrive(&mut principals, 0, 0);
        arrive(&mut principals, 1, 1);
        principals.charge_share(Slot(0), 5);
        leave(&mut principals, 0);
        for (used_ns, known) in [(4, true), (1, false)] {
            principals.charge_share(Slot(1), used_ns);
            assert_eq!(principals.furthest_behind(), Some(Slot(1)));
            principals.forget(|_| true);
            assert_eq!(principals.knows(0), known);
        }
        assert!(principals.knows(1), "it has a context");
    }

    #[test]
    fn when_nobody_is_ready_all_without_contexts_are_forgotten() {
        let mut principals = Principals::new(10);
        arrive(&mut principals, 0, 0);
        principals.charge_share(Slot(0), 5);
        leave(&mut principals, 0);
        assert_eq!(principals.furthest_behind(), None);
        principals.forget(|_| true);
        assert!(!principals.knows(0));
    }

    #[test]
    fn a_principal_that_may_not_go_is_not_forgotten() {
        let mut principals = Principals::new(10);
        arrive(&mut principals, 0, 0);
        leave(&mut principals, 0);
        principals.forget(|more| !more);
        assert!(principals.knows(0));
    }
}
