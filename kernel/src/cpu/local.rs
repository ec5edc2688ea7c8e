//! What each CPU has of its own, whoever runs there.
#![expect(unsafe_code, reason = "memory that each CPU has a part of")]

use core::{
    cell::Cell,
    ptr::null,
    sync::atomic::{AtomicBool, AtomicU64},
};

use super::{
    block::Block,
    descriptors::{Descriptors, Stacks, boot_stacks},
};

/// No interrupt of the timer is on its way.
pub const NEVER: u64 = u64::MAX;

/// One CPU. Others reach what is atomic.
pub struct Local {
    /// Its number: 0 for the one that boots.
    pub number: usize,
    /// The block of the thread that runs, for code that cannot trust gs.
    pub block: Cell<*const Block>,
    /// Its segments and interrupt stacks.
    pub descriptors: Descriptors,
    /// Whether the books have something to say that this CPU does not match yet.
    pub due: AtomicBool,
    /// The clock's count at which the timer will interrupt.
    pub alarm: AtomicU64,
}

// SAFETY: what is not atomic is used by its own CPU only.
unsafe impl Sync for Local {}

impl Local {
    const fn new(number: usize, stacks: *mut Stacks) -> Self {
        Local {
            number,
            block: Cell::new(null()),
            descriptors: Descriptors::new(stacks),
            due: AtomicBool::new(false),
            alarm: AtomicU64::new(NEVER),
        }
    }
}

/// The CPU that boots.
pub static BOOT: Local = Local::new(0, boot_stacks());
