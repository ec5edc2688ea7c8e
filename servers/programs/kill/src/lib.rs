//! `kill`: ends a thread.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Program, SystemControl};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
}

/// Ends a thread.
#[server(provides(Program), locals(Run), summary = "end a thread")]
pub struct Kill {}

impl Server for Kill {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Kill {})
    }
}

program!(Kill, Run, Ending);

/// Which thread is to end.
struct Ending {
    context: u64,
}

impl Work<Run> for Ending {
    const MANUAL: Manual = Manual {
        usage: "CONTEXT",
        details: "\
CONTEXT is the thread's number in `threads`. Its calls and waits fail from now on, so that it leaves the
servers in which it is with an error; they go on.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let [context] = Arguments::parse(arguments, "", "")?.exactly(["CONTEXT"])?;
        let number = context.parse();
        let context = number.map_err(|_| UsageError(format!("not a number: {context}")))?;
        Ok(Ending { context })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match cx.req().system.end_thread(cx, self.context) {
            Ok(()) => Ok(Flow::End(0)),
            Err(error) => handed.fail(cx, &format!("{}", self.context), error),
        }
    }
}
