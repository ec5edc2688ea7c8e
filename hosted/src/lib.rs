//! Warren in a Linux process: the platform under the engine that needs no machine of its own.
//!
//! # Shape
//!
//! The process is a machine with one CPU. All Warren threads run on a single Linux thread, each a
//! context with a stack of its own, and a timer signal preempts them; so everything that the engine
//! may assume of one CPU holds here as in the kernel. Servers that the plan places `kernel` share the process's
//! space; faults of theirs are caught as the signals that they raise. Any other domain is a process of its own.
//!
//! | module | what |
//! | --- | --- |
//! | [`machine`] | the one machine's state, and running it |
//! | `critical` | the section that the timer does not preempt; the allocator that lives in it |
//! | `context`, `thread`, `schedule` | contexts, threads, who runs next and who waits for what |
//! | `books`, `sampling` | who has used and holds what; in which servers time is spent |
//! | `signal`, `fault`, `watchdog` | preemption, and what becomes of code that misbehaves |
//! | `region` | memory |
//! | `domain` | servers in processes of their own |
//! | [`archive`], `terminal` | the boot archive; the terminal on standard input |
//! | [`natives`] | what the process provides to servers |
//! | `platform` | all of that as the engine's [`warren_engine::platform::Platform`] |

pub mod archive;
mod books;
mod context;
mod critical;
mod domain;
mod fault;
pub mod log;
pub mod machine;
pub mod natives;
mod platform;
mod region;
mod sampling;
mod schedule;
mod signal;
mod terminal;
mod thread;
mod time;
mod watchdog;

pub use platform::Hosted;
pub use schedule::{block_on_descriptor, join, sleep_ns, start_thread, yield_now};
pub use thread::Token;

#[global_allocator]
static ALLOCATOR: critical::Allocator = critical::Allocator;
