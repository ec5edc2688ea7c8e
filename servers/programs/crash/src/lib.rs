//! `crash`: makes a server fail, to see that nothing else does.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Program, SystemControl, SystemControlError};
use warren_program::{
    Arguments, Flow, Handed, Manual, Stop, UsageError, Work, arguments::unexpected, program,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
}

/// Makes the next call into a server fail.
#[server(provides(Program), locals(Run), summary = "make the next call into a server fail")]
pub struct Crash {}

impl Server for Crash {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Crash {})
    }
}

program!(Crash, Run, Injection);

/// Which server is to fail, and how.
struct Injection {
    server: String,
    fault: String,
}

impl Work<Run> for Injection {
    const MANUAL: Manual = Manual {
        usage: "SERVER [FAULT]",
        details: "FAULT is null (default), write, divide, panic, stack, loop, reference, buffer or privileged.\n\
                  A scheduler fails when it hands on time for the next time.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let mut operands = Arguments::parse(arguments, "", "")?.operands.into_iter();
        let server = operands.next().ok_or_else(|| UsageError("SERVER is missing".into()))?;
        let fault = operands.next().unwrap_or_else(|| String::from("null"));
        match operands.next() {
            Some(third) => Err(unexpected(&third)),
            None => Ok(Injection { server, fault }),
        }
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match cx.req().system.crash(cx, &self.server, &self.fault) {
            Ok(()) => Ok(Flow::End(0)),
            Err(error @ SystemControlError::BadFault) => handed.fail(cx, &self.fault, error),
            Err(error) => handed.fail(cx, &self.server, error),
        }
    }
}
