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
};

use warren_engine::{death, layout::Cpu};

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
    /// On whose account frames are taken for servers.
    pub payer: Cell<u8>,
    /// The block's own address.
    this: Cell<*const Block>,
    /// The CPU on which the thread runs, or ran last.
    local: Cell<*const Local>,
    /// The thread, for [`crate::threads`].
    pub thread: Cell<*mut ()>,
}

impl Block {
    /// The block of a thread that has no memory yet.
    pub fn new(token: u64) -> Self {
        let engine = Cpu {
            frame: null_mut(),
            temporary: null_mut(),
            temporary_end: null_mut(),
            owner: null_mut(),
            thread: token,
            idle_lock: null(),
            free: 0,
            slow: death::slow_paths::<Kernel>(),
            platform: [0; 10],
        };
        Block {
            engine: UnsafeCell::new(engine),
            kernel_stack: Cell::new(0),
            user_stacks: Cell::new(0),
            stack_limit: Cell::new(u64::MAX),
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

/// This CPU. With interrupts off: elsewhere the thread may be on another one as soon as this returns.
pub fn local() -> &'static Local {
    // SAFETY: a block that gs points to names the CPU, which stays for good.
    unsafe { &*current().local.get() }
}

/// Makes `block` the running thread's. What `swapgs` brings is 0: the gs of code in domains.
///
/// # Safety
///
/// The block stays where it is until another one is entered here. Interrupts are off, and `local` is this CPU.
pub unsafe fn enter(block: &Block, local: &'static Local) {
    block.this.set(block);
    block.local.set(local);
    // SAFETY: the thread does not run yet (B1).
    unsafe { (*block.engine()).free = local.number as u64 };
    local.block.set(block);
    // SAFETY: the caller's promise; assembly finds in the block what it expects.
    unsafe { registers::write_msr(registers::GS_BASE, ptr::from_ref(block) as u64) };
}
