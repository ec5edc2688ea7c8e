//! `exit`: the end of the session.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_program::{Arguments, Manual, UsageError};

use super::{Command, Trouble, end};
use crate::session::Context;
use crate::world::Said;

pub const COMMAND: Command = Command {
    name: "exit",
    summary: "end the session and switch the machine off",
    manual: Manual {
        usage: "[STATUS]",
        details: "STATUS is from 0 to 255; without it, the last command's.\n",
    },
    run,
};

fn run(context: &mut Context<'_>, arguments: Vec<String>) -> Result<Said, Trouble> {
    let status = match Arguments::parse(arguments, "", "")?.at_most_one()? {
        None => context.session.status,
        Some(text) => {
            text.parse().map_err(|_| UsageError(format!("not a status from 0 to 255: {text}")))?
        }
    };
    context.session.exit = Some(status);
    end(status)
}
