//! A program at work, and what it works on.
//!
//! # Why no stage borrows
//!
//! Every call out of a server frees its lock, so no borrow of its state can live across one. A stage owns what it
//! works with and is handed the [`Context`] at each pull.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::arguments::UsageError;
use crate::manual::Manual;
use crate::messages::Reason;
use crate::path;
use crate::world::World;

/// Bytes that one pull adds to the output, about: as much as one file read gives.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// Bytes that are read of a stream at a time. In a pipeline all programs read at once, each in the call of the one
/// behind it, and the copies of their buffers share the thread's stack in the kernel.
pub const STREAM_BYTES: usize = 2 * 1024;

/// Status of a program that did not understand its arguments, or its input.
pub const MISUSED: u8 = 2;

/// What a pull tells about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There may be more.
    More,
    /// That was all; the exit status.
    End(u8),
}

/// The run is over: whoever runs the program wants it to stop, or hears it no more. The supervisor knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// A program at work that needs nothing but files, input and supervisor.
pub trait Stage: Sized {
    /// How it is used.
    const MANUAL: Manual;

    /// Reads the arguments.
    fn start(arguments: Vec<String>) -> Result<Self, UsageError>;
    /// Adds the next bytes to `output`, and none before a complaint. Not called again after [`Flow::End`].
    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop>;
}

/// What a stage works on.
pub struct Context<'a> {
    /// Everything outside.
    pub world: &'a mut dyn World,
    /// The program's name, which complaints start with.
    pub name: &'static str,
}

impl Context<'_> {
    /// The absolute path of an operand.
    pub fn path(&self, operand: &str) -> String {
        path::resolve(self.world.directory(), operand)
    }

    /// Tells the person that there was trouble.
    pub fn complain(&mut self, trouble: &str) -> Result<(), Stop> {
        self.world.complain(format!("{}: {trouble}\n", self.name).as_bytes())
    }

    /// Tells the person that there was trouble with something.
    pub fn complain_about(&mut self, subject: &str, error: impl Into<Reason>) -> Result<(), Stop> {
        let Reason(reason) = error.into();
        self.complain(&format!("{subject}: {reason}"))
    }

    /// Stops here if ^C was pressed. Whatever reads or walks calls this for each piece.
    pub fn check(&mut self) -> Result<(), Stop> {
        self.world.go_on()
    }
}
