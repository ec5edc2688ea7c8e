//! Many threads in a server that dies and comes back: each call is answered as always, or with `Lost`.

use warren::{Cx, Ref, SystemError, local};
use warren_idl::{EchoError, Task, Thread, ThreadError};

use crate::{
    Failure, Run, death,
    report::{equal, refused},
};

/// The check's name.
pub const NAME: &str = "threads that call what dies and comes back get answers or errors";

/// Threads at the same time.
const CALLERS: u64 = 3;
/// Rounds of each.
const ROUNDS: u64 = 300;
/// How often the victim dies. The system file says how often it comes back.
const DEATHS: u32 = 9;
/// Ways to die that need no time: a panic, an index, endless recursion.
const QUICK_WAYS: u32 = 3;

/// Calls the victim, from outside and by way of another server, and is called by it.
#[local(provides = Task, parent = Run)]
pub struct Caller {
    seed: u64,
}

impl Task for Caller {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let seed = cx.seed;
        let wrong = (0..ROUNDS).filter(|round| cx.scope(|cx| turn(cx, seed + round)).is_err());
        Ok(wrong.count() as u64)
    }
}

/// One round.
fn turn(cx: &mut Cx<'_, Caller>, value: u64) -> Result<(), Failure> {
    let needs = cx.req();
    let victim = needs.victim.or_absent()?.as_ref();
    or_lost(victim.alive(cx))?;
    if let Some(token) = or_lost(victim.make(cx, value))? {
        if let Some(found) = or_lost(token.add(cx, 1))? {
            equal("a token of the victim's", found, value + 1)?;
        }
        if let Some(found) = or_lost(needs.near_hub.use_token(cx, token, 1))? {
            equal("a token of the victim's, used elsewhere", found, value + 2)?;
        }
    }
    let token = needs.near_hub.make(cx, value)?;
    if let Some(found) = or_lost(victim.use_token(cx, token, 1))? {
        equal("a token that the victim uses", found, value + 1)?;
    }
    needs.near_counter.count(1)?;
    Ok(())
}

/// The answer; `None` if the server died.
fn or_lost<T>(result: Result<T, EchoError>) -> Result<Option<T>, Failure> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error == EchoError::from(SystemError::Lost) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Starts the threads, and lets the victim die among them.
pub fn check(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    death::await_victim(cx)?;
    let needs = cx.req();
    let before = needs.near_counter.count(0)?;
    let mut callers: [Option<Ref<'_, dyn Thread>>; CALLERS as usize] = [None; CALLERS as usize];
    for (seed, caller) in (1000..).zip(&mut callers) {
        let program = cx.spawn(Caller { seed })?;
        *caller = Some(needs.threads.start(cx, "caller", program)?);
    }
    for death in 0..DEATHS {
        let victim = needs.victim.or_absent()?.as_ref();
        victim.die(cx, death::NO_WAY)?;
        refused("die", victim.die(cx, death % QUICK_WAYS), SystemError::Lost.into())?;
        death::await_victim(cx)?;
    }
    for caller in callers.iter().flatten() {
        equal("the number of wrong rounds", caller.join(cx)?, 0)?;
    }
    equal("the near count", needs.near_counter.count(0)? - before, CALLERS * ROUNDS)?;
    equal("the number of live tokens", needs.near_hub.alive(cx)?, 0)
}
