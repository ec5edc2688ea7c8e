//! `uptime`: how long the system has been running.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Clock, Program};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    clock: Req<dyn Clock>,
}

/// Shows how long the system has been running.
#[server(provides(Program), locals(Run), summary = "show how long the system has been running")]
pub struct Uptime {}

impl Server for Uptime {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Uptime {})
    }
}

program!(Uptime, Run, Asking);

struct Asking;

impl Work<Run> for Asking {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Asking)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match cx.req().clock.now_ns() {
            Ok(now_ns) => {
                output.extend(show(now_ns).bytes());
                Ok(Flow::End(0))
            }
            Err(error) => handed.fail(cx, "clock", error),
        }
    }
}

/// Hours, minutes, seconds and thousandths.
fn show(now_ns: u64) -> String {
    let milliseconds = now_ns / 1_000_000;
    let seconds = milliseconds / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let (seconds, rest) = (seconds % 60, milliseconds % 1000);
    format!("{hours}:{minutes:02}:{seconds:02}.{rest:03}\n")
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn hours_minutes_and_seconds_are_shown() {
        assert_eq!(show(3_723_004_000_000), "1:02:03.004\n");
    }
}
