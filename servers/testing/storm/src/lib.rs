//! Storm: lets a device interrupt more often than anybody can serve it.
//!
//! The device is channel 0 of the programmable interval timer (Intel 8254), which interrupts by edges and needs no answer. It can be told its
//! period, in counts of its clock of 1.193182 MHz. The program starts a thread, which belongs to the principal of this server and does nothing but
//! wait for the next interrupt, and ends.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{string::String, vec::Vec};

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{
    InterruptError, InterruptLine, IoPorts, Parameters, PortError, Program, Task, ThreadError,
    ThreadFactory,
};
use warren_parameters::number;
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// Offset of the counter of channel 0.
const COUNTER: u16 = 0;
/// Offset of the control word.
const CONTROL: u16 = 3;
/// Channel 0, both bytes of the counter, mode 2: an edge in each period.
const EACH_PERIOD: u8 = 0x34;

/// What the storm needs.
#[derive(Required)]
pub struct Needs {
    ports: Req<dyn IoPorts>,
    line: Req<dyn InterruptLine>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
}

/// Lets a timer interrupt without end.
///
/// Parameter `period`: counts of the timer's clock from one interrupt to the next.
#[server(
    provides(Program, Task),
    locals(Run),
    parameters("period"),
    stack = 16384,
    summary = "lets a timer interrupt without end"
)]
pub struct Storm {
    period: u16,
}

impl Server for Storm {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let refusal = "`period` is no number from 2 to 65535";
        let period = number(&cx.req().parameters, "period", 12, 2..=u64::from(u16::MAX), refusal)?;
        Ok(Storm { period: period as u16 })
    }
}

program!(Storm, Run, Beginning);

/// Starts the thread.
struct Beginning;

impl Work<Run> for Beginning {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Beginning)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let own = cx.root::<dyn Task>().map_err(ThreadError::System);
        match own.and_then(|own| cx.req().threads.start(cx, "storm", own)) {
            Ok(_) => Ok(Flow::End(0)),
            Err(error) => handed.fail(cx, "the thread", error),
        }
    }
}

impl Task for Storm {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        start(cx).map_err(|_| ThreadError::Failed)?;
        let mut seen = 0;
        loop {
            seen = cx.req().line.wait(cx, seen).map_err(|error| match error {
                InterruptError::System(error) => error.into(),
                _ => ThreadError::Failed,
            })?;
        }
    }
}

/// Sets the timer's period.
fn start(cx: &mut Cx<'_, Storm>) -> Result<(), PortError> {
    let [low, high] = cx.period.to_le_bytes();
    let ports = &cx.req().ports;
    ports.write8(CONTROL, EACH_PERIOD)?;
    ports.write8(COUNTER, low)?;
    ports.write8(COUNTER, high)
}
