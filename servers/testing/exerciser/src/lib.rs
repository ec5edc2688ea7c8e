//! Exerciser: passes everything that can be passed to two test servers, and says what came of it.
//!
//! # Shape
//!
//! A check is a function that runs in a scope of its own, with one of the two servers as its subject and
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
mod death;
mod log;
mod panics;
mod references;
mod report;
mod threads;
mod values;

use core::hint::black_box;

use warren::{Cx, New, Optional, Ref, Req, Required, Server, StartError, server};
use warren_idl::{
    Clock, Counter, Echo, Fragile, Hub, Log, LogBook, Task, Terminal, ThreadError, ThreadFactory,
    Timer,
};

use report::{Failure, Report};

/// What the exerciser needs.
#[derive(Required)]
pub struct Needs {
    terminal: Req<dyn Terminal>,
    clock: Req<dyn Clock>,
    timer: Req<dyn Timer>,
    threads: Req<dyn ThreadFactory>,
    log: Req<dyn Log>,
    book: Req<dyn LogBook>,
    near: Req<dyn Echo>,
    near_hub: Req<dyn Hub>,
    near_counter: Req<dyn Counter>,
    far: Req<dyn Echo>,
    far_hub: Req<dyn Hub>,
    far_counter: Req<dyn Counter>,
    victim: Optional<dyn Hub>,
    fragile: Optional<dyn Fragile>,
    fragile_concurrent: Optional<dyn Fragile>,
}

/// Tests every way to pass something between servers.
#[server(provides(Task), locals(threads::Worker, threads::Killer), stack = 32768)]
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

/// What the oldest variables of the exerciser hold.
const OLDEST: u64 = 0x01de_57a6_e0f7_4151;

/// A check and its name.
type Check = (&'static str, for<'f> fn(&mut Cx<'f, Exerciser>, Pair<'f>) -> Result<(), Failure>);

impl Server for Exerciser {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Exerciser {})
    }
}

impl Task for Exerciser {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let mut report = Report::default();
        let oldest = black_box([OLDEST; 64]);
        let groups =
            [values::CHECKS, buffers::CHECKS, references::CHECKS, calls::CHECKS, atomic::CHECKS];
        for far in [false, true] {
            for (name, check) in groups.into_iter().flatten() {
                let result = cx.scope(|cx| {
                    let pair = pair(cx, far);
                    check(cx, pair)
                });
                let subject = if far { "far" } else { "near" };
                report.line(cx, subject, name, result)?;
            }
        }
        let intact = black_box(&oldest).iter().all(|word| *word == OLDEST);
        let result = if intact { Ok(()) } else { Err(Failure::Refused("a visit's own stack")) };
        report.line(
            cx,
            "near",
            "whoever is called in the same domain has a stack of its own",
            result,
        )?;
        if cx.req().victim.get().is_some() {
            for (name, way) in death::WAYS {
                let result = cx.scope(|cx| death::check(cx, *way));
                report.line(cx, "victim", name, result)?;
            }
            let result = cx.scope(death::check_waiting);
            report.line(cx, "victim", death::WAITING, result)?;
            let result = cx.scope(threads::check_death);
            report.line(cx, "victim", threads::DEATH, result)?;
        }
        if cx.req().fragile.get().is_some() {
            for (name, check) in panics::CHECKS {
                let result = cx.scope(check);
                report.line(cx, "fragile", name, result)?;
            }
        }
        let result = cx.scope(threads::check);
        report.line(cx, "threads", threads::NAME, result)?;
        let result = cx.scope(log::check);
        report.line(cx, "log", log::NAME, result)?;
        report.end(cx)
    }
}

/// The two servers.
fn pair<'f>(cx: &Cx<'f, Exerciser>, far: bool) -> Pair<'f> {
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
