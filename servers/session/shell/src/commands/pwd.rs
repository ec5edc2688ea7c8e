//! `pwd`: the current directory.

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "pwd",
    usage: "pwd",
    summary: "show the current directory",
    details: "",
    start,
};

fn start(invocation: Invocation) -> Started {
    Arguments::parse(invocation.arguments, "", "")?.none()?;
    once(|context, output| {
        output.extend(context.session.directory.bytes());
        output.push(b'\n');
        Ok(0)
    })
}
