//! Leaves an activation that panicked: runs the destructors of what it holds, and returns from its entry.
//!
//! # Shape
//!
//! [`reader`] reads the compiler's tables byte by byte. [`frames`] finds the record of a function,
//! [`rows`] what its callers' registers are at one of its instructions, [`pads`] the code that runs its
//! destructors. They are safe code, and say `None` to what they do not understand. [`walk`] goes up the
//! stack by them.
//!
//! # The way out
//!
//! A function is left upwards until the return address lies outside of the server's text: that is where the
//! *entry* of the activation returns to, a stub or a gate. So nothing marks the beginning of an
//! activation, and a call costs nothing for it; and an activation of the same server further out is never
//! touched, because foreign code lies between the two.
//!
//! Before anything is changed the whole way is looked at. There is none if a function on it lets no panic
//! through: a destructor that runs because of a panic, or a function of another ABI.
//!
//! # What is believed
//!
//! The tables are the server's own, and so is the stack. If they are wrong the server harms itself, as it could by
//! any instruction.
//!
//! # Never
//!
//! Panics, allocates, or has state of its own: several threads may be on their way at the same time.
#![no_std]

pub mod frames;
pub mod pads;
pub mod reader;
pub mod rows;
pub mod walk;

#[cfg(test)]
mod tests;

pub use walk::{Image, Landing, Registers};
