//! The kernel: the bare machine under the engine.
//!
//! | module | what |
//! | --- | --- |
//! | [`boot`] | from the loader to the first thread, as one list |
//! | [`cpu`] | registers, descriptor tables, clocks, interrupt controllers |
//! | [`memory`] | frames, page tables, regions and domains |
//! | [`traps`] | interrupts and faults |
//! | [`threads`] | what runs, and whose turn it is |
//! | [`calls`] | service calls between the kernel and domains |
//! | [`natives`] | the services that the kernel provides itself |
//! | [`system`] | the platform under the engine |
//!
//! Kernel code runs with interrupts off, servers with interrupts on. All global state is [`guarded`].
#![no_std]
#![no_main]

extern crate alloc;
extern crate warren_intrinsics as _;

mod boot;
mod calls;
mod cpu;
mod guarded;
mod log;
mod machine;
mod memory;
mod natives;
mod panic;
mod serial;
mod system;
mod threads;
mod traps;
