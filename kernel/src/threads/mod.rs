//! Threads: the machine's side of contexts.
//!
//! Who runs is in the books ([`warren_kernel::contexts`]), and decided by nobody here. After each change of the books
//! the CPU goes on with whoever runs then ([`switching`]).
//!
//! # How a thread stops
//!
//! By a switch in kernel code, with interrupts off: because it waits ([`block`]), gives way ([`yield_now`]), dispatches another
//! ([`dispatch`]), or was interrupted. Its registers are then on its kernel stack, and what the CPU block held is in its
//! [`record::Thread`].
//!
//! # Who was woken
//!
//! A wake-up only changes the books. If somebody is to run because of it ([`is_due`]), that happens when interrupts are switched on
//! again: at the end of the outermost [`crate::cpu::interrupts::off`], or of the interrupt.
//!
//! # Never
//!
//! Stops while it uses a guarded value.
pub mod alarm;
pub mod area;
pub mod early;
pub mod interrupts;
mod life;
mod record;
pub mod sampling;
mod switch;
mod switching;
mod view;

pub use life::{Place, divide_threads, install, install_root, limit_threads, start};
use switching::wake;
pub use switching::{
    block, change_books, dispatch, end_calls_above, give_time_to, go_on_as_nobody, idle,
    in_atomic_call, is_due, kill, kill_all_of, let_go, park, pass, preempt, running,
    running_has_calls, set_in_atomic_call, tick, wait_until, wait_until_or, wake_by_running,
    with_deadlines, with_running, yield_now,
};
pub use view::{
    charge_interrupt, divert, forget_domain, forget_enough, forget_page_tables, frame_of,
    is_behind_frames, name_of, owner_of_frame, sight, stack_left, used, visit, with_all_books,
    with_books, with_charged_books, write_calls,
};
pub use warren_kernel::contexts::Token;
