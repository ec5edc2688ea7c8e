//! `backtrace`: where every thread is.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Program, SystemControl};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, program,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
}

/// Writes where every thread is to the log.
#[server(provides(Program), locals(Run), summary = "write where every thread is to the log")]
pub struct Backtrace {}

program!(Backtrace requires Needs, Run, Reporting<Writing>);

struct Writing;

impl Report<Run> for Writing {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Writing)
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        cx.req().system.backtrace(cx).about("log")?;
        Ok(String::new())
    }
}
