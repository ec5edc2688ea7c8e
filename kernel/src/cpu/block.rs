//! What the running thread keeps at hand: gs points here while kernel code runs.
//!
//! Each thread has a block of its own, so that nothing is copied when threads are switched, and an address that
//! was read stays the thread's wherever it goes on.
#![expect(unsafe_code, reason = "memory that assembly and the engine write")]

use core::{
    arch::asm,
    cell::{Cell, UnsafeCell},
    mem::offset_of,
    ptr::{self, null, null_mut},
    sync::atomic::Ordering::Relaxed,
};

use warren_engine::{
    death,
    layout::{Cpu, NO_LOCK},
    lock,
    stub::SlowPaths,
};

use super::{local::Local, registers};
use crate::system::Kernel;

/// The block of one thread. The engine's part comes first, so gs points to both.
///
/// B1: while the thread runs only its CPU writes it, and its own fields only with interrupts off. While it does not, kernel code
/// may.
#[repr(C, align(64))]
pub struct Block {
    /// What the engine's stubs use.
    engine: UnsafeCell<Cpu>,
    /// Where the thread's kernel stack goes on when it enters the kernel from a domain.
    pub kernel_stack: Cell<u64>,
    /// The thread's stacks in domains ([`crate::memory::user_stacks::UserStacks`]).
    pub user_stacks: Cell<u64>,
    /// What must be left of the thread's kernel stack when it enters the kernel from a domain.
    pub stack_limit: Cell<u64>,
    /// All bits set while the thread has page tables of its own, else 0 ([`super::page_tables`]).
    pub in_domain: Cell<u64>,
    /// On whose account frames are taken for servers.
    pub payer: Cell<u8>,
    /// The block's own address.
    this: Cell<*const Block>,
    /// The CPU on which the thread runs, or ran last.
    pub(super) local: Cell<*const Local>,
    /// The thread, for [`crate::threads`].
    pub thread: Cell<*mut ()>,
}

impl Block {
    /// The block of a thread that has no memory yet.
    pub fn new(token: u64) -> Self {
        let mut block = Block::of_nobody();
        let engine = block.engine.get_mut();
        engine.thread = token;
        engine.slow = death::slow_paths::<Kernel>();
        block
    }

    /// The block that is in use where no thread runs.
    pub const fn of_nobody() -> Self {
        let engine = Cpu {
            frame: null_mut(),
            temporary: null_mut(),
            temporary_end: null_mut(),
            owner: null_mut(),
            thread: 0,
            bottom: null(),
            no_lock: &raw const NO_LOCK,
            home: 0,
            free: 0,
            heir: 0,
            slow: SlowPaths {
                enter: 0,
                enter_atomic: 0,
                come_back: 0,
                leave_atomic: 0,
                drop_temporaries: 0,
                hand_over: 0,
                dead: 0,
            },
            platform: [0; 10],
        };
        Block {
            engine: UnsafeCell::new(engine),
            kernel_stack: Cell::new(0),
            user_stacks: Cell::new(0),
            stack_limit: Cell::new(u64::MAX),
            in_domain: Cell::new(0),
            payer: Cell::new(0),
            this: Cell::new(null()),
            local: Cell::new(null()),
            thread: Cell::new(null_mut()),
        }
    }

    /// The engine's part.
    pub fn engine(&self) -> *mut Cpu {
        self.engine.get()
    }
}

/// The running thread's block.
pub fn current() -> &'static Block {
    let block: *const Block;
    // SAFETY: gs points to a block, which names itself.
    unsafe {
        asm!(
            "mov {}, gs:[{this}]",
            out(reg) block,
            this = const offset_of!(Block, this),
            options(nostack, preserves_flags, pure, readonly),
        );
    }
    // SAFETY: the block is the running thread's, which has it until nobody runs in the thread any more.
    unsafe { &*block }
}

/// The engine's part of it.
pub fn engine() -> *mut Cpu {
    current().engine()
}

/// The running thread leaves this CPU, and another block is entered next.
pub fn leave() {
    // SAFETY: interrupts are off, and the block is this CPU's.
    lock::write_held(unsafe { &*engine() });
}

/// This CPU. With interrupts off: elsewhere the thread may be on another one as soon as this returns.
pub fn local() -> &'static Local {
    let local: *const Local;
    // SAFETY: gs points to a block, which names the CPU.
    unsafe {
        asm!(
            "mov {}, gs:[{local}]",
            out(reg) local,
            local = const offset_of!(Block, local),
            options(nostack, preserves_flags, readonly),
        );
    }
    // SAFETY: CPUs stay for good.
    unsafe { &*local }
}

/// Makes `block` the running thread's, which is `marked` ([`warren_engine::layout::MARKED`]) or not. What `swapgs` brings is 0: the gs of code in domains.
///
/// # Safety
///
/// The block stays where it is until another one is entered here. Interrupts are off, and `local` is this CPU.
pub unsafe fn enter(block: &Block, local: &'static Local, marked: bool) {
    block.this.set(block);
    block.local.set(local);
    local.block.set(block);
    // SAFETY: nobody uses the block yet.
    let engine = unsafe { &mut *block.engine() };
    lock::enter_cpu(engine, local.number as u64, marked);
    local.running.store(engine.thread, Relaxed);
    // SAFETY: the caller's promise; assembly finds in the block what it expects.
    unsafe { registers::write_msr(registers::GS_BASE, ptr::from_ref(block) as u64) };
}
