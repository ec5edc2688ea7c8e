//! `pwd`: the current directory.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_program::{Arguments, Manual};

use super::{Command, Trouble, say};
use crate::session::Context;
use crate::world::Said;

pub const COMMAND: Command = Command {
    name: "pwd",
    summary: "show the current directory",
    manual: Manual { usage: "", details: "" },
    run,
};

fn run(context: &mut Context<'_>, arguments: Vec<String>) -> Result<Said, Trouble> {
    Arguments::parse(arguments, "", "")?.none()?;
    say(format!("{}\n", context.session.directory))
}
