//! Partner: the other side of measurements of switches.
//!
//! # Shape
//!
//! Each function of [`Partner`](warren_idl::Partner) that starts a thread has a local server here that the thread runs. When it is
//! preempted a thread tells from the clock alone (`warren_load::Runs`).
//!
//! # State, and what a restart loses
//!
//! None.
#![no_std]
#![forbid(unsafe_code)]

mod tasks;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, server};
use warren_idl::{
    Callee, InterruptLine, Partner, PartnerError, Raiser, Signal, Task, Thread, ThreadFactory,
    Timer,
};

use tasks::{Answering, Calling, CallingAndAnswering, Computing, Handling, Sleeping, Spinning};

/// What the partner needs.
#[derive(Required)]
pub struct Needs {
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
    /// Whom it calls.
    other: Req<dyn Callee>,
}

/// The other side of a measurement.
#[server(
    provides(Partner),
    locals(Answering, CallingAndAnswering, Handling, Sleeping, Spinning, Computing, Calling),
    stack = 16384,
    summary = "the other side of measurements of switches"
)]
pub struct PartnerServer {}

impl Server for PartnerServer {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(PartnerServer {})
    }
}

impl Partner for PartnerServer {
    fn answer<'f>(
        cx: &mut Cx<'f, Self>,
        call: Ref<'f, dyn Signal>,
        answer: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task = Answering { call: call.keep()?, answer: answer.keep()?, rounds };
        let task = cx.spawn(task)?;
        begin(cx, "answering", task)
    }

    fn call_and_answer<'f>(
        cx: &mut Cx<'f, Self>,
        call: Ref<'f, dyn Signal>,
        answer: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task = CallingAndAnswering { call: call.keep()?, answer: answer.keep()?, rounds };
        let task = cx.spawn(task)?;
        begin(cx, "calling", task)
    }

    fn handle<'f>(
        cx: &mut Cx<'f, Self>,
        line: Ref<'f, dyn InterruptLine>,
        call: Ref<'f, dyn Signal>,
        answer: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task =
            Handling { line: line.keep()?, call: call.keep()?, answer: answer.keep()?, rounds };
        let task = cx.spawn(task)?;
        begin(cx, "handling", task)
    }

    fn sleep<'f>(
        cx: &mut Cx<'f, Self>,
        duration_ns: u64,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task = cx.spawn(Sleeping { duration_ns, rounds })?;
        begin(cx, "sleeping", task)
    }

    fn spin<'f>(cx: &mut Cx<'f, Self>, ticks: u64) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task = cx.spawn(Spinning { ticks })?;
        begin(cx, "spinning", task)
    }

    fn compute<'f>(
        cx: &mut Cx<'f, Self>,
        start: Ref<'f, dyn Signal>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task = cx.spawn(Computing { start: start.keep()?, rounds })?;
        begin(cx, "computing", task)
    }

    fn call<'f>(
        cx: &mut Cx<'f, Self>,
        start: Ref<'f, dyn Signal>,
        rounds: u64,
    ) -> Result<Ref<'f, dyn Thread>, PartnerError> {
        let task = cx.spawn(Calling { start: start.keep()?, rounds })?;
        begin(cx, "calling", task)
    }
}

/// Starts a thread on this server's account.
fn begin<'f>(
    cx: &mut Cx<'f, PartnerServer>,
    name: &str,
    task: Ref<'f, dyn Task>,
) -> Result<Ref<'f, dyn Thread>, PartnerError> {
    Ok(cx.req().threads.start(cx, name, task)?)
}
