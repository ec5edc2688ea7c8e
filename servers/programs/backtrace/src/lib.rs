//! `backtrace`: where every thread is.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Program, SystemControl};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
}

/// Writes where every thread is to the log.
#[server(provides(Program), locals(Run), summary = "write where every thread is to the log")]
pub struct Backtrace {}

impl Server for Backtrace {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Backtrace {})
    }
}

program!(Backtrace, Run, Writing);

struct Writing;

impl Work<Run> for Writing {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Writing)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match cx.req().system.backtrace(cx) {
            Ok(()) => Ok(Flow::End(0)),
            Err(error) => handed.fail(cx, "log", error),
        }
    }
}
