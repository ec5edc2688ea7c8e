//! `run`: a server that is a program.

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "run",
    usage: "run SERVER",
    summary: "run a server that is a program",
    details: "The status is the program's, 255 if it is greater, 1 if it failed.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let [server] = Arguments::parse(invocation.arguments, "", "")?.exactly(["SERVER"])?;
    once(move |context, _| match context.world.run(&server) {
        Ok(status) => Ok(u8::try_from(status).unwrap_or(u8::MAX)),
        Err(failure) => context.complain_about("run", &server, failure).map(|()| 1),
    })
}
