//! `help`: what there is.

use alloc::format;
use alloc::string::String;

use super::{ALL, Command, find};
use crate::arguments::{Arguments, unexpected};
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "help",
    usage: "help [COMMAND]",
    summary: "explain the commands",
    details: "",
    start,
};

const SYNTAX: &str = "
Commands are joined by | (the output of one is the input of the next), ; && and ||.
'…', \"…\" and \\ quote; *, ? and [a-z] match file names; # starts a comment; $? is the last status.
";

fn start(invocation: Invocation) -> Started {
    let operands = Arguments::parse(invocation.arguments, "", "")?.operands;
    if let Some(second) = operands.get(1) {
        return Err(unexpected(second));
    }
    once(move |context, output| match operands.first() {
        None => {
            output.extend(list().bytes());
            Ok(0)
        }
        Some(name) => match find(name) {
            Some(command) => {
                output.extend(explain(command).bytes());
                Ok(0)
            }
            None => context.complain("help", &format!("{name}: no such command")).map(|()| 1),
        },
    })
}

fn list() -> String {
    let mut text = String::new();
    for command in ALL {
        text.push_str(&format!("{:<10} {}\n", command.name, command.summary));
    }
    text.push_str(SYNTAX);
    text
}

fn explain(command: &Command) -> String {
    format!("{}: {}\nusage: {}\n{}", command.name, command.summary, command.usage, command.details)
}
