//! The commands that are about the session itself. All others are programs.

use alloc::string::String;
use alloc::vec::Vec;

use warren_program::{Manual, UsageError};

use crate::session::{Context, Stop};
use crate::world::Said;

mod cd;
mod echo;
mod exit;
mod help;
mod pwd;
mod truth;

/// A command that is built into the shell.
pub struct Command {
    /// What it is called.
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// How it is used.
    pub manual: Manual,
    /// Does it.
    pub run: fn(&mut Context<'_>, Vec<String>) -> Result<Said, Trouble>,
}

/// Why a command said nothing.
pub enum Trouble {
    /// Its arguments were not understood.
    Usage(UsageError),
    /// The command line is over.
    Stop(Stop),
}

impl From<UsageError> for Trouble {
    fn from(error: UsageError) -> Self {
        Trouble::Usage(error)
    }
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Trouble::Stop(stop)
    }
}

/// All commands, in the order of their names.
pub static ALL: &[Command] = &[
    cd::COMMAND,
    echo::COMMAND,
    exit::COMMAND,
    truth::FALSE,
    help::COMMAND,
    pwd::COMMAND,
    truth::TRUE,
];

/// The command with this name.
pub fn find(name: &str) -> Option<&'static Command> {
    ALL.iter().find(|command| command.name == name)
}

/// Success, with this text.
fn say(text: impl Into<Vec<u8>>) -> Result<Said, Trouble> {
    Ok(Said { text: text.into(), status: 0 })
}

/// Silence, with this status.
fn end(status: u8) -> Result<Said, Trouble> {
    Ok(Said { text: Vec::new(), status })
}
