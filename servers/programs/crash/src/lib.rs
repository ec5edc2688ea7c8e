//! `crash`: makes a server fail, to see that nothing else does.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Program, SystemControl, SystemControlError};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError,
    arguments::unexpected, program,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
}

/// Makes the next call into a server fail.
#[server(provides(Program), locals(Run), summary = "make the next call into a server fail")]
pub struct Crash {}

program!(Crash requires Needs, Run, Reporting<Injection>);

/// Which server is to fail, and how.
struct Injection {
    server: String,
    fault: String,
}

impl Report<Run> for Injection {
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

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let crashed = cx.req().system.crash(cx, &self.server, &self.fault);
        let is_fault = crashed == Err(SystemControlError::BadFault);
        crashed.about(if is_fault { &self.fault } else { &self.server })?;
        Ok(String::new())
    }
}
