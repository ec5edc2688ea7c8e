//! What is known of a thread while it does not run.
#![expect(unsafe_code, reason = "a thread's pointers move with it")]

use alloc::{boxed::Box, string::String};

use warren_engine::{
    layout::{Frame, Temporary},
    thread::ThreadRecord,
};

use super::{Token, area::Area};
use crate::memory::user_stacks::UserStacks;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Runs, or would if it were its turn.
    Ready,
    /// Waits to be woken, at the latest at this time.
    Waiting(u64),
    /// Its last switch is behind it.
    Ended,
}

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

/// One thread.
pub struct Thread {
    pub token: Token,
    pub name: String,
    pub state: State,
    /// Whether the last wait was ended by [`wake`].
    pub woken: bool,
    pub stack: u64,
    pub registers: Registers,
    /// `None` for the idle thread.
    pub area: Option<Area>,
    pub work: Option<Box<dyn FnOnce() + Send>>,
    /// Its stacks in the domains that it has visited.
    pub user_stacks: UserStacks,
    /// Whether it is in a domain that was entered by an atomic call: its caller keeps a lock, so that only
    /// atomic calls, which do not wait for others, can be made there.
    pub in_atomic_call: bool,
    /// Ticks that the newest call has computed without calling or returning.
    pub silent_ticks: u32,
    /// The first free frame at the last tick.
    pub silent_frame: u64,
}

// SAFETY: a thread's pointers lead to memory of the engine and of its own area, which every context of
// the kernel may use inside a critical section.
unsafe impl Send for Thread {}

impl Thread {
    /// A thread that is ready, without a token yet.
    pub fn new(
        name: String,
        registers: Registers,
        area: Option<Area>,
        work: Option<Box<dyn FnOnce() + Send>>,
    ) -> Self {
        Thread {
            token: 0,
            name,
            state: State::Ready,
            woken: false,
            stack: 0,
            registers,
            area,
            work,
            user_stacks: UserStacks::default(),
            in_atomic_call: false,
            silent_ticks: 0,
            silent_frame: 0,
        }
    }

    /// The thread as the engine sees it; `None` for the idle thread.
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
