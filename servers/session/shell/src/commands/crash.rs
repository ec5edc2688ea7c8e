//! `crash`: makes a server fail, to see that nothing else does.

use alloc::string::String;

use warren_idl::SystemControlError;

use super::Command;
use crate::arguments::{Arguments, UsageError, unexpected};
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "crash",
    usage: "crash SERVER [FAULT]",
    summary: "make the next call into a server fail",
    details: "FAULT is null (default), write, divide, panic, stack, loop, reference, buffer or privileged.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let mut operands = Arguments::parse(invocation.arguments, "", "")?.operands.into_iter();
    let server = operands.next().ok_or_else(|| UsageError("SERVER is missing".into()))?;
    let fault = operands.next().unwrap_or_else(|| String::from("null"));
    if let Some(third) = operands.next() {
        return Err(unexpected(&third));
    }
    once(move |context, _| {
        let Err(error) = context.world.crash(&server, &fault) else { return Ok(0) };
        let subject = if error == SystemControlError::BadFault { &fault } else { &server };
        context.complain_about("crash", subject, error).map(|()| 1)
    })
}
