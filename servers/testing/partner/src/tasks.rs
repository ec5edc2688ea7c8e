//! What the partner's threads run.

use warren::{Cx, Kept, cycles, local};
use warren_idl::{InterruptLine, NEVER_NS, Raiser, Signal, Task, ThreadError};

use warren_load::{Runs, compute};

use crate::PartnerServer;

/// Ticks for which somebody else runs at least who takes turns with a thread that computes: no interrupt is that long.
const LEAST_GAP: u64 = 100_000;

/// Answers each signal by another one.
#[local(provides = Task, parent = PartnerServer)]
pub struct Answering {
    pub call: Kept<dyn Signal>,
    pub answer: Kept<dyn Raiser>,
    pub rounds: u64,
}

/// The same, with a call between the two.
#[local(provides = Task, parent = PartnerServer)]
pub struct CallingAndAnswering {
    pub call: Kept<dyn Signal>,
    pub answer: Kept<dyn Raiser>,
    pub rounds: u64,
}

/// Handles interrupts.
#[local(provides = Task, parent = PartnerServer)]
pub struct Handling {
    pub line: Kept<dyn InterruptLine>,
    pub call: Kept<dyn Signal>,
    pub answer: Kept<dyn Raiser>,
    pub rounds: u64,
}

/// Sleeps again and again.
#[local(provides = Task, parent = PartnerServer)]
pub struct Sleeping {
    pub duration_ns: u64,
    pub rounds: u64,
}

/// Computes.
#[local(provides = Task, parent = PartnerServer)]
pub struct Spinning {
    pub ticks: u64,
}

/// Computes from a signal on.
#[local(provides = Task, parent = PartnerServer)]
pub struct Computing {
    pub start: Kept<dyn Signal>,
    pub rounds: u64,
}

/// Calls as fast as it can.
#[local(provides = Task, parent = PartnerServer)]
pub struct Calling {
    pub start: Kept<dyn Signal>,
    pub rounds: u64,
}

/// Whatever failed, the thread did.
fn failed<E>(_: E) -> ThreadError {
    ThreadError::Failed
}

impl Task for Answering {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (call, answer, rounds) = (cx.call.get(cx)?, cx.answer.get(cx)?, cx.rounds);
        let mut moments = 0_u64;
        let mut seen = 0;
        for _ in 0..rounds {
            seen = call.wait(cx, seen, NEVER_NS).map_err(failed)?;
            moments = moments.wrapping_add(cycles());
            answer.raise().map_err(failed)?;
        }
        Ok(moments)
    }
}

impl Task for CallingAndAnswering {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (call, answer, rounds) = (cx.call.get(cx)?, cx.answer.get(cx)?, cx.rounds);
        let other = &cx.req().other;
        let mut took = 0;
        let mut seen = 0;
        for _ in 0..rounds {
            seen = call.wait(cx, seen, NEVER_NS).map_err(failed)?;
            let start = cycles();
            other.nothing(cx).map_err(failed)?;
            took += cycles() - start;
            answer.raise().map_err(failed)?;
        }
        Ok(took)
    }
}

impl Task for Handling {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (line, call, answer) = (cx.line.get(cx)?, cx.call.get(cx)?, cx.answer.get(cx)?);
        let rounds = cx.rounds;
        let mut moments = 0_u64;
        // No count is this one: the first wait only tells where the line is.
        let mut interrupts = line.wait(cx, u64::MAX).map_err(failed)?;
        let mut calls = 0;
        for _ in 0..rounds {
            calls = call.wait(cx, calls, NEVER_NS).map_err(failed)?;
            interrupts = line.wait(cx, interrupts).map_err(failed)?;
            moments = moments.wrapping_add(cycles());
            answer.raise().map_err(failed)?;
        }
        Ok(moments)
    }
}

impl Task for Sleeping {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (duration_ns, rounds) = (cx.duration_ns, cx.rounds);
        let start = cycles();
        for _ in 0..rounds {
            cx.req().timer.sleep(cx, duration_ns).map_err(failed)?;
        }
        Ok((cycles() - start).saturating_sub(duration_ns * rounds))
    }
}

impl Task for Spinning {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let ticks = cx.ticks;
        let mut runs = Runs::new(LEAST_GAP, cycles());
        while runs.length() < ticks {
            runs.look(cycles());
        }
        Ok(runs.median_run())
    }
}

impl Task for Computing {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (start, rounds) = (cx.start.get(cx)?, cx.rounds);
        start.wait(cx, 0, NEVER_NS).map_err(failed)?;
        let begun = cycles();
        cx.unlocked(|_| compute(rounds));
        Ok(cycles() - begun)
    }
}

impl Task for Calling {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let other = &cx.req().other;
        let (start, rounds) = (cx.start.get(cx)?, cx.rounds);
        start.wait(cx, 0, NEVER_NS).map_err(failed)?;
        let begun = cycles();
        for _ in 0..rounds {
            other.nothing(cx).map_err(failed)?;
        }
        Ok(cycles() - begun)
    }
}
