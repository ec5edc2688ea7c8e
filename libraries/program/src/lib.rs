//! What a program is written with, beside what every server is: arguments, inputs, walks, runs.
//!
//! A program is a server that provides [`Program`](warren_idl::Program). What it does is a [`Stage`], if it works on
//! files and streams alone, a [`Report`] or a [`List`], if it is done at once, or [`Work`], if it requires something and takes its time; [`program!`] makes a server of either.
//!
//! | module | what |
//! | --- | --- |
//! | [`arguments`] | options and operands |
//! | [`stage`] | a program at work, and what it works on |
//! | [`run`] | one run: what was handed over, what was put out and not yet read |
//! | [`live`] | files, input and supervisor over the references that were handed over |
//! | [`input`] | operands and the stream before as inputs, whole or line by line |
//! | [`walk`], [`path`], [`pattern`] | trees of files, paths as text, patterns for names |
//! | [`report`] | programs that do one thing at once, and show one text of it |
//! | [`listed`] | what servers list |
//! | [`json`] | what tools read |
//! | [`servers`] | the servers that are loaded |
//! | [`table`], [`messages`], [`manual`] | text in columns, errors as text, how a program is used |
//! | `testing` | all that a stage sees, in memory; with the feature of this name |
//!
//! # Pull, not push
//!
//! A stage is pulled by whoever reads its run, and pulls the stage before when it needs input. So a pipeline
//! holds a few pieces of data at a time whatever its files' sizes, and what needs no more (`head -n 1`) just does
//! not ask: what would come is never read.
#![cfg_attr(not(any(test, feature = "testing")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arguments;
pub mod input;
pub mod json;
pub mod listed;
pub mod live;
pub mod manual;
pub mod messages;
pub mod path;
pub mod pattern;
pub mod report;
pub mod run;
mod serve;
pub mod servers;
pub mod stage;
pub mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod walk;
pub mod world;

pub use arguments::{Arguments, UsageError};
pub use manual::Manual;
pub use report::{About, List, Listing, Report, Reporting, Trouble};
pub use run::{Handed, Run, Work};
pub use stage::{CHUNK_BYTES, Context, Flow, MISUSED, STREAM_BYTES, Stage, Stop};
