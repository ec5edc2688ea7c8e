//! Switcher: measures what it costs that another thread runs.
//!
//! # Result
//!
//! One JSON object on each line: what is measured, and its ticks in the mean of many rounds. A tick is an instruction where the processor
//! counts those.
//!
//! # Who runs when
//!
//! The thread that runs the program is the less important one. Its partner in the same placement is more important, so that it runs as
//! soon as it can, in the middle of whatever this one does; another partner is as important as this one, and takes turns with it.
//!
//! # Shape
//!
//! [`signals`] wakes the partner, [`preemption`] is preempted by timers and at the end of slices, [`device`] makes a device interrupt,
//! [`dispatches`] asks a scheduler, [`clients`] lets independent clients call at once.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod clients;
mod device;
mod dispatches;
mod output;
mod preemption;
mod signals;

use alloc::{string::String, vec::Vec};

use warren::{Cx, Optional, Req, Required, server};
use warren_idl::{AddressSpace, Callee, Meter, Partner, PciBus, Program, Signals};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

use output::Failure;

/// What is measured with.
#[derive(Required)]
pub struct Needs {
    signals: Req<dyn Signals>,
    address_space: Req<dyn AddressSpace>,
    bus: Optional<dyn PciBus>,
    /// Whose threads run before this one.
    urgent: Req<dyn Partner>,
    /// Whom that one calls.
    held: Req<dyn Callee>,
    /// Whose threads take turns with this one.
    equal: Req<dyn Partner>,
    /// Whose threads are scheduled by `meter`.
    metered: Req<dyn Partner>,
    meter: Req<dyn Meter>,
    /// Each calls a server of its own.
    client_1: Req<dyn Partner>,
    client_2: Req<dyn Partner>,
    client_3: Req<dyn Partner>,
    client_4: Req<dyn Partner>,
}

/// Measures switches.
#[server(
    provides(Program),
    locals(Run),
    stack = 32768,
    summary = "measure what it costs that another thread runs"
)]
pub struct Switcher {}

program!(Switcher requires Needs, Run, Measuring);

/// What to measure.
struct Measuring {
    /// Independent clients; if there are none, everything else.
    clients: u64,
}

impl Work<Run> for Measuring {
    const MANUAL: Manual = Manual {
        usage: "[-c CLIENTS]",
        details: "-c CLIENTS  measure calls of so many independent clients, 1 to 4, and nothing else\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "c")?;
        let clients = arguments.number('c')?.unwrap_or(0).min(4);
        arguments.none()?;
        Ok(Measuring { clients })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        _: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match all(cx, self.clients, output) {
            Ok(()) => Ok(Flow::End(0)),
            Err(failure) => {
                output.extend(failure.line().bytes());
                Ok(Flow::End(1))
            }
        }
    }
}

fn all(cx: &mut Cx<'_, Run>, clients: u64, output: &mut Vec<u8>) -> Result<(), Failure> {
    if clients != 0 {
        return cx.scope(|cx| clients::calls(cx, clients, output));
    }
    cx.scope(|cx| signals::there_and_back(cx, output))?;
    cx.scope(|cx| signals::contended(cx, output))?;
    cx.scope(|cx| preemption::by_timer(cx, output))?;
    cx.scope(|cx| preemption::by_slices(cx, output))?;
    cx.scope(|cx| dispatches::blocking(cx, output))?;
    cx.scope(|cx| dispatches::preempted(cx, output))?;
    cx.scope(|cx| device::interrupts(cx, output))
}
