//! Launches a server and lets go of it, over and over, and sees what that leaves behind.

use alloc::format;

use warren::Cx;
use warren_idl::LaunchError;

use crate::{Outcome, Run};

/// Launches before memory is looked at for the first time: tables and heaps grow to what they need.
const WARM_UP: u64 = 20;
/// Bytes by which memory is counted.
const UNIT: u64 = 128 << 10;

/// Launches a program `times` times.
pub fn repeat(cx: &mut Cx<'_, Run>, name: &str, times: u64) -> Outcome {
    match try_repeat(cx, name, times) {
        Ok((before, after)) => Outcome {
            text: format!("{name}: {times} launches, {before} KiB before and {after} KiB after"),
            good: before == after,
        },
        Err(error) => Outcome { text: format!("{name}: {error}"), good: false },
    }
}

fn try_repeat(cx: &mut Cx<'_, Run>, name: &str, times: u64) -> Result<(u64, u64), LaunchError> {
    launch(cx, name, WARM_UP)?;
    let before = memory_kib(cx);
    launch(cx, name, times)?;
    Ok((before, memory_kib(cx)))
}

fn launch(cx: &mut Cx<'_, Run>, name: &str, times: u64) -> Result<(), LaunchError> {
    for _ in 0..times {
        cx.scope(|cx| cx.req().launcher.program(cx, name).map(|_| ()))?;
    }
    Ok(())
}

/// Memory that is to be had: takes all of it and gives it back.
fn memory_kib(cx: &mut Cx<'_, Run>) -> u64 {
    cx.scope(|cx| {
        let mut units = 0;
        while cx.req().memory.anonymous(cx, UNIT).is_ok() {
            units += 1;
        }
        units * (UNIT >> 10)
    })
}
