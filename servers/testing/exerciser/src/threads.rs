//! Many threads in the same servers, preempted anywhere.

use warren::{Cx, Ref, SystemError, local};
use warren_answers as answers;
use warren_idl::{Task, Thread, ThreadError};

use crate::{
    Failure, Run,
    death::PATIENCE_MS,
    report::{equal, refused},
};

/// The check of many threads.
pub const NAME: &str = "threads that are preempted anywhere lose no count and mix up no buffer";
/// The check of a death with two threads inside.
pub const DEATH: &str = "whoever waits for a server that dies gets an error";

/// Threads at the same time.
const WORKERS: u64 = 4;
/// Rounds of each.
const ROUNDS: u64 = 1500;
/// Rounds between two that carry buffers and references.
const SELDOM: u64 = 10;

/// What one thread does.
#[local(provides = Task, parent = Run)]
pub struct Worker {
    seed: u64,
}

/// A thread that makes the victim loop without end.
#[local(provides = Task, parent = Run)]
pub struct Killer {}

impl Task for Worker {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let seed = cx.seed;
        let wrong = (0..ROUNDS).filter(|round| cx.scope(|cx| turn(cx, seed, *round)).is_err());
        Ok(wrong.count() as u64)
    }
}

impl Task for Killer {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let victim = cx.req().victim.or_absent()?;
        Ok(victim.die(cx, 3).map_or_else(|error| error.number(), |()| 0))
    }
}

/// One round: a sum, a count, and now and then a buffer and a local server.
fn turn(cx: &mut Cx<'_, Worker>, seed: u64, round: u64) -> Result<(), Failure> {
    let needs = cx.req();
    equal("the sum", needs.near.add(cx, seed, round)?, seed + round)?;
    needs.near_counter.count(1)?;
    needs.far_counter.count(1)?;
    if round.is_multiple_of(SELDOM) {
        let mut buffer = [0; 300];
        let mut expected = [0; 300];
        let start = (seed * 31 + round) as u8;
        needs.far.fill(cx, start, &mut buffer)?;
        answers::fill(start, &mut expected);
        equal("a buffer", (buffer == expected).into(), 1)?;
        let token = needs.near_hub.make(cx, round)?;
        equal("a token", token.add(cx, seed)?, round + seed)?;
    }
    Ok(())
}

/// Starts the threads and waits for them.
pub fn check(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let before = [needs.near_counter.count(0)?, needs.far_counter.count(0)?];
    let mut threads: [Option<Ref<'_, dyn Thread>>; WORKERS as usize] = [None; WORKERS as usize];
    for (seed, thread) in (1000..).zip(&mut threads) {
        let program = cx.spawn(Worker { seed })?;
        *thread = Some(needs.threads.start(cx, "worker", program)?);
    }
    for thread in threads.iter().flatten() {
        equal("the number of wrong rounds", thread.join(cx)?, 0)?;
    }
    let after = [needs.near_counter.count(0)?, needs.far_counter.count(0)?];
    equal("the near count", after[0] - before[0], WORKERS * ROUNDS)?;
    equal("the far count", after[1] - before[1], WORKERS * ROUNDS)?;
    equal("the number of live tokens", needs.near_hub.alive(cx)?, 0)
}

/// One thread makes the victim loop; this one calls it meanwhile.
pub fn check_death(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let victim = needs.victim.or_absent()?.as_ref();
    victim.alive(cx)?;
    let program = cx.spawn(Killer {})?;
    let thread = needs.threads.start(cx, "killer", program)?;
    // Until it has entered calls are answered, and from then on they wait for its lock.
    let mut answer = victim.alive(cx);
    for _ in 0..PATIENCE_MS {
        if answer.is_err() {
            break;
        }
        needs.timer.sleep(cx, 1_000_000)?;
        answer = victim.alive(cx);
    }
    refused("a call into a server that dies", answer, SystemError::Lost.into())?;
    equal("what the killer saw", thread.join(cx)?, SystemError::Lost.number())
}
