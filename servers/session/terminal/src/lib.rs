//! The terminal: lines from a person, with editing and history, or from a script, as they are.
//!
//! # Shape
//!
//! [`editor`] turns keys into a line and into what the screen must show; [`keys`] tells keys apart;
//! [`history`] and [`ahead`] keep what was and what will be; [`script`] is what is left when nobody sits there. All are pure.
//! [`LineTerminal`] is the server around them.
//!
//! # State, and what a restart loses
//!
//! The line that is being typed, what was typed ahead, and the history. Of a script, only the line that is
//! being read: it is taken from the console byte by byte, so that nothing behind the line is lost.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod ahead;
mod editor;
mod history;
mod keys;
mod script;
mod server;
#[cfg(test)]
mod tests;

pub use server::LineTerminal;
