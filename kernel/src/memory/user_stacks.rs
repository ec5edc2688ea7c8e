//! A thread's stacks in the domains that it visits.
//!
//! Each thread has a slot in every domain's region for stacks: the slot with the number of its area. Its lowest
//! page is never mapped. The rest is mapped downwards as servers that are entered declare what they need,
//! and stays mapped until the thread or the domain ends.

use warren_engine::{platform::Protection, stub::SYSTEM_CALL_STACK};

use super::{
    Exhausted, PAGE,
    regions::{self, DOMAINS, Entrance},
};
use crate::{guarded::Guarded, threads};

/// Addresses of one slot: an odd number of pages, so that threads do not all use pages whose numbers' lowest bits are alike
/// ([`base_of`](warren_engine::space::base_of)).
const SLOT: u64 = (1 << 20) + 45 * PAGE;
/// The red zone of the System V ABI: a caller uses so much below its stack pointer.
const RED_ZONE: u64 = 128;
/// A visit starts so far below the stack pointer of the last call out of the domain: behind its red zone, and aligned if a
/// stub made the call.
pub const GAP: u64 = RED_ZONE + SYSTEM_CALL_STACK % 16;
/// More than any stack pointer, and still without an overflow if a little is added.
const NEVER: u64 = 1 << 62;

/// The most stack that a server in each domain needs, of those that were entered.
static NEEDS: Guarded<[u64; DOMAINS]> = Guarded::new([0; DOMAINS]);

/// A thread's stack in one domain. Assembly uses it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct UserStack {
    /// 0 if the domain was never visited.
    pub top: u64,
    /// The stack pointer of the newest call out of the domain, [`GAP`] above where the next visit starts. It counts
    /// unless the thread is in the domain.
    pub next: u64,
    /// Lowest mapped address.
    pub mapped: u64,
    /// With `next` at least there, the stack is mapped as far down as anybody in the domain needs.
    pub enough: u64,
}

impl UserStack {
    /// The stack in a domain that was never visited.
    pub const UNKNOWN: UserStack = UserStack { top: 0, next: 0, mapped: 0, enough: NEVER };
}

/// Where a visit starts if the newest call out of the domain was made with this stack pointer.
pub fn start(next: u64) -> u64 {
    next.saturating_sub(GAP) & !15
}

/// Notes that a server in a domain needs so much stack.
pub fn need(domain: usize, bytes: u64) {
    let more = NEEDS.with(|needs| {
        let known = &mut needs[domain];
        let more = *known < bytes;
        *known = bytes.max(*known);
        more
    });
    if more {
        threads::forget_enough(domain);
    }
}

/// Forgets what servers in a domain need that is gone.
pub fn forget_needs(domain: usize) {
    NEEDS.with(|needs| needs[domain] = 0);
}

/// Number of a domain that is never visited.
pub const NOWHERE: usize = DOMAINS;

/// The stacks of one thread, by domain.
#[derive(Debug)]
#[repr(transparent)]
pub struct UserStacks([UserStack; DOMAINS + 1]);

impl Default for UserStacks {
    fn default() -> Self {
        Self::NONE
    }
}

impl UserStacks {
    /// Stacks of nobody.
    pub const NONE: UserStacks = UserStacks([UserStack::UNKNOWN; DOMAINS + 1]);

    /// The stack pointer below which a visit starts ([`start`]); `slot` is the thread's.
    pub fn next(&mut self, entrance: &Entrance, slot: usize) -> u64 {
        let stack = &mut self.0[entrance.domain];
        if stack.top == 0 {
            let top = entrance.stacks + (slot as u64 + 1) * SLOT;
            *stack = UserStack { top, next: top + GAP, mapped: top, enough: NEVER };
        }
        if start(stack.next) > stack.top { 0 } else { stack.next }
    }

    /// The stack in one domain, as the fast path sees it.
    pub fn address(&self, domain: usize) -> u64 {
        &raw const self.0[domain] as u64
    }

    /// Makes the stack of a domain that was visited usable down to `lowest`, and, if possible, for whoever in the domain may
    /// be visited at `pointer` on the fast path. The new pages are zeroed. `Err` if the slot ends above `lowest`.
    pub fn reach(&mut self, domain: usize, lowest: u64, pointer: u64) -> Result<(), Exhausted> {
        let needs = NEEDS.with(|needs| needs[domain]);
        let lower = lowest.min(pointer.saturating_sub(needs));
        self.map(domain, lower).or_else(|_| self.map(domain, lowest))?;
        let stack = &mut self.0[domain];
        stack.enough = stack.mapped + needs + GAP;
        Ok(())
    }

    fn map(&mut self, domain: usize, lowest: u64) -> Result<(), Exhausted> {
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
        let inside = (stack.top.saturating_sub(SLOT)..=stack.top).contains(&start(pointer));
        core::mem::replace(&mut stack.next, if inside { pointer } else { 0 })
    }

    /// Forgets a domain that is gone.
    pub fn forget(&mut self, domain: usize) {
        self.0[domain] = UserStack::UNKNOWN;
    }

    /// Forgets how much of the stack in a domain is enough.
    pub fn forget_enough(&mut self, domain: usize) {
        self.0[domain].enough = NEVER;
    }

    /// Unmaps all stacks: the thread has ended.
    pub fn free(self) {
        for stack in self.0.iter().filter(|stack| stack.top != 0) {
            regions::unmap(stack.mapped, stack.top - stack.mapped);
        }
    }
}
