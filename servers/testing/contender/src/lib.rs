//! Calls one server by many threads at once, and looks whether any call was lost.
//!
//! Each round of a thread makes two calls: an ordinary one, which frees this server's lock, takes that of the one that is called, and
//! takes this server's again, and an atomic one, which keeps it. So all threads contend for both locks; and for the two counts
//! of objects. The exit status is 1 if the sum that was counted is not that of all rounds.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, local, server};
use warren_idl::{Clock, Counter, Echo, Program, Task, ThreadError, ThreadFactory};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the test needs.
#[derive(Required)]
pub struct Needs {
    clock: Req<dyn Clock>,
    echo: Req<dyn Echo>,
    counter: Req<dyn Counter>,
    threads: Req<dyn ThreadFactory>,
}

/// The test.
#[server(
    provides(Program),
    locals(Run, Caller),
    stack = 16384,
    summary = "call one server by many threads at once"
)]
pub struct Contender {}

/// One thread of the test.
#[local(provides = Task, parent = Run)]
pub struct Caller {
    rounds: u64,
}

program!(Contender requires Needs, Run, Contest);

/// Starts the threads and waits for them.
struct Contest {
    calls: u64,
    threads: u64,
}

impl Work<Run> for Contest {
    const MANUAL: Manual = Manual {
        usage: "[-n CALLS] [-t THREADS]",
        details: "-n CALLS    so many calls in all; 100000 without it\n\
                  -t THREADS  by so many threads; 4 without it\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "nt")?;
        let calls = arguments.number('n')?.unwrap_or(100_000);
        let threads = arguments.number('t')?.unwrap_or(4).clamp(1, 64);
        arguments.none()?;
        Ok(Contest { calls, threads })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let rounds = self.calls.div_ceil(2 * self.threads);
        match contend(cx, self.threads, rounds) {
            Ok(Outcome { counted, wrong, took_ns }) => {
                let expected = rounds * self.threads;
                let Contest { threads, .. } = self;
                let line = format!(
                    "{} calls by {threads} threads in {} ms: counted {counted} of {expected}, {wrong} wrong answers\n",
                    2 * expected,
                    took_ns / 1_000_000
                );
                output.extend(line.bytes());
                Ok(Flow::End(u8::from(counted != expected || wrong != 0)))
            }
            Err(error) => handed.fail(cx, "callers", error),
        }
    }
}

/// What came of it.
struct Outcome {
    counted: u64,
    wrong: u64,
    took_ns: u64,
}

fn contend(cx: &mut Cx<'_, Run>, threads: u64, rounds: u64) -> Result<Outcome, ThreadError> {
    let needs = cx.req();
    let count = || needs.counter.count(0).map_err(|_| ThreadError::Failed);
    let now = || needs.clock.now_ns().map_err(|_| ThreadError::Failed);
    let (before, start) = (count()?, now()?);
    let mut started = Vec::new();
    for _ in 0..threads {
        let caller = cx.spawn(Caller { rounds })?;
        started.push(needs.threads.start(cx, "caller", caller)?);
    }
    let mut wrong = 0;
    for thread in started {
        wrong += thread.join(cx)?;
    }
    Ok(Outcome { counted: count()? - before, wrong, took_ns: now()? - start })
}

impl Task for Caller {
    /// Answers how many answers were wrong.
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let needs = cx.req();
        let mut wrong = 0;
        for round in 0..cx.rounds {
            let added = needs.echo.add(cx, round, 1);
            wrong += u64::from(added != Ok(round + 1)) + u64::from(needs.counter.count(1).is_err());
        }
        Ok(wrong)
    }
}
