//! Exhauster: makes objects and keeps references until it is refused, and holds all of it.
//!
//! # What it does
//!
//! The program starts a thread, which belongs to the principal of this server, and waits until that has what it can get. The thread makes
//! signals of the platform's and local servers of its own by turns; then it keeps one of them over and over. Then it sleeps, until somebody
//! ends it.
//!
//! # Result
//!
//! One line, and exit status 0 if nothing but the budget refused it anything.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Kept, New, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{Program, Signal, SignalError, Signals, Task, ThreadError, ThreadFactory, Timer};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// More references than that are not tried.
const MOST_REFERENCES: usize = 40_000;
/// From one look of the program at what the thread has to the next.
const LOOK_NS: u64 = 1_000_000;
/// How long the thread sleeps, over and over.
const SLEEP_NS: u64 = 1_000_000_000;

/// What the exhauster needs.
#[derive(Required)]
pub struct Needs {
    signals: Req<dyn Signals>,
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
}

/// Makes objects and keeps references until it is refused.
#[server(
    provides(Program, Task),
    locals(Run, Thing),
    stack = 16384,
    summary = "makes objects and keeps references until it is refused"
)]
pub struct Exhauster {
    /// What came of it, once the thread has what it can get.
    outcome: Option<Result<Taken, SystemError>>,
}

/// What the thread has got.
#[derive(Clone, Copy)]
struct Taken {
    signals: usize,
    things: usize,
    references: usize,
}

/// A local server that does nothing.
#[local(provides = Task, parent = Exhauster)]
pub struct Thing {}

impl Server for Exhauster {
    type Required = Needs;

    fn new(_: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Exhauster { outcome: None })
    }
}

program!(Exhauster, Run, Exhaustion);

/// Starts the thread and waits for it, once.
struct Exhaustion;

impl Work<Run> for Exhaustion {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Exhaustion)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match exhaust(cx) {
            Ok(Taken { signals, things, references }) => {
                let line = format!(
                    "{signals} signals, {things} local servers and {references} more references\n"
                );
                output.extend(line.bytes());
                Ok(Flow::End(0))
            }
            Err(error) => handed.fail(cx, "the thread", error),
        }
    }
}

fn exhaust(cx: &mut Cx<'_, Run>) -> Result<Taken, ThreadError> {
    let own = cx.root::<dyn Task>()?;
    cx.req().threads.start(cx, "hoard", own)?;
    loop {
        if let Some(outcome) = cx.parent().outcome {
            return Ok(outcome?);
        }
        cx.req().timer.sleep(cx, LOOK_NS).map_err(|_| ThreadError::Failed)?;
    }
}

impl Task for Exhauster {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let mut signals = Vec::new();
        let mut things = Vec::new();
        let mut references = Vec::new();
        let outcome = take_all(cx, &mut signals, &mut things, &mut references).map(|()| Taken {
            signals: signals.len(),
            things: things.len(),
            references: references.len(),
        });
        cx.outcome = Some(outcome);
        loop {
            // Fails when the thread is ended; then everything is given back.
            cx.req().timer.sleep(cx, SLEEP_NS).map_err(|_| ThreadError::Failed)?;
        }
    }
}

/// Takes what there is; an error is one that is none of budget.
fn take_all(
    cx: &mut Cx<'_, Exhauster>,
    signals: &mut Vec<Kept<dyn Signal>>,
    things: &mut Vec<Kept<dyn Task>>,
    references: &mut Vec<Kept<dyn Task>>,
) -> Result<(), SystemError> {
    let (mut more_signals, mut more_things) = (true, true);
    while more_signals || more_things {
        more_signals = more_signals && got(cx.scope(new_signal), signals)?;
        more_things = more_things && got(cx.scope(|cx| cx.spawn(Thing {})?.keep()), things)?;
    }
    let Some(thing) = things.pop() else { return Ok(()) };
    while references.len() < MOST_REFERENCES
        && got(cx.scope(|cx| thing.get(cx)?.keep()), references)?
    {}
    things.push(thing);
    Ok(())
}

fn new_signal(cx: &mut Cx<'_, Exhauster>) -> Result<Kept<dyn Signal>, SystemError> {
    match cx.req().signals.signal(cx) {
        Ok(signal) => signal.keep(),
        Err(SignalError::System(error)) => Err(error),
        Err(_) => Err(SystemError::Budget),
    }
}

/// Keeps what there is; `false` if the budget refused it.
fn got<T>(new: Result<T, SystemError>, all: &mut Vec<T>) -> Result<bool, SystemError> {
    match new {
        Ok(new) => all.push(new),
        Err(SystemError::Budget) => return Ok(false),
        Err(error) => return Err(error),
    }
    Ok(true)
}

impl Task for Thing {
    fn run(_: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        Ok(0)
    }
}
