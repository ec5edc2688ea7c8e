//! A thread's stacks in the domains that it visits.
//!
//! Each domain has a region for stacks, in which each thread has a slot; its lowest page is never mapped. The rest is
//! mapped downwards as servers that are entered declare what they need, and stays until the thread or the domain ends.

use std::{collections::BTreeMap, ops::Range};

use warren_engine::{
    platform::Exhausted,
    space::{INSTANCE_BYTES, PAGE, Protection},
};

use crate::region::Regions;

/// Addresses of one slot.
const SLOT: u64 = 1 << 20;
/// Slots of a domain. The first one is the trampoline's.
const SLOTS: u64 = INSTANCE_BYTES / SLOT;
/// The red zone of the System V ABI: a caller uses so much below its stack pointer.
const RED_ZONE: u64 = 128;

/// A thread's stack in one domain.
#[derive(Clone, Copy, Debug)]
struct Stack {
    top: u64,
    /// Where the next visit starts: below what the visits under way use.
    next: u64,
    /// Lowest mapped address.
    mapped: u64,
}

/// The stacks of one thread, by the number of the domain.
#[derive(Debug, Default)]
pub struct Stacks(BTreeMap<usize, Stack>);

impl Stacks {
    /// Where the next visit of a domain starts; `None` if the thread has no slot there. `base` is where the
    /// domain's stacks start, `slot` the thread's number.
    pub fn next(&mut self, domain: usize, base: u64, slot: usize) -> Option<u64> {
        let slot = slot as u64 + 1;
        if slot >= SLOTS {
            return None;
        }
        let top = base + (slot + 1) * SLOT;
        let stack = self.0.entry(domain).or_insert(Stack { top, next: top, mapped: top });
        (stack.next != 0).then_some(stack.next)
    }

    /// Makes the stack in a domain that was visited usable down to `lowest`, on this principal's account; `Err` if the slot ends above it.
    pub fn reach(
        &mut self,
        regions: &mut Regions,
        domain: usize,
        lowest: u64,
        payer: usize,
    ) -> Result<(), Exhausted> {
        let stack = self.0.get_mut(&domain).ok_or(Exhausted)?;
        if lowest < stack.top - SLOT + PAGE {
            return Err(Exhausted);
        }
        let lowest = lowest / PAGE * PAGE;
        if lowest < stack.mapped {
            let bytes = stack.mapped - lowest;
            regions.map(lowest, bytes, &[], Protection::ReadWrite, payer)?;
            stack.mapped = lowest;
        }
        Ok(())
    }

    /// Notes that a call leaves a domain with this stack pointer. From one outside of the slot nobody can come back in.
    pub fn leave(&mut self, domain: usize, pointer: u64) {
        if let Some(stack) = self.0.get_mut(&domain) {
            let next = pointer.saturating_sub(RED_ZONE) & !15;
            let inside = (stack.top - SLOT..=stack.top).contains(&next);
            stack.next = if inside { next } else { 0 };
        }
    }

    /// Sets where the next visit starts: where the one that ends has started.
    pub fn set_next(&mut self, domain: usize, next: u64) {
        if let Some(stack) = self.0.get_mut(&domain) {
            stack.next = next;
        }
    }

    /// Forgets a domain that is gone.
    pub fn forget(&mut self, domain: usize) {
        self.0.remove(&domain);
    }

    /// What is mapped, for whoever ends the thread.
    pub fn mapped(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.values().map(|stack| stack.mapped..stack.top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x1000_0000_0000;

    #[test]
    fn a_visit_starts_below_what_the_call_out_of_the_domain_uses() {
        let mut stacks = Stacks::default();
        let top = stacks.next(0, BASE, 0).unwrap();
        assert_eq!(top, BASE + 2 * SLOT, "the first slot is the trampoline's");
        stacks.leave(0, top - 100);
        assert_eq!(stacks.next(0, BASE, 0), Some((top - 100 - RED_ZONE) & !15));
        stacks.set_next(0, top);
        assert_eq!(stacks.next(0, BASE, 0), Some(top));
        assert_eq!(stacks.next(1, 2 * BASE, 1), Some(2 * BASE + 3 * SLOT));
    }

    #[test]
    fn nobody_comes_in_from_a_stack_pointer_outside_of_the_slot() {
        let mut stacks = Stacks::default();
        let top = stacks.next(0, BASE, 0).unwrap();
        for pointer in [0, 8, top - SLOT, top + 4096, u64::MAX] {
            stacks.leave(0, pointer);
            assert_eq!(stacks.next(0, BASE, 0), None, "{pointer:#x}");
        }
        stacks.forget(0);
        assert_eq!(stacks.next(0, BASE, 0), Some(top));
    }

    #[test]
    fn a_thread_beyond_the_last_slot_cannot_come_in() {
        assert_eq!(Stacks::default().next(0, BASE, SLOTS as usize - 1), None);
        assert!(Stacks::default().next(0, BASE, SLOTS as usize - 2).is_some());
    }
}
