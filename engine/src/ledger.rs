//! Who holds how much of something, within limits: each principal's counts against its own limit, and against those of all above it.
//!
//! # Shares
//!
//! Of what there is only so much of, half is set aside, in equal parts, one for each principal ([`Ledger::divide`]). What a principal holds
//! beyond its part comes out of the other half, which is everybody's. So whatever others hold, each gets its part.

use core::num::NonZeroU64;

use crate::plan::PRINCIPALS;

/// What one principal holds.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Whose limits count too; its own number for the first.
    parent: usize,
    /// What it and those below it may hold.
    limit: Option<NonZeroU64>,
    /// What is set aside for it.
    part: u64,
    /// What it holds itself.
    own: u64,
    /// What it and those below it hold.
    total: u64,
}

impl Entry {
    const NEW: Entry = Entry { parent: 0, limit: None, part: 0, own: 0, total: 0 };

    /// What of so much would not come out of its part.
    fn beyond(&self, own: u64) -> u64 {
        own.saturating_sub(self.part)
    }
}

/// What all principals hold.
#[derive(Debug)]
pub struct Ledger {
    entries: [Entry; PRINCIPALS],
    /// What nobody has a part in, if there is only so much.
    common: Option<NonZeroU64>,
    /// How much of it is held.
    common_held: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Nobody holds anything, nobody has a limit, and there is no end to what there is.
    pub const fn new() -> Self {
        Ledger { entries: [Entry::NEW; PRINCIPALS], common: None, common_held: 0 }
    }

    /// Puts a principal below another one with a smaller number, and sets what it and those below it may hold; 0 for no limit. Before it
    /// holds anything.
    pub fn open(&mut self, principal: usize, parent: usize, limit: u64) {
        assert!(parent < principal || principal == 0, "parents come before their children");
        let entry = &mut self.entries[principal];
        entry.parent = parent;
        entry.limit = NonZeroU64::new(limit);
    }

    /// There is only so much, of which the first `principals` have a part each that is set aside: no more than they may hold.
    pub fn divide(&mut self, capacity: u64, principals: usize) {
        let part = capacity / 2 / principals.max(1) as u64;
        let mut common = capacity;
        self.common_held = 0;
        for (number, entry) in self.entries.iter_mut().enumerate() {
            let has_part = number < principals;
            entry.part =
                if has_part { entry.limit.map_or(part, |most| part.min(most.get())) } else { 0 };
            common -= entry.part;
            self.common_held += entry.beyond(entry.own);
        }
        self.common = NonZeroU64::new(common);
    }

    /// Charges so much more to a principal; `false` and nothing if a limit is in the way, or if there is no more than others' parts.
    #[must_use]
    pub fn charge(&mut self, principal: usize, count: u64) -> bool {
        let fits = |entry: &Entry| {
            entry.limit.is_none_or(|limit| entry.total.saturating_add(count) <= limit.get())
        };
        if !self.is_there(principal, count)
            || !self.path(principal).all(|number| fits(&self.entries[number]))
        {
            return false;
        }
        self.add(principal, count);
        true
    }

    /// Whether there is so much more, others' parts aside.
    fn is_there(&self, principal: usize, count: u64) -> bool {
        let entry = &self.entries[principal];
        let more = entry.beyond(entry.own.saturating_add(count)) - entry.beyond(entry.own);
        self.common
            .is_none_or(|all| more == 0 || self.common_held.saturating_add(more) <= all.get())
    }

    /// Charges so much more, whatever the limits say.
    pub fn add(&mut self, principal: usize, count: u64) {
        self.change(principal, |held| held + count);
    }

    /// Takes so much back.
    pub fn release(&mut self, principal: usize, count: u64) {
        self.change(principal, |held| held - count);
    }

    /// What a principal holds itself.
    pub fn held(&self, principal: usize) -> u64 {
        self.entries[principal].own
    }

    /// What it and those below it hold.
    pub fn total(&self, principal: usize) -> u64 {
        self.entries[principal].total
    }

    fn change(&mut self, principal: usize, change: impl Fn(u64) -> u64) {
        let entry = &mut self.entries[principal];
        let before = entry.beyond(entry.own);
        entry.own = change(entry.own);
        self.common_held = self.common_held - before + entry.beyond(entry.own);
        let mut number = principal;
        loop {
            let entry = &mut self.entries[number];
            entry.total = change(entry.total);
            if number == 0 {
                return;
            }
            number = entry.parent;
        }
    }

    /// A principal and all above it.
    fn path(&self, principal: usize) -> impl Iterator<Item = usize> {
        let above = |number: &usize| {
            let parent = self.entries[*number].parent;
            (parent < *number).then_some(parent)
        };
        core::iter::successors(Some(principal), above)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    extern crate std;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn all_limits_above_count() {
        let mut ledger = Ledger::new();
        ledger.open(1, 0, 10);
        ledger.open(2, 1, 8);
        ledger.open(3, 1, 0);
        assert!(ledger.charge(2, 7));
        assert!(!ledger.charge(2, 2));
        assert!(ledger.charge(3, 3));
        assert!(!ledger.charge(3, 1), "their parent holds ten through both");
        assert!(ledger.charge(0, 100));
        ledger.release(2, 1);
        assert!(ledger.charge(3, 1));
        assert_eq!((ledger.held(1), ledger.total(1), ledger.total(0)), (0, 10, 110));
    }

    #[test]
    fn nobody_gets_what_is_set_aside_for_others() {
        let mut ledger = Ledger::new();
        ledger.open(1, 0, 0);
        ledger.open(2, 0, 5);
        ledger.add(0, 3);
        ledger.divide(80, 3);
        // 13 for each, but only 5 for the one that may have no more: 49 are everybody's.
        assert!(!ledger.charge(1, 63));
        assert!(ledger.charge(1, 62));
        assert!(ledger.charge(2, 5));
        assert!(!ledger.charge(2, 1));
        assert!(ledger.charge(0, 10));
        assert!(!ledger.charge(0, 1));
        ledger.release(1, 1);
        assert!(ledger.charge(0, 1));
    }

    proptest! {
        #[test]
        fn whatever_others_hold_each_gets_its_part(
            principals in 1..9usize,
            capacity in 1..500u64,
            limits in prop::collection::vec(0..60u64, 8),
            changes in prop::collection::vec((0..9usize, 0..80u64, any::<bool>()), 0..200),
        ) {
            let mut ledger = Ledger::new();
            for number in 1..principals {
                ledger.open(number, 0, limits[number - 1]);
            }
            ledger.divide(capacity, principals);
            let part = |number: usize| {
                let part = capacity / 2 / principals as u64;
                match number.checked_sub(1).map_or(0, |index| limits[index]) {
                    0 => part,
                    limit => part.min(limit),
                }
            };
            for (who, amount, takes) in changes {
                let who = who % principals;
                let held = ledger.held(who);
                if takes {
                    let charged = ledger.charge(who, amount);
                    prop_assert!(charged || held + amount > part(who));
                } else {
                    ledger.release(who, amount.min(held));
                }
                prop_assert!(ledger.total(0) <= capacity);
            }
            for who in 0..principals {
                let missing = part(who).saturating_sub(ledger.held(who));
                prop_assert!(ledger.charge(who, missing));
            }
        }

        #[test]
        fn totals_are_what_those_below_hold_and_stay_within_limits(
            limits in prop::collection::vec((0..8usize, 1..50u64), 1..8),
            changes in prop::collection::vec((0..9usize, 0..20u64, any::<bool>()), 0..200),
        ) {
            let mut ledger = Ledger::new();
            let mut parents: Vec<usize> = [0].into();
            for (index, (parent, limit)) in limits.iter().enumerate() {
                let number = index + 1;
                ledger.open(number, parent % number, *limit);
                parents.push(parent % number);
            }
            let count = parents.len();
            for (who, amount, takes) in changes {
                let who = who % count;
                if takes {
                    let before = ledger.total(0);
                    let charged = ledger.charge(who, amount);
                    prop_assert_eq!(ledger.total(0), before + if charged { amount } else { 0 });
                } else {
                    ledger.release(who, amount.min(ledger.held(who)));
                }
                for number in 0..count {
                    let children = (1..count).filter(|child| parents[*child] == number);
                    let below: u64 = children.map(|child| ledger.total(child)).sum();
                    prop_assert_eq!(ledger.total(number), ledger.held(number) + below);
                    let limit = number.checked_sub(1).map(|index| limits[index].1);
                    prop_assert!(ledger.total(number) <= limit.unwrap_or(u64::MAX));
                }
            }
        }
    }
}
