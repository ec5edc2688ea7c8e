//! `cd`: another current directory.

use alloc::string::String;

use warren_idl::{FileError, FileStatus};

use super::Command;
use crate::arguments::{Arguments, unexpected};
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "cd",
    usage: "cd [DIRECTORY]",
    summary: "change the current directory",
    details: "Without a directory it goes to /.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let mut operands = Arguments::parse(invocation.arguments, "", "")?.operands;
    if let Some(second) = operands.get(1) {
        return Err(unexpected(second));
    }
    let operand = operands.pop().unwrap_or_else(|| String::from("/"));
    once(move |context, _| {
        let path = context.path(&operand);
        let error = match context.world.status(&path) {
            Ok(status) if status.kind == FileStatus::DIRECTORY => {
                context.session.directory = path;
                return Ok(0);
            }
            Ok(_) => FileError::NotADirectory,
            Err(error) => error,
        };
        context.complain_about("cd", &operand, error).map(|()| 1)
    })
}
