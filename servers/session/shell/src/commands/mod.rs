//! The commands, one file each. A new one is a file here and a line in [`ALL`].

use crate::stage::{Invocation, Started};

mod backtrace;
mod cat;
mod cd;
mod crash;
mod echo;
mod exit;
mod find;
mod grep;
mod head;
mod help;
mod log;
mod ls;
mod mount;
mod place;
mod pwd;
mod run;
mod servers;
mod sha256;
mod sort;
mod truth;
mod uniq;
mod uptime;
mod wc;

/// A command that is built into the shell.
pub struct Command {
    /// What it is called.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What else is worth knowing, in whole lines; may be empty.
    pub details: &'static str,
    /// Reads the arguments and gives the command at work.
    pub start: fn(Invocation) -> Started,
}

/// All commands, in the order of their names.
pub static ALL: &[Command] = &[
    backtrace::COMMAND,
    cat::COMMAND,
    cd::COMMAND,
    crash::COMMAND,
    echo::COMMAND,
    exit::COMMAND,
    truth::FALSE,
    find::COMMAND,
    grep::COMMAND,
    head::COMMAND,
    help::COMMAND,
    log::COMMAND,
    ls::COMMAND,
    mount::MOUNT,
    place::COMMAND,
    pwd::COMMAND,
    run::COMMAND,
    servers::COMMAND,
    sha256::COMMAND,
    sort::COMMAND,
    truth::TRUE,
    uniq::COMMAND,
    mount::UNMOUNT,
    uptime::COMMAND,
    wc::COMMAND,
];

/// The command with this name.
pub fn find(name: &str) -> Option<&'static Command> {
    ALL.iter().find(|command| command.name == name)
}
