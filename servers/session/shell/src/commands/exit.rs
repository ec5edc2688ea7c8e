//! `exit`: the end of the session.

use alloc::format;

use super::Command;
use crate::arguments::{Arguments, UsageError, unexpected};
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "exit",
    usage: "exit [STATUS]",
    summary: "end the session and switch the machine off",
    details: "STATUS is from 0 to 255; without it, the last command's.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let operands = Arguments::parse(invocation.arguments, "", "")?.operands;
    if let Some(second) = operands.get(1) {
        return Err(unexpected(second));
    }
    let status = match operands.first() {
        None => None,
        Some(text) => match text.parse::<u8>() {
            Ok(status) => Some(status),
            Err(_) => return Err(UsageError(format!("not a status from 0 to 255: {text}"))),
        },
    };
    once(move |context, _| {
        let status = status.unwrap_or(context.session.status);
        context.session.exit = Some(status);
        Ok(status)
    })
}
