//! `uptime`: how long the system has been running.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Clock, Program};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, program,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    clock: Req<dyn Clock>,
}

/// Shows how long the system has been running.
#[server(provides(Program), locals(Run), summary = "show how long the system has been running")]
pub struct Uptime {}

program!(Uptime requires Needs, Run, Reporting<Asking>);

struct Asking;

impl Report<Run> for Asking {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Asking)
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let now_ns = cx.req().clock.now_ns().about("clock")?;
        Ok(show(now_ns))
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
