//! `unmount`: takes a mount away.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Namespace, Program};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    namespace: Req<dyn Namespace>,
}

/// Takes a mount away.
#[server(provides(Program), locals(Run), summary = "take a mount away")]
pub struct Unmount {}

impl Server for Unmount {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Unmount {})
    }
}

program!(Unmount, Run, Unmounting);

struct Unmounting {
    operand: String,
}

impl Work<Run> for Unmounting {
    const MANUAL: Manual = Manual { usage: "PATH", details: "Files that are open stay open.\n" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let [operand] = Arguments::parse(arguments, "", "")?.exactly(["PATH"])?;
        Ok(Unmounting { operand })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let path = handed.path(&self.operand);
        match cx.req().namespace.unmount(cx, &path) {
            Ok(()) => Ok(Flow::End(0)),
            Err(error) => handed.fail(cx, &self.operand, error),
        }
    }
}
