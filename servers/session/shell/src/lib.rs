//! The shell: runs a person's or a script's commands over files and programs.
//!
//! # Shape
//!
//! Everything but `server`, `live` and `streams` is pure: it reaches the system through the traits of
//! [`world`] and is tested on the host over a tree of files in memory. A line goes through
//! [`words`] (quoting), [`grammar`] (pipelines, `;`, `&&`, `||`), [`expand`] (`$?`, patterns) and
//! [`session`], which runs the [`commands`] that are about the session itself, starts programs for all others, each
//! on the stream of the one before, and reads the last stream.
//!
//! # State, and what a restart loses
//!
//! None in the server: each thread that runs it has a session of its own, on its stack. A restart
//! loses the current directory and the last status.
//!
//! # Not here
//!
//! Redirection, variables, background commands: a line that uses the first or the third is refused, never taken for
//! something else.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod commands;
mod expand;
mod grammar;
mod live;
mod messages;
mod server;
mod session;
mod streams;
#[cfg(test)]
mod tests;
mod words;
mod world;

pub use server::Shell;
