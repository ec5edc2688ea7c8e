//! Exerciser: passes everything that can be passed to two test servers, and says what came of it.
//!
//! # Shape
//!
//! A [`Step`] is a check that runs in a scope of its own, most of them with one of the two servers as subject and
//! the other beside it. The system file says where the three of them run; the checks do not know.
//!
//! # Result
//!
//! One line for each check, `ok NAME` or `FAILED NAME: WHY`, and the number of failures as exit status.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod atomic;
mod buffers;
mod calls;
mod coordination;
mod death;
mod heap;
mod log;
mod loss;
mod panics;
mod references;
mod report;
mod restarts;
mod threads;
mod values;
mod waits;

use alloc::{format, string::String, vec::IntoIter, vec::Vec};
use core::hint::black_box;

use warren::{Cx, Optional, Ref, Req, Required, server};
use warren_idl::{
    Careless, Clock, Counter, Echo, Fragile, Hub, Log, LogBook, Memory, Program, Queues,
    Semaphores, Signals, ThreadFactory, Timer,
};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

use report::{Failure, Report};

/// What the exerciser needs.
#[derive(Required)]
pub struct Needs {
    clock: Req<dyn Clock>,
    timer: Req<dyn Timer>,
    threads: Req<dyn ThreadFactory>,
    memory: Req<dyn Memory>,
    signals: Req<dyn Signals>,
    semaphores: Req<dyn Semaphores>,
    queues: Req<dyn Queues>,
    log: Req<dyn Log>,
    book: Req<dyn LogBook>,
    near: Req<dyn Echo>,
    near_hub: Req<dyn Hub>,
    near_counter: Req<dyn Counter>,
    far: Req<dyn Echo>,
    far_hub: Req<dyn Hub>,
    far_counter: Req<dyn Counter>,
    careless: Req<dyn Careless>,
    victim: Optional<dyn Hub>,
    fragile: Optional<dyn Fragile>,
    fragile_concurrent: Optional<dyn Fragile>,
}

/// Tests every way to pass something between servers.
#[server(
    provides(Program),
    locals(
        Run,
        threads::Worker,
        threads::Killer,
        restarts::Caller,
        waits::Waiter,
        coordination::Permitted,
        coordination::Raising,
        coordination::Writer,
        coordination::Reader
    ),
    stack = 32768
)]
pub struct Exerciser {}

/// One test server.
#[derive(Clone, Copy)]
struct Peer<'f> {
    echo: Ref<'f, dyn Echo>,
    hub: Ref<'f, dyn Hub>,
    counter: Ref<'f, dyn Counter>,
}

/// The subject of a check, and the other one.
#[derive(Clone, Copy)]
struct Pair<'f> {
    subject: Peer<'f>,
    other: Peer<'f>,
}

/// What the oldest variables of each activation hold.
const OLDEST: u64 = 0x01de_57a6_e0f7_4151;

/// A check and its name.
type Check = (&'static str, for<'f> fn(&mut Cx<'f, Run>, Pair<'f>) -> Result<(), Failure>);

program!(Exerciser requires Needs, Run, Exercise);

/// One check: whom it is about, its name, and what it does.
struct Step {
    subject: &'static str,
    name: &'static str,
    what: What,
}

/// What a step does.
enum What {
    /// Checks one of the two servers.
    Pair { far: bool, check: for<'f> fn(&mut Cx<'f, Run>, Pair<'f>) -> Result<(), Failure> },
    /// Looks at what all steps before it found in their own activation.
    OwnStack,
    /// Makes the victim die in this way.
    Die(u32),
    /// Anything else.
    Other(fn(&mut Cx<'_, Run>) -> Result<(), Failure>),
}

/// All steps in their order.
fn steps() -> Vec<Step> {
    let groups = [
        values::CHECKS,
        buffers::CHECKS,
        references::CHECKS,
        loss::CHECKS,
        calls::CHECKS,
        atomic::CHECKS,
    ];
    let pairs = [false, true].into_iter().flat_map(|far| {
        let subject = if far { "far" } else { "near" };
        let checks = groups.into_iter().flatten();
        checks.map(move |&(name, check)| Step { subject, name, what: What::Pair { far, check } })
    });
    let mut steps: Vec<_> = pairs.collect();
    let mut add = |subject, name, what| steps.push(Step { subject, name, what });
    add("near", "whoever is called in the same domain has a stack of its own", What::OwnStack);
    death::WAYS.iter().for_each(|&(name, way)| add("victim", name, What::Die(way)));
    add("victim", death::WAITING, What::Other(death::check_waiting));
    add("victim", threads::DEATH, What::Other(threads::check_death));
    waits::CHECKS.iter().for_each(|&(name, check)| add("victim", name, What::Other(check)));
    add("victim", restarts::NAME, What::Other(restarts::check));
    panics::CHECKS.iter().for_each(|&(name, check)| add("fragile", name, What::Other(check)));
    add("threads", threads::NAME, What::Other(threads::check));
    coordination::CHECKS.iter().for_each(|&(name, check)| add("threads", name, What::Other(check)));
    add("log", log::NAME, What::Other(log::check));
    add("heap", heap::NAME, What::Other(heap::check));
    steps
}

/// How far the checks are.
struct Exercise {
    steps: IntoIter<Step>,
    report: Report,
    /// Whether the variables of each activation outlived the calls that it made.
    intact: bool,
}

impl Work<Run> for Exercise {
    const MANUAL: Manual = Manual {
        usage: "[SUBJECT]",
        details: "Without SUBJECT all checks are made: those of near, far, victim, fragile, threads, log, and heap.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let subject = Arguments::parse(arguments, "", "")?.at_most_one()?;
        let mut steps = steps();
        if let Some(subject) = subject {
            steps.retain(|step| step.subject == subject);
            if steps.is_empty() {
                return Err(UsageError(format!("there is no check of {subject}")));
            }
        }
        Ok(Exercise { steps: steps.into_iter(), report: Report::default(), intact: true })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        _: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let Some(Step { subject, name, what }) = self.steps.next() else {
            output.extend(self.report.totals().bytes());
            return Ok(Flow::End(self.report.status()));
        };
        if is_there(cx, subject) {
            let result = self.check(cx, what);
            output.extend(self.report.line(subject, name, result).bytes());
        }
        Ok(Flow::More)
    }
}

/// Whether a server that may be absent is connected.
fn is_there(cx: &Cx<'_, Run>, subject: &str) -> bool {
    match subject {
        "victim" => cx.req().victim.get().is_some(),
        "fragile" => cx.req().fragile.get().is_some(),
        _ => true,
    }
}

impl Exercise {
    fn check(&mut self, cx: &mut Cx<'_, Run>, what: What) -> Result<(), Failure> {
        let oldest = black_box([OLDEST; 64]);
        let result = cx.scope(|cx| match what {
            What::Pair { far, check } => {
                let pair = pair(cx, far);
                check(cx, pair)
            }
            What::OwnStack if self.intact => Ok(()),
            What::OwnStack => Err(Failure::Refused("a visit's own stack")),
            What::Die(way) => death::check(cx, way),
            What::Other(check) => check(cx),
        });
        self.intact &= black_box(&oldest).iter().all(|word| *word == OLDEST);
        result
    }
}

/// The two servers.
fn pair<'f>(cx: &Cx<'f, Run>, far: bool) -> Pair<'f> {
    let needs = cx.req();
    let near_peer = Peer {
        echo: needs.near.as_ref(),
        hub: needs.near_hub.as_ref(),
        counter: needs.near_counter.as_ref(),
    };
    let far_peer = Peer {
        echo: needs.far.as_ref(),
        hub: needs.far_hub.as_ref(),
        counter: needs.far_counter.as_ref(),
    };
    match far {
        false => Pair { subject: near_peer, other: far_peer },
        true => Pair { subject: far_peer, other: near_peer },
    }
}
