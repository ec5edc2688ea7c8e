//! Preemption: by a timer that wakes a more important thread, and at the end of a slice.

use alloc::vec::Vec;

use warren::{Cx, cycles};
use warren_load::Runs;

use crate::{
    Run,
    output::{Failure, row},
    signals::ROUNDS,
};

/// How long the more important thread sleeps each time.
const SLEEP_NS: u64 = 200_000;
/// How long this thread looks on: less than so many sleeps.
const LOOK_TICKS: u64 = SLEEP_NS * 90;
/// Ticks from which on a gap may be somebody else's run: more than a look, and less than a switch.
const LEAST_WAKE: u64 = 300;
/// Ticks that threads of the same importance compute: so many slices.
const SLICES: u64 = 40;
const SLICE_TICKS: u64 = 1_000_000;

/// Looks on for so many ticks.
fn look(least_gap: u64, ticks: u64) -> Runs {
    let mut runs = Runs::new(least_gap, cycles());
    while runs.length() < ticks {
        runs.look(cycles());
    }
    runs
}

/// The partner sleeps again and again, and this thread, which it preempts, measures how long that takes.
pub fn by_timer(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    let thread = cx.req().urgent.as_ref().sleep(cx, SLEEP_NS, ROUNDS)?;
    let runs = look(LEAST_WAKE, LOOK_TICKS);
    let late = thread.join(cx)?;
    row(output, "timer set, fired, sleeper runs, sleeps", runs.median_gap(), 1);
    row(output, "sleep until the sleeper runs, beyond its time", late, ROUNDS);
    Ok(())
}

/// Two threads compute by turns.
pub fn by_slices(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    let ticks = SLICES * SLICE_TICKS;
    let thread = cx.req().equal.as_ref().spin(cx, ticks)?;
    let runs = look(SLICE_TICKS / 10, ticks * 3 / 4);
    let run = thread.join(cx)?;
    // A gap is a run of the other one, and a preemption before and behind it.
    row(
        output,
        "preempted at the end of a slice until the next one runs",
        runs.median_gap().saturating_sub(run),
        2,
    );
    Ok(())
}
