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

use alloc::format;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{Task, Terminal, TerminalError, Thread, ThreadError, ThreadFactory, Timer};

/// Threads at the same time.
const THREADS: usize = 3;
/// Times that each holds its pattern.
const TIMES: u64 = 12;
/// Rounds of the loop meanwhile: several ticks of the kernel's timer.
const ROUNDS: u64 = 6_000_000;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    terminal: Req<dyn Terminal>,
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
}

/// Holds values in registers and the red zone while it is interrupted.
#[server(provides(Task), locals(Holder), concurrent)]
pub struct Registers {}

/// One thread's work.
#[local(provides = Task, parent = Registers)]
pub struct Holder {
    pattern: u64,
}

impl Server for Registers {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Registers {})
    }
}

impl Task for Holder {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let pattern = cx.state().pattern;
        let mut changed = 0;
        for _ in 0..TIMES {
            changed += u64::from(!hold::in_red_zone_and_xmm(pattern, ROUNDS));
            // A call, so that the watchdog sees a sign of life.
            let slept = cx.req().timer.sleep(cx, 0);
            changed += u64::from(hold::has_avx() && !hold::in_ymm(!pattern, ROUNDS));
            changed += u64::from(slept.is_err());
        }
        Ok(changed)
    }
}

impl Task for Registers {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
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
        let what = if hold::has_avx() { "red zone, xmm, ymm" } else { "red zone, xmm" };
        let line =
            format!("{what}: changed {changed} times in {} rounds\n", THREADS as u64 * TIMES);
        match cx.req().terminal.write(cx, line.as_bytes()) {
            Ok(()) => Ok(changed),
            Err(TerminalError::System(error)) => Err(error.into()),
            Err(_) => Err(ThreadError::Failed),
        }
    }
}
