//! `unmount`: takes a mount away.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Namespace, Program};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, program,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    namespace: Req<dyn Namespace>,
}

/// Takes a mount away.
#[server(provides(Program), locals(Run), summary = "take a mount away")]
pub struct Unmount {}

program!(Unmount requires Needs, Run, Reporting<Unmounting>);

struct Unmounting {
    operand: String,
}

impl Report<Run> for Unmounting {
    const MANUAL: Manual = Manual { usage: "PATH", details: "Files that are open stay open.\n" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let [operand] = Arguments::parse(arguments, "", "")?.exactly(["PATH"])?;
        Ok(Unmounting { operand })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, handed: &Handed) -> Result<String, Trouble> {
        let path = handed.path(&self.operand);
        cx.req().namespace.unmount(cx, &path).about(&self.operand)?;
        Ok(String::new())
    }
}
