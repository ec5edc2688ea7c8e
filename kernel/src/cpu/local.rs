//! What each CPU has of its own, whoever runs there.
#![expect(unsafe_code, reason = "memory that each CPU has a part of")]

use alloc::{boxed::Box, vec};
use core::{
    cell::Cell,
    ptr::{null, null_mut},
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering},
};

use warren_kernel::acpi::PROCESSORS;

use super::{
    block::Block,
    descriptors::{Descriptors, Stacks, boot_stacks},
    requests::Mailbox,
};

/// No interrupt of the timer is on its way.
pub const NEVER: u64 = u64::MAX;

/// One CPU. Others reach what is atomic.
pub struct Local {
    /// Its number: 0 for the one that boots.
    pub number: usize,
    /// Its local APIC's number.
    pub apic: AtomicU8,
    /// The block of the thread that runs, for code that cannot trust gs.
    pub block: Cell<*const Block>,
    /// The thread that runs, as others may see it: 0 for nobody.
    pub running: AtomicU64,
    /// The block that is in use while no thread runs.
    pub nobody: Block,
    /// Its segments and interrupt stacks.
    pub descriptors: Descriptors,
    /// Whether the books have something to say that this CPU does not match yet.
    pub due: AtomicBool,
    /// The clock's count at which the timer will interrupt.
    pub alarm: AtomicU64,
    /// The clock's count at which it takes its next sample ([`crate::threads::sampling`]).
    pub sample: AtomicU64,
    /// What other CPUs ask of it.
    pub mailbox: Mailbox,
}

// SAFETY: what is not atomic is used by its own CPU only.
unsafe impl Sync for Local {}

impl Local {
    const fn new(number: usize, apic: u8, stacks: *mut Stacks) -> Self {
        Local {
            number,
            apic: AtomicU8::new(apic),
            block: Cell::new(null()),
            running: AtomicU64::new(0),
            nobody: Block::of_nobody(),
            descriptors: Descriptors::new(stacks),
            due: AtomicBool::new(false),
            alarm: AtomicU64::new(NEVER),
            sample: AtomicU64::new(0),
            mailbox: Mailbox::new(),
        }
    }
}

/// The CPU that boots.
pub static BOOT: Local = Local::new(0, 0, boot_stacks());

/// All that run, by number.
static ALL: [AtomicPtr<Local>; PROCESSORS] = [const { AtomicPtr::new(null_mut()) }; PROCESSORS];
/// How many. Assembly reads it.
pub static COUNT: AtomicUsize = AtomicUsize::new(1);

/// A CPU that is to be started, with the next number; `apic` is its local APIC's. It stays for good.
pub fn next(apic: u8) -> &'static Local {
    let stacks = vec![0u64; size_of::<Stacks>() / 8 + 1].leak().as_mut_ptr() as u64;
    let stacks = stacks.next_multiple_of(align_of::<Stacks>() as u64) as *mut Stacks;
    Box::leak(Box::new(Local::new(count(), apic, stacks)))
}

/// A CPU runs from now on. Only the one that boots starts others.
pub fn add(local: &'static Local) {
    ALL[0].store((&raw const BOOT).cast_mut(), Ordering::Release);
    ALL[local.number].store(core::ptr::from_ref(local).cast_mut(), Ordering::Release);
    COUNT.store(local.number + 1, Ordering::Release);
}

/// How many CPUs run.
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// Whether a thread, which is not the one that asks, runs on some CPU.
pub fn runs(thread: u64) -> bool {
    count() > 1
        && (0..count())
            .filter_map(by_number)
            .any(|local| local.running.load(Ordering::Relaxed) == thread)
}

/// A CPU that runs, if there are several.
pub fn by_number(number: usize) -> Option<&'static Local> {
    // SAFETY: CPUs that were added stay for good.
    unsafe { ALL.get(number)?.load(Ordering::Acquire).as_ref() }
}
