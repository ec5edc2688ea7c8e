//! Servers that die: the caller gets an error, and so does whoever holds something of theirs.

use warren::{Cx, SystemError};
use warren_idl::Hub;

use crate::{
    Failure, Run,
    report::{equal, refused},
};

/// Names of the ways, and their numbers.
pub const WAYS: &[(&str, u32)] = &[
    ("a panic is an error at the caller", 0),
    ("an index out of bounds is an error at the caller", 1),
    ("endless recursion is an error at the caller", 2),
    ("an endless loop is an error at the caller", 3),
];

/// The check of a server that dies while it waits for a call of its own.
pub const WAITING: &str =
    "a server that dies while it calls is an error at its caller, not below it";

/// A way that lives on.
pub const NO_WAY: u32 = u32::MAX;

/// How long a victim may take to come back.
pub const PATIENCE_MS: u64 = 5000;

/// Makes the victim die, in the first call of its kind and in one that the system knows already. The system file says that it
/// comes back.
pub fn check(cx: &mut Cx<'_, Run>, way: u32) -> Result<(), Failure> {
    for known in [false, true] {
        cx.scope(|cx| check_once(cx, way, known))?;
    }
    Ok(())
}

fn check_once(cx: &mut Cx<'_, Run>, way: u32, known: bool) -> Result<(), Failure> {
    await_victim(cx)?;
    let victim = cx.req().victim.or_absent()?.as_ref();
    let other = cx.req().near_hub.as_ref();
    if known {
        victim.die(cx, NO_WAY)?;
    }
    let token = victim.make(cx, 1)?;
    other.watch(cx, token)?;
    refused("die", victim.die(cx, way), SystemError::Lost.into())?;
    refused("a dead server's token", token.add(cx, 1), SystemError::Lost.into())?;
    refused("a dead server", victim.alive(cx), SystemError::Lost.into())?;
    refused("a dead server's weak reference", other.watched(cx), SystemError::Gone.into())?;
    equal("the number of calls", other.bounce(cx, other, 3)?, 3)?;
    await_victim(cx)
}

/// The victim calls the near server, which makes the victim die, and comes back into what is dead.
pub fn check_waiting(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    await_victim(cx)?;
    for (_, way) in WAYS {
        let victim = cx.req().victim.or_absent()?.as_ref();
        let near = cx.req().near_hub.as_ref();
        // From now on the system knows all calls that are about to be made.
        equal("what the killer saw", victim.be_killed(cx, near, NO_WAY)?, 0)?;
        refused("be_killed", victim.be_killed(cx, near, *way), SystemError::Lost.into())?;
        equal("what the killer saw", near.killed(cx)?, SystemError::Lost.number())?;
        equal("the number of calls", near.bounce(cx, near, 3)?, 3)?;
        await_victim(cx)?;
    }
    Ok(())
}

/// Waits until the victim answers.
pub fn await_victim(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    for _ in 0..PATIENCE_MS {
        let victim: &warren::Req<dyn Hub> = needs.victim.or_absent()?;
        if victim.alive(cx).is_ok() {
            return Ok(());
        }
        needs.timer.sleep(cx, 1_000_000)?;
    }
    Err(SystemError::Lost.into())
}
