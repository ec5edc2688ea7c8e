//! The parts of a pipeline and how bytes move through it.
//!
//! # Pull, not push
//!
//! Each command is a [`Stage`]. The shell pulls from the last one, which pulls from the one before
//! when it needs input. So a pipeline holds a few pieces of data at a time whatever its files' sizes,
//! and one that needs no more (`head -n 1`) just does not ask: what would come is never read. A
//! command whose output nobody asks for does nothing.
//!
//! # Why no stage borrows
//!
//! Every call out of the shell frees its lock, so no borrow can live across one. A stage owns what it
//! works with and is handed the [`Context`] at each pull.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::TerminalError;

use crate::arguments::UsageError;
use crate::messages;
use crate::path;
use crate::session::Session;
use crate::world::World;

/// Bytes that one pull adds to the output, about: as much as one file read gives.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// Status of a command that was not understood.
pub const MISUSED: u8 = 2;

/// What a pull tells about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There may be more.
    More,
    /// That was all; the command's exit status.
    End(u8),
}

/// Why a whole pipeline stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// ^C.
    Interrupted,
    /// Nobody hears us any more.
    Terminal(TerminalError),
}

/// A command at work.
pub trait Stage {
    /// Adds the next bytes to `output`, and none before a message that it writes. Not called again after [`Flow::End`].
    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop>;
}

/// What a command is started with.
pub struct Invocation {
    /// Arguments, after expansion.
    pub arguments: Vec<String>,
    /// The command before it in the pipeline.
    pub input: Option<Box<dyn Stage>>,
}

/// A command at work, or why it was not understood.
pub type Started = Result<Box<dyn Stage>, UsageError>;

/// What a command works on.
pub struct Context<'a> {
    /// Everything outside.
    pub world: &'a mut dyn World,
    /// What the shell remembers between commands.
    pub session: &'a mut Session,
}

impl Context<'_> {
    /// The absolute path of an operand.
    pub fn path(&self, operand: &str) -> String {
        path::resolve(&self.session.directory, operand)
    }

    /// Tells the person that `command` had trouble.
    pub fn complain(&mut self, command: &str, trouble: &str) -> Result<(), Stop> {
        let line = format!("{command}: {trouble}\n");
        self.world.write(line.as_bytes()).map_err(Stop::Terminal)
    }

    /// Tells the person that `command` had trouble with something.
    pub fn complain_about(
        &mut self,
        command: &str,
        subject: &str,
        error: impl Into<messages::Reason>,
    ) -> Result<(), Stop> {
        let messages::Reason(reason) = error.into();
        self.complain(command, &format!("{subject}: {reason}"))
    }

    /// Stops here if ^C was pressed. Whatever reads or walks calls this for each piece.
    pub fn check(&mut self) -> Result<(), Stop> {
        match self.world.interrupted() {
            Ok(true) => Err(Stop::Interrupted),
            Ok(false) => Ok(()),
            Err(error) => Err(Stop::Terminal(error)),
        }
    }
}

/// A command that does all its work in one pull and returns its exit status.
pub fn once<F>(work: F) -> Started
where
    F: FnOnce(&mut Context<'_>, &mut Vec<u8>) -> Result<u8, Stop> + 'static,
{
    Ok(Box::new(Once(Some(work))))
}

struct Once<F>(Option<F>);

impl<F> Stage for Once<F>
where
    F: FnOnce(&mut Context<'_>, &mut Vec<u8>) -> Result<u8, Stop>,
{
    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        match self.0.take() {
            Some(work) => work(context, output).map(Flow::End),
            None => Ok(Flow::End(0)),
        }
    }
}
