//! Threads, and which of them runs: round robin with a tick of 10 ms.
//!
//! # How a thread stops
//!
//! By a switch ([`scheduler`]) in kernel code, with interrupts off: because it waits ([`block`]), gives
//! way ([`yield_now`]), or was interrupted by the tick. Its registers are then on its kernel stack, and what
//! the CPU block held is in its [`record::Thread`].
//!
//! # Never
//!
//! Stops while it uses a guarded value.
pub mod area;
pub mod interrupts;
mod life;
mod record;
mod scheduler;
mod switch;
mod view;

pub use life::{idle, install, start};
pub use scheduler::{
    block, give_time_to, in_atomic_call, preempt, running, set_in_atomic_call, set_page_tables,
    tick, wake, wake_first, with_running, yield_now,
};
pub use view::{
    divert, forget_domain, forget_enough, forget_page_tables, frame_of, is_behind_frames, name_of,
    running_has_calls, stack_left, visit, write_calls,
};

/// Ticks in a second.
pub const TICKS_PER_SECOND: u64 = 100;

/// A thread as a lock holder: above every CPU number, and never used again.
pub type Token = u64;
const FIRST_TOKEN: Token = 0x1000;
/// The thread that runs when no other can. It runs on the boot stack.
const IDLE: Token = FIRST_TOKEN;
