//! Storm: lets a device interrupt more often than anybody can serve it.
//!
//! The device is channel 0 of the programmable interval timer (Intel 8254), which interrupts by edges and needs no answer. It can be told its
//! period, in counts of its clock of 1.193182 MHz. The server does nothing but wait for the next interrupt.
#![no_std]
#![forbid(unsafe_code)]

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{
    InterruptError, InterruptLine, IoPorts, Parameters, PortError, Task, ThreadError,
};
use warren_scheduling::number;

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
}

/// Lets a timer interrupt without end.
///
/// Parameter `period`: counts of the timer's clock from one interrupt to the next.
#[server(provides(Task), parameters("period"), summary = "lets a timer interrupt without end")]
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
