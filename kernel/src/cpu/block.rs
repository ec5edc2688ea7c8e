//! What one CPU keeps at hand: gs points here while kernel code runs.
#![expect(unsafe_code, reason = "a static that assembly and the engine write")]

use core::{
    cell::{Cell, UnsafeCell},
    ptr::null_mut,
};

use warren_engine::{
    layout::{Cpu, LockWord},
    stub::SlowPaths,
};

use super::registers;

/// Value of a free lock: the number of the only CPU.
pub const FREE: u64 = 0;

/// The block of one CPU. The engine's part comes first, so gs points to both.
///
/// B1: only the CPU itself uses it, and its own fields only with interrupts off.
#[repr(C)]
pub struct Block {
    /// What the engine's stubs use.
    engine: UnsafeCell<Cpu>,
    /// Where the thread's kernel stack goes on when it enters the kernel from a domain.
    pub kernel_stack: Cell<u64>,
    /// The thread's stacks in domains ([`crate::memory::user_stacks::UserStacks`]).
    pub user_stacks: Cell<u64>,
    /// What must be left of the thread's kernel stack when it enters the kernel from a domain.
    pub stack_limit: Cell<u64>,
}

/// The one CPU's block.
pub struct OnlyBlock(Block);

// SAFETY: there is one CPU (B1).
unsafe impl Sync for OnlyBlock {}

/// The block. Assembly loads its address where gs cannot be trusted.
pub static BLOCK: OnlyBlock = OnlyBlock(Block {
    engine: UnsafeCell::new(empty()),
    kernel_stack: Cell::new(0),
    user_stacks: Cell::new(0),
    stack_limit: Cell::new(u64::MAX),
});

/// A block before its first thread.
const fn empty() -> Cpu {
    Cpu {
        frame: null_mut(),
        temporary: null_mut(),
        temporary_end: null_mut(),
        owner: null_mut(),
        thread: 0,
        idle: LockWord::new(0),
        idle_lock: core::ptr::null(),
        free: FREE,
        slow: SlowPaths { wait: 0, wait_atomic: 0, drop_temporaries: 0, hand_over: 0, dead: 0 },
        platform: [0; 10],
    }
}

/// This CPU's block.
pub fn current() -> &'static Block {
    &BLOCK.0
}

/// The engine's part of it.
pub fn engine() -> *mut Cpu {
    current().engine.get()
}

/// Points gs to the block. What `swapgs` brings is 0: the gs of code in domains.
pub fn install() {
    // SAFETY: nothing used gs before, and from now on it is what assembly expects.
    unsafe { registers::write_msr(registers::GS_BASE, current() as *const Block as u64) };
    // SAFETY: code in domains has no use of gs.
    unsafe { registers::write_msr(registers::KERNEL_GS_BASE, 0) };
}
