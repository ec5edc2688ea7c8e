//! `echo`: its arguments.

use alloc::string::String;
use alloc::vec::Vec;

use warren_program::Manual;

use super::{Command, Trouble, say};
use crate::session::Context;
use crate::world::Said;

pub const COMMAND: Command = Command {
    name: "echo",
    summary: "show its arguments",
    manual: Manual { usage: "[-n] [TEXT…]", details: "-n  without an end of line\n" },
    run,
};

fn run(_: &mut Context<'_>, arguments: Vec<String>) -> Result<Said, Trouble> {
    let (words, end) = match arguments.split_first() {
        Some((first, rest)) if first == "-n" => (rest, ""),
        _ => (&arguments[..], "\n"),
    };
    say(words.join(" ") + end)
}
