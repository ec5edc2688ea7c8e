//! `uptime`: how long the system has been running.

use alloc::format;

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "uptime",
    usage: "uptime",
    summary: "show how long the system has been running",
    details: "",
    start,
};

fn start(invocation: Invocation) -> Started {
    Arguments::parse(invocation.arguments, "", "")?.none()?;
    once(|context, output| match context.world.now_ns() {
        Some(now_ns) => {
            let milliseconds = now_ns / 1_000_000;
            let seconds = milliseconds / 1000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let (seconds, rest) = (seconds % 60, milliseconds % 1000);
            output.extend(format!("{hours}:{minutes:02}:{seconds:02}.{rest:03}\n").bytes());
            Ok(0)
        }
        None => context.complain("uptime", "the clock does not answer").map(|()| 1),
    })
}
