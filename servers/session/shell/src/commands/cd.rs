//! `cd`: another current directory.

use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::{FileError, FileStatus};
use warren_program::{Arguments, Manual};

use super::{Command, Trouble, end};
use crate::session::Context;
use crate::world::Said;

pub const COMMAND: Command = Command {
    name: "cd",
    summary: "change the current directory",
    manual: Manual { usage: "[DIRECTORY]", details: "Without a directory it goes to /.\n" },
    run,
};

fn run(context: &mut Context<'_>, arguments: Vec<String>) -> Result<Said, Trouble> {
    let operand = Arguments::parse(arguments, "", "")?.at_most_one()?.unwrap_or("/".into());
    let path = context.path(&operand);
    let error = match context.world.status(&path) {
        Ok(status) if status.kind == FileStatus::DIRECTORY => {
            context.session.directory = path;
            return end(0);
        }
        Ok(_) => FileError::NotADirectory,
        Err(error) => error,
    };
    context.complain_about("cd", &operand, error)?;
    end(1)
}
