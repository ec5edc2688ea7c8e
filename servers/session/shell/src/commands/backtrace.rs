//! `backtrace`: where every thread is.

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "backtrace",
    usage: "backtrace",
    summary: "write where every thread is to the log",
    details: "",
    start,
};

fn start(invocation: Invocation) -> Started {
    Arguments::parse(invocation.arguments, "", "")?.none()?;
    once(|context, _| match context.world.backtrace() {
        Ok(()) => Ok(0),
        Err(error) => context.complain_about("backtrace", "log", error).map(|()| 1),
    })
}
