//! What is known of a thread.
#![expect(unsafe_code, reason = "a thread's pointers move with it")]

use alloc::{boxed::Box, string::String};

use warren_engine::{deadline::Deadlines, layout::Cpu, thread::ThreadRecord};
use warren_kernel::contexts::{End, Token};

use super::area::Area;
use crate::{cpu::block::Block, memory::user_stacks::UserStacks};

/// What a thread does in its life.
pub type Work = Box<dyn FnOnce() -> End + Send>;

/// One thread.
pub struct Thread {
    pub token: Token,
    pub name: String,
    /// Whose memory its stacks are.
    pub principal: usize,
    pub stack: u64,
    /// Its own page tables, if it does not run and has some ([`page_tables`](crate::cpu::page_tables)).
    pub page_tables: u64,
    /// What it has at hand when it runs.
    pub block: Block,
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
        area: Option<Area>,
        work: Option<Work>,
    ) -> Self {
        let block = Block::new(token);
        if let Some(area) = &area {
            block.kernel_stack.set(area.stack_top());
            // SAFETY: nobody else knows the block yet.
            let engine = unsafe { &mut *block.engine() };
            // The first frame is the bottom.
            engine.frame = area.frames().wrapping_add(1);
            engine.temporary = area.temporaries();
            engine.temporary_end = area.temporaries_end();
            engine.bottom = area.frames();
        }
        // Ledgers have no more principals than that.
        block.payer.set(principal as u8);
        Thread {
            token,
            name,
            principal,
            stack: 0,
            page_tables: 0,
            block,
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
        // SAFETY: the thread does not run, or is the one that looks.
        let &Cpu { frame, temporary, .. } = unsafe { &*self.block.engine() };
        Some(ThreadRecord {
            token: self.token,
            frames: area.frames(),
            frame,
            temporaries: area.temporaries(),
            temporary,
        })
    }

    /// Number of its slot among the stacks of a domain.
    pub fn slot(&self) -> usize {
        self.area.as_ref().map_or(0, Area::number)
    }
}
