//! `help`: what there is.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::LaunchError;
use warren_program::{Arguments, Manual};

use super::{ALL, Command, Trouble, end, find, say};
use crate::session::Context;
use crate::world::{Listed, Said, StartFailure};

pub const COMMAND: Command = Command {
    name: "help",
    summary: "explain the commands",
    manual: Manual { usage: "[COMMAND]", details: "" },
    run,
};

const SYNTAX: &str = "
Commands are joined by | (the output of one is the input of the next), ; && and ||.
'…', \"…\" and \\ quote; *, ? and [a-z] match file names; # starts a comment; $? is the last status.
";

fn run(context: &mut Context<'_>, arguments: Vec<String>) -> Result<Said, Trouble> {
    match Arguments::parse(arguments, "", "")?.at_most_one()? {
        None => list(context),
        Some(name) => explain(context, &name),
    }
}

/// All commands: those of the shell, and the programs of the system.
fn list(context: &mut Context<'_>) -> Result<Said, Trouble> {
    let mut all: Vec<_> = match context.world.programs() {
        Ok(programs) => programs,
        Err(error) => {
            context.complain_about("help", "programs", error)?;
            return end(1);
        }
    };
    // The shell's own commands come first where names are the same.
    all.retain(|program| find(&program.name).is_none());
    let listed = |one: &Command| Listed { name: one.name.into(), summary: one.summary.into() };
    all.extend(ALL.iter().map(listed));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let width = all.iter().map(|one| one.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Listed { name, summary } in all {
        text.push_str(&format!("{name:<width$}  {summary}\n"));
    }
    say(text + SYNTAX)
}

fn explain(context: &mut Context<'_>, name: &str) -> Result<Said, Trouble> {
    if let Some(command) = find(name) {
        return say(command.manual.text(name, command.summary));
    }
    let reason = match context.world.manual(name) {
        Ok(text) => return say(text),
        Err(StartFailure::Launch(LaunchError::Unknown | LaunchError::WrongService)) => {
            "no such command"
        }
        Err(StartFailure::Launch(error)) => error.message(),
        Err(StartFailure::Start(error)) => error.message(),
    };
    context.complain("help", &format!("{name}: {reason}"))?;
    end(1)
}
