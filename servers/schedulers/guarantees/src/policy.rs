//! Who runs: earliest deadline first among those who have something left of their slice, and then all in proportion.

use alloc::vec::Vec;
use core::fmt;

use warren_idl::Terms;
use warren_scheduling::{FOREVER_NS, Policy, Principals, Slot, Turn};

use crate::reservation::{LEAST_SLICE_NS, Parts, Reservation, WHOLE};

/// Principals, some of them with guarantees.
///
/// `Warn` is told once of each principal that does not get the guarantee that it asks for.
pub struct Guarantees<Warn> {
    principals: Principals<Option<Reservation>>,
    /// What may be guaranteed in all.
    limit: Parts,
    /// Principals of whom there has been a warning. Numbers stay here: they are few.
    refused: Vec<u32>,
    warn: Warn,
    /// Whether the turn that was chosen last is one of extra time.
    extra: bool,
}

/// A guarantee that was asked for, and is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The principal.
    pub principal: u32,
    /// What it asks for, in nanoseconds.
    pub slice_ns: u64,
    /// In each period of so many nanoseconds.
    pub period_ns: u64,
    /// Whole hundredths of the processor's time that can still be guaranteed.
    pub left_percent: u64,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { principal, slice_ns, period_ns, left_percent } = self;
        write!(
            formatter,
            "principal {principal} has no guarantee: it asks for {slice_ns} ns in each {period_ns} ns; a slice has at \
             least {LEAST_SLICE_NS} ns, and {left_percent} % of the processor's time can still be guaranteed"
        )
    }
}

impl<Warn: FnMut(&Refused)> Guarantees<Warn> {
    /// The policy with slices of `slice_ns` nanoseconds, which guarantees at most `limit_percent` of the processor's time.
    pub const fn new(slice_ns: u64, limit_percent: u64, warn: Warn) -> Self {
        let limit = WHOLE * limit_percent / 100;
        let principals = Principals::new(slice_ns);
        Guarantees { principals, limit, refused: Vec::new(), warn, extra: false }
    }

    /// The reservation that a principal gets.
    fn admit(&mut self, terms: &Terms) -> Option<Reservation> {
        let asked = Reservation::asked(terms)?;
        let given: Parts = self.principals.all().flatten().map(Reservation::parts).sum();
        let left = self.limit - given;
        if asked.is_sound() && asked.parts() <= left {
            return Some(asked);
        }
        let Terms { principal, slice_ns, period_ns, .. } = *terms;
        if !self.refused.contains(&principal) {
            self.refused.push(principal);
            let left_percent = left * 100 / WHOLE;
            (self.warn)(&Refused { principal, slice_ns, period_ns, left_percent });
        }
        None
    }

    /// When somebody who is ready gets a new slice.
    fn next_period_ns(&mut self) -> u64 {
        let reservations = self.principals.all_ready().flatten();
        reservations.map(|reservation| reservation.deadline_ns()).min().unwrap_or(FOREVER_NS)
    }
}

impl<Warn: FnMut(&Refused)> Policy for Guarantees<Warn> {
    fn arrived(&mut self, slot: Slot, terms: &Terms, now_ns: u64) {
        let is_over = |it: &Reservation| it.deadline_ns() <= now_ns;
        self.principals.forget(|reservation| reservation.as_ref().is_none_or(is_over));
        let reservation = match self.principals.knows(terms.principal) {
            true => None,
            false => self.admit(terms),
        };
        self.principals.arrived(slot, terms, || reservation);
    }

    fn ready(&mut self, slot: Slot, now_ns: u64) {
        if let Some(Some(reservation)) = self.principals.ready(slot) {
            reservation.wake(now_ns);
        }
    }

    fn blocked(&mut self, slot: Slot, _now_ns: u64) {
        self.principals.blocked(slot);
    }

    fn gone(&mut self, slot: Slot, _now_ns: u64) {
        self.principals.gone(slot);
    }

    fn charge(&mut self, slot: Slot, used_ns: u64, gave_way: bool, _now_ns: u64) {
        self.principals.charge_slice(slot, used_ns, gave_way);
        match self.principals.more(slot) {
            Some(reservation) if !self.extra => reservation.charge(used_ns),
            _ => self.principals.charge_share(slot, used_ns),
        }
    }

    fn choose(&mut self, now_ns: u64) -> Option<Turn> {
        self.principals.all_ready().flatten().for_each(|reservation| reservation.renew(now_ns));
        let due = self.principals.lowest(|reservation| {
            let reservation = reservation.as_ref()?;
            (reservation.left_ns() > 0).then_some(reservation.deadline_ns())
        });
        self.extra = due.is_none();
        let slot = due.or_else(|| self.principals.furthest_behind())?;
        let slice_left_ns = self.principals.left_ns(slot);
        let guaranteed_ns = match self.principals.more(slot) {
            Some(reservation) if !self.extra => reservation.left_ns(),
            _ => FOREVER_NS,
        };
        Some(Turn {
            slot,
            budget_ns: slice_left_ns.min(guaranteed_ns),
            until_ns: self.next_period_ns(),
        })
    }
}
