//! Inverter: measures how long an important thread waits for the lock of a server that a less important one has, while a third thread,
//! which is more important than the one and less than the other, computes.
//!
//! # Result
//!
//! One JSON object: `critical`, for how long the lock is held where nobody disturbs; `middle`, for how long the third thread computed;
//! `waited`, how long the call of the important thread took. All in ticks, which are instructions where the processor counts those.
//!
//! # Who runs when
//!
//! The thread that runs the program is the least important one. In the middle of its call it raises the signal for which the other two wait.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, cycles, server};
use warren_idl::{Callee, Partner, PartnerError, Program, SignalError, Signals, ThreadError};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What is measured with.
#[derive(Required)]
pub struct Needs {
    signals: Req<dyn Signals>,
    /// Whose lock is held, and which `urgent` calls.
    held: Req<dyn Callee>,
    /// Whose threads run before all others.
    urgent: Req<dyn Partner>,
    /// Whose threads run before this one, and after those of `urgent`.
    middling: Req<dyn Partner>,
}

/// Measures waits for a lock.
#[server(
    provides(Program),
    locals(Run),
    stack = 32768,
    summary = "measure how long an important thread waits for a lock"
)]
pub struct Inverter {}

program!(Inverter requires Needs, Run, Inversion);

/// How long to compute.
struct Inversion {
    /// Rounds while the lock is held.
    critical: u64,
    /// Rounds of the thread in the middle.
    middle: u64,
}

/// What came of it, in ticks.
struct Waits {
    critical: u64,
    middle: u64,
    waited: u64,
}

impl Work<Run> for Inversion {
    const MANUAL: Manual = Manual {
        usage: "[-c ROUNDS] [-m ROUNDS]",
        details: "-c ROUNDS  so many rounds of a loop while the lock is held; 100000 without it\n\
                  -m ROUNDS  so many by the thread in the middle; 2000000 without it\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "cm")?;
        let critical = arguments.number('c')?.unwrap_or(100_000);
        let middle = arguments.number('m')?.unwrap_or(2_000_000);
        arguments.none()?;
        Ok(Inversion { critical, middle })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match invert(cx, self) {
            Ok(Waits { critical, middle, waited }) => {
                let line = format!(
                    "{{\"critical\":{critical},\"middle\":{middle},\"waited\":{waited}}}\n"
                );
                output.extend(line.bytes());
                Ok(Flow::End(0))
            }
            Err(error) => handed.fail(cx, "partners", error),
        }
    }
}

fn invert(cx: &mut Cx<'_, Run>, rounds: &Inversion) -> Result<Waits, PartnerError> {
    let needs = cx.req();
    let signal = |error: SignalError| match error {
        SignalError::System(error) => PartnerError::System(error),
        _ => PartnerError::Failed,
    };
    let (start, done) = {
        let signals = needs.signals.as_ref();
        (signals.signal(cx).map_err(signal)?, signals.signal(cx).map_err(signal)?)
    };
    let (raiser, answerer) = (start.raiser(cx).map_err(signal)?, done.raiser(cx).map_err(signal)?);
    // Nobody waits for the second signal: this call is not disturbed.
    let begun = cycles();
    needs.held.raise_and_compute(cx, answerer, rounds.critical)?;
    let critical = cycles() - begun;
    let urgent = needs.urgent.call_and_answer(cx, start, answerer, 1)?;
    let middling = needs.middling.compute(cx, start, rounds.middle)?;
    needs.held.raise_and_compute(cx, raiser, rounds.critical)?;
    let took = |ended: Result<u64, ThreadError>| ended.map_err(PartnerError::from);
    Ok(Waits { critical, waited: took(urgent.join(cx))?, middle: took(middling.join(cx))? })
}
