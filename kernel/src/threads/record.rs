//! What is known of a thread while it does not run.
#![expect(unsafe_code, reason = "a thread's pointers move with it")]

use alloc::{boxed::Box, string::String};

use warren_engine::{
    deadline::Deadlines,
    layout::{Frame, Temporary},
    thread::ThreadRecord,
};
use warren_kernel::contexts::{End, Token};

use super::area::Area;
use crate::memory::user_stacks::UserStacks;

/// What of the CPU's block belongs to the thread.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    pub frame: *mut Frame,
    pub temporary: *mut Temporary,
    pub owner: *mut Frame,
    /// Its lock for servers that have none.
    pub idle: u64,
    pub kernel_stack: u64,
    pub page_tables: u64,
}

/// What a thread does in its life.
pub type Work = Box<dyn FnOnce() -> End + Send>;

/// One thread.
pub struct Thread {
    pub token: Token,
    pub name: String,
    /// Whose memory its stacks are.
    pub principal: usize,
    pub stack: u64,
    pub registers: Registers,
    /// `None` for the root.
    pub area: Option<Area>,
    pub work: Option<Work>,
    /// Its stacks in the domains that it has visited.
    pub user_stacks: UserStacks,
    /// Whether it is in a domain that was entered by an atomic call: its caller keeps a lock, so that only
    /// atomic calls, which do not wait for others, can be made there.
    pub in_atomic_call: bool,
    /// When its calls are to be over.
    pub deadlines: Deadlines,
    /// What it had used when the newest call was last seen to call or return, in counts of the clock.
    pub heard: u64,
    /// What it had used when it was ended.
    pub killed_at: u64,
    /// The first free frame when the watchdog last looked.
    pub silent_frame: u64,
}

// SAFETY: a thread's pointers lead to memory of the engine and of its own area, which every context of
// the kernel may use inside a critical section.
unsafe impl Send for Thread {}

impl Thread {
    /// A new thread.
    pub fn new(
        token: Token,
        name: String,
        principal: usize,
        registers: Registers,
        area: Option<Area>,
        work: Option<Work>,
    ) -> Self {
        Thread {
            token,
            name,
            principal,
            stack: 0,
            registers,
            area,
            work,
            user_stacks: UserStacks::default(),
            in_atomic_call: false,
            deadlines: Deadlines::NONE,
            heard: 0,
            killed_at: 0,
            silent_frame: 0,
        }
    }

    /// The thread as the engine sees it; `None` for the root.
    pub fn record(&self) -> Option<ThreadRecord> {
        let area = self.area.as_ref()?;
        Some(ThreadRecord {
            token: self.token,
            frames: area.frames(),
            frame: self.registers.frame,
            temporaries: area.temporaries(),
            temporary: self.registers.temporary,
        })
    }

    /// Number of its slot among the stacks of a domain.
    pub fn slot(&self) -> usize {
        self.area.as_ref().map_or(0, Area::number)
    }
}
