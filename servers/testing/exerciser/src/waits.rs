//! Waits for a server that dies meanwhile: its own, and those of others that it has called.

use warren::{Cx, Kept, Ref, SystemError, local};
use warren_idl::{Semaphore, Signal, Task, Thread, ThreadError};

use crate::{
    Failure, Run, death,
    report::{equal, refused},
};

/// A check and its name.
type Check = (&'static str, fn(&mut Cx<'_, Run>) -> Result<(), Failure>);

/// The checks.
pub const CHECKS: &[Check] = &[
    ("a wait ends when the server dies that waits", check_own_wait),
    ("a wait ends when the server dies that another one waits for", check_others_wait),
];

/// Until a thread has begun to wait.
const BEGIN_NS: u64 = 30_000_000;
/// How long it may take at most until a thread is back from a server that died.
const PATIENCE_NS: u64 = 5_000_000_000;

/// A thread for which the victim waits.
#[local(provides = Task, parent = Run)]
pub struct Waiter {
    what: What,
}

/// What the victim waits for.
enum What {
    /// A signal that nobody raises.
    Signal(Kept<dyn Signal>),
    /// A permit that nobody gives, in the server that keeps count of them.
    Permit(Kept<dyn Semaphore>),
}

impl Task for Waiter {
    /// Answers the number of the error that came of it.
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let victim = cx.req().victim.or_absent()?.as_ref();
        let waited = match &cx.what {
            What::Signal(signal) => {
                let signal = signal.get(cx)?;
                victim.wait(cx, signal)
            }
            What::Permit(permits) => {
                let permits = permits.get(cx)?;
                victim.acquire(cx, permits)
            }
        };
        Ok(waited.map_or_else(|error| error.number(), |()| 0))
    }
}

fn check_own_wait(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let signal = cx.req().signals.signal(cx)?;
    let waiter = start(cx, What::Signal(signal.keep()?))?;
    kill_and_join(cx, waiter)
}

fn check_others_wait(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let permits = cx.req().semaphores.semaphore(cx, 0)?;
    let waiter = start(cx, What::Permit(permits.keep()?))?;
    kill_and_join(cx, waiter)?;
    // Nothing of it is left in the other one.
    permits.release(cx, 1)?;
    Ok(permits.try_acquire(cx)?)
}

/// Starts a thread for which the victim waits.
fn start<'f>(cx: &mut Cx<'f, Run>, what: What) -> Result<Ref<'f, dyn Thread>, Failure> {
    death::await_victim(cx)?;
    let task = cx.spawn(Waiter { what })?;
    let thread = cx.req().threads.start(cx, "waiter", task)?;
    cx.req().timer.sleep(cx, BEGIN_NS)?;
    Ok(thread)
}

/// Makes the victim die. The thread has to come back from there by itself.
fn kill_and_join(cx: &mut Cx<'_, Run>, waiter: Ref<'_, dyn Thread>) -> Result<(), Failure> {
    let victim = cx.req().victim.or_absent()?.as_ref();
    refused("die", victim.die(cx, 0), SystemError::Lost.into())?;
    let until_ns = cx.req().clock.now_ns()? + PATIENCE_NS;
    let joined = cx.until(until_ns, |cx| waiter.join(cx))??;
    equal("what the thread got", joined, SystemError::Lost.number())?;
    death::await_victim(cx)
}
