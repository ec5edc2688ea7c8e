//! A thread's stacks in the domains that it visits.
//!
//! Each thread has a slot in every domain's region for stacks: the slot with the number of its area. Its lowest
//! page is never mapped. The rest is mapped downwards as servers that are entered declare what they need,
//! and stays mapped until the thread or the domain ends.

use warren_engine::platform::Protection;

use super::{
    Exhausted, PAGE,
    regions::{self, DOMAINS, Entrance},
};

/// Addresses of one slot.
const SLOT: u64 = 1 << 20;

/// Where the next visit to one domain starts, and how far down the stack is mapped. Assembly uses it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct UserStack {
    /// 0 if the domain was never visited.
    pub top: u64,
    /// Where the next visit's stack starts.
    pub next: u64,
    /// Lowest mapped address.
    pub mapped: u64,
}

/// Number of a domain that is never visited.
pub const NOWHERE: usize = DOMAINS;

/// The stacks of one thread, by domain.
#[derive(Debug)]
#[repr(transparent)]
pub struct UserStacks([UserStack; DOMAINS + 1]);

impl Default for UserStacks {
    fn default() -> Self {
        UserStacks([UserStack::default(); DOMAINS + 1])
    }
}

impl UserStacks {
    /// Stacks of nobody.
    pub const NONE: UserStacks =
        UserStacks([UserStack { top: 0, next: 0, mapped: 0 }; DOMAINS + 1]);

    /// Where a visit starts; `slot` is the thread's.
    pub fn next(&mut self, entrance: &Entrance, slot: usize) -> u64 {
        let stack = &mut self.0[entrance.domain];
        if stack.top == 0 {
            let top = entrance.stacks + (slot as u64 + 1) * SLOT;
            *stack = UserStack { top, next: top, mapped: top };
        }
        if stack.next > stack.top { 0 } else { stack.next }
    }

    /// Makes the stack of a domain that was visited usable down to `lowest`. The new pages are
    /// zeroed. `Err` if the slot ends above.
    pub fn reach(&mut self, domain: usize, lowest: u64) -> Result<(), Exhausted> {
        let stack = &mut self.0[domain];
        if lowest < stack.top - SLOT + PAGE || lowest > stack.top {
            return Err(Exhausted);
        }
        let lowest = lowest / PAGE * PAGE;
        if lowest < stack.mapped {
            regions::map(lowest, stack.mapped - lowest, &[], Protection::ReadWrite)?;
            stack.mapped = lowest;
        }
        Ok(())
    }

    /// Sets where the next visit starts, and returns where it would have. A pointer outside of the
    /// slot is stored as 0: the domain cannot be visited from there.
    pub fn set_next(&mut self, domain: usize, pointer: u64) -> u64 {
        let stack = &mut self.0[domain];
        let inside = (stack.top.saturating_sub(SLOT)..=stack.top).contains(&pointer);
        core::mem::replace(&mut stack.next, if inside { pointer } else { 0 })
    }

    /// Forgets a domain that is gone.
    pub fn forget(&mut self, domain: usize) {
        self.0[domain] = UserStack::default();
    }

    /// Unmaps all stacks: the thread has ended.
    pub fn free(self) {
        for stack in self.0.iter().filter(|stack| stack.top != 0) {
            regions::unmap(stack.mapped, stack.top - stack.mapped);
        }
    }
}
