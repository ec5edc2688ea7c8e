//! What schedulers are made of: the loop around `Processor::dispatch`, and the parts that policies share.
//!
//! # Shape
//!
//! A scheduler is a server around a [`Policy`]. [`run`] keeps the table of contexts, hands on time as the policy chooses, and tells it
//! what became of that; it believes no news, so that a policy only hears what can be. A policy decides and computes, and
//! does nothing else: it has no clock, makes no calls, and is tested on a simulated processor.
//!
//! | part | what it decides |
//! | --- | --- |
//! | [`Line`] | whose turn it is among equals: round robin |
//! | [`Principals`] | whose turn it is among principals: each in proportion to its weight, its contexts in a line |
//!
//! # State
//!
//! All of it lies in the activation of `Scheduler::schedule`, that is, with the one thread that may dispatch. Whoever else
//! calls that function brings a state of their own, and is refused by the processor.
//!
//! # Memory
//!
//! Tables grow to the most contexts that there ever were at the same time, or that were ready at the same time. After that nothing is allocated.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod contexts;
mod dispatcher;
mod line;
mod parameters;
mod policy;
mod principals;
mod run;

pub use dispatcher::{Dispatch, Dispatcher, OnProcessor};
pub use line::{Line, Place};
pub use parameters::slice_ns;
pub use policy::{FOREVER_NS, PerContext, Policy, Slot, Turn};
pub use principals::Principals;
pub use run::run;
