//! What the kernel decides, apart from the machine: pure logic, tested on the host.
//!
//! The binary `kernel` is the machine's side: it hands in bytes and carries out decisions.
//! Everything in here that reads bytes treats them as hostile: it answers with an error or leaves
//! something out, and never panics.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod acpi;
pub mod archive;
pub mod bytes;
pub mod command_line;
pub mod contexts;
pub mod frames;
pub mod information;
pub mod jitter;
pub mod multiprocessor;
pub mod numbers;
pub mod rows;

#[cfg(test)]
extern crate std;
