//! The shell: runs a person's or a script's commands over files and servers.
//!
//! # Shape
//!
//! Everything but the `server` module is pure: it reaches the system through the traits of
//! [`world`] and is tested on the host over a tree of files in memory. A line goes through
//! [`words`] (quoting), [`grammar`] (pipelines, `;`, `&&`, `||`), [`expand`] (`$?`, patterns) and
//! [`session`], which starts the [`commands`] as [`stage`]s and pulls from the last.
//!
//! # State, and what a restart loses
//!
//! None in the server: each thread that runs it has a session of its own, on its stack. A restart
//! loses the current directory and the last status.
//!
//! # Not here
//!
//! Redirection, variables, background commands, programs beside the commands: a line that uses the first or
//! the third is refused, never taken for something else.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod arguments;
mod commands;
mod date;
mod expand;
mod grammar;
mod input;
mod messages;
mod path;
mod pattern;
mod server;
mod session;
mod stage;
mod table;
#[cfg(test)]
mod tests;
mod walk;
mod words;
mod world;

pub use server::Shell;
