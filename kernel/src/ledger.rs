//! Who holds how much of something, within limits: each principal's counts against its own limit, and against those of all above it.

/// Principals that can have an account.
pub const PRINCIPALS: usize = 256;
/// A limit that is none.
pub const UNLIMITED: u64 = u64::MAX;

/// What one principal holds.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Whose limits count too; its own number for the first.
    parent: usize,
    limit: u64,
    /// What it holds itself.
    own: u64,
    /// What it and those below it hold.
    total: u64,
}

/// What all principals hold.
#[derive(Debug)]
pub struct Ledger {
    entries: [Entry; PRINCIPALS],
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Nobody holds anything, and nobody has a limit.
    pub const fn new() -> Self {
        Ledger { entries: [Entry { parent: 0, limit: UNLIMITED, own: 0, total: 0 }; PRINCIPALS] }
    }

    /// Puts a principal below another one with a smaller number, and sets what it and those below it may hold. Before it holds anything.
    pub fn open(&mut self, principal: usize, parent: usize, limit: u64) {
        assert!(parent < principal || principal == 0, "parents come before their children");
        let entry = &mut self.entries[principal];
        entry.parent = parent;
        entry.limit = limit;
    }

    /// Charges so much more to a principal; `false` and nothing if a limit is in the way.
    #[must_use]
    pub fn charge(&mut self, principal: usize, count: u64) -> bool {
        let fits = |entry: &Entry| entry.total.saturating_add(count) <= entry.limit;
        if !self.path(principal).all(|number| fits(&self.entries[number])) {
            return false;
        }
        self.add(principal, count);
        true
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
        let own = &mut self.entries[principal].own;
        *own = change(*own);
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
    use std::vec::Vec;

    use super::*;

    #[test]
    fn all_limits_above_count() {
        let mut ledger = Ledger::new();
        ledger.open(1, 0, 10);
        ledger.open(2, 1, 8);
        ledger.open(3, 1, UNLIMITED);
        assert!(ledger.charge(2, 7));
        assert!(!ledger.charge(2, 2));
        assert!(ledger.charge(3, 3));
        assert!(!ledger.charge(3, 1), "their parent holds ten through both");
        assert!(ledger.charge(0, 100));
        ledger.release(2, 1);
        assert!(ledger.charge(3, 1));
        assert_eq!((ledger.held(1), ledger.total(1), ledger.total(0)), (0, 10, 110));
    }

    proptest! {
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
                    prop_assert!(ledger.total(number) <= limit.unwrap_or(UNLIMITED));
                }
            }
        }
    }
}
