//! Which page tables a CPU uses.
//!
//! All page tables map the kernel's half, and what the kernel's servers have. So a thread that visits no domain does with whichever are loaded: those of the domain
//! that somebody visited last. Whoever goes there next finds them loaded, and the processor remembers where their addresses lead, which it forgets at each change.
//! A thread's *own* page tables are those of the domain that it visits, or that it came to the kernel from; or none. If that domain ends, they are the kernel's, because
//! whoever comes back from there may come back to another domain.
//!
//! P1: page tables that are loaded anywhere are the kernel's or those of a domain that exists. A domain's are taken from the CPU that ends it ([`leave`]), and from others by
//! a request ([`give_back`]); whoever is idle has only the kernel's ([`super::requests`] does not wait for the idle).
#![expect(unsafe_code, reason = "loads page tables")]

use super::{block, registers};
use crate::memory::kernel_map;

/// The running thread's own page tables: their physical address, or 0. With interrupts off.
pub fn own() -> u64 {
    registers::page_tables() & block::current().in_domain.get()
}

/// Makes these the running thread's own, which they stay until it leaves the domain. With interrupts off.
pub fn set_own(root: u64) {
    block::current().in_domain.set(if root == 0 { 0 } else { u64::MAX });
    if root != 0 {
        load(root);
    }
}

/// Loads the kernel's page tables in place of these: their domain ends.
pub fn leave(root: u64) {
    if registers::page_tables() == root {
        load(kernel_map::root().address());
    }
}

/// Loads the kernel's page tables, if the running thread has none of its own.
pub fn give_back() {
    if block::current().in_domain.get() == 0 {
        load(kernel_map::root().address());
    }
}

fn load(root: u64) {
    if registers::page_tables() != root {
        // SAFETY: every root that is stored is the kernel's or a domain's that exists (P1), which all map the kernel's half.
        unsafe { registers::set_page_tables(root) };
    }
}
