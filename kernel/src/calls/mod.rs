//! Service calls that cross the border between the kernel and a domain.
//!
//! | way | code |
//! | --- | --- |
//! | kernel to domain, and back | [`gate`] |
//! | domain to kernel, and back | [`system_call`] |
//! | the same, and domain to domain, mostly | [`fast_path`], with the tables of [`fast`] and the copies of [`carry`] |
//! | out of a call that cannot go on | [`ending`] |
//!
//! A call from one domain to another is both: a system call that the kernel carries out by a stub whose
//! entry is a gate.

mod carry;
pub mod copy;
pub mod counts;
mod ending;
mod entry;
mod fast;
mod fast_path;
mod gate;
mod steps;
mod system_call;
mod watchdog;

pub use counts::make_atomic;
pub use ending::{abort, cut_off, end_server, leave_dead, refuse_deeper_call, server_stack};
pub use entry::{gate_address, install, trampoline};
pub use fast::forget;
pub use fast_path::{forget_caller, replace_callee};
pub use gate::forget_page_tables;
pub use system_call::KERNEL_STACK_RESERVE;
pub use watchdog::{leave_stub, watch};
