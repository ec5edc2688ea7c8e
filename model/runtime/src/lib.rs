//! What is linked into every server file, and named in none: panic handler, heap, memory routines.
//!
//! A crate of its own, because a program can have only one panic handler: server crates stay
//! ordinary libraries, which tests on a host link with the standard library.
#![no_std]
// A test on a host has another panic handler; there is nothing here that one could test.
#![cfg(not(test))]

mod heap;
mod panic;
#[cfg(panic = "unwind")]
mod unwind;

use warren_intrinsics as _;
