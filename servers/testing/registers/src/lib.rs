//! Registers: holds values in registers and the red zone while it is interrupted.
//!
//! Several threads do that at the same time, each with a pattern of its own, so that what is not saved at an
//! interrupt is soon another thread's.
//!
//! # Result
//!
//! One line, and the number of rounds in which something changed as exit status.
#![no_std]

extern crate alloc;

mod hold;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Ref, Req, Required, local, server};
use warren_idl::{Program, Task, Thread, ThreadError, ThreadFactory, Timer};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// Threads at the same time.
const THREADS: usize = 3;
/// Times that each holds its pattern.
const TIMES: u64 = 12;
/// Rounds of the loop meanwhile: several ticks of the kernel's timer.
const ROUNDS: u64 = 6_000_000;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
}

/// Holds values in registers and the red zone while it is interrupted.
#[server(provides(Program), locals(Run, Holder))]
pub struct Registers {}

/// One thread's work.
#[local(provides = Task, parent = Run)]
pub struct Holder {
    pattern: u64,
}

impl Task for Holder {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let pattern = cx.pattern;
        let mut changed = 0;
        // The threads hold their patterns at the same time.
        cx.unlocked(|cx| {
            for _ in 0..TIMES {
                changed += u64::from(!hold::in_red_zone_and_xmm(pattern, ROUNDS));
                // A call, so that the watchdog sees a sign of life.
                let slept = cx.req().timer.sleep(cx, 0);
                changed += u64::from(hold::has_avx() && !hold::in_ymm(!pattern, ROUNDS));
                changed += u64::from(slept.is_err());
            }
        });
        Ok(changed)
    }
}

program!(Registers requires Needs, Run, Holding);

/// Starts the threads and waits for them.
struct Holding;

impl Work<Run> for Holding {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Holding)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let changed = match hold_all(cx) {
            Ok(changed) => changed,
            Err(error) => return handed.fail(cx, "threads", error),
        };
        let what = if hold::has_avx() { "red zone, xmm, ymm" } else { "red zone, xmm" };
        let rounds = THREADS as u64 * TIMES;
        let line = format!("{what}: changed {changed} times in {rounds} rounds\n");
        output.extend(line.bytes());
        Ok(Flow::End(u8::try_from(changed).unwrap_or(u8::MAX)))
    }
}

/// How many rounds of all threads changed something.
fn hold_all(cx: &mut Cx<'_, Run>) -> Result<u64, ThreadError> {
    let mut threads: [Option<Ref<'_, dyn Thread>>; THREADS] = [None; THREADS];
    for (number, thread) in (1..).zip(&mut threads) {
        let pattern = 0x0123_4567_89ab_cdef_u64.wrapping_mul(number);
        let holder = cx.spawn(Holder { pattern })?;
        *thread = Some(cx.req().threads.start(cx, "holder", holder)?);
    }
    let mut changed = 0;
    for thread in threads.iter().flatten() {
        changed += thread.join(cx)?;
    }
    Ok(changed)
}
