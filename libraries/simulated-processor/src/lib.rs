//! A processor on which schedulers are tested: contexts that follow a script, and time that only passes in it.
//!
//! # Shape
//!
//! A [`Task`] says what a context does and what befalls it. [`simulate`] runs the loop of a scheduler with a policy on the
//! simulated processor until a point in time, and returns the [`History`]: who was ready, and who ran, when. [`simulate_on`] does so on
//! several CPUs, with the books of the kernel.
//!
//! # What it promises
//!
//! What `Processor` does: a dispatch ends for the first reason that there is, exactly at its time. News are states, each context at
//! most once on the list. A scheduler that dispatches what is not ready is refused, and that is counted; one that goes round without
//! time passing fails the test.

mod any;
mod history;
mod machine;
mod processor;
mod task;

pub use any::{any_span, any_steps, any_task, any_tasks};
pub use history::{History, Span};
pub use machine::{Waiting, simulate_on, simulate_with};
pub use processor::{simulate, simulate_at_cost};
pub use task::{Disturbance, Step, Task};

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;
