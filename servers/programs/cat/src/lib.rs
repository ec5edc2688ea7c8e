//! `cat`: files one after the other.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use warren::server;
use warren_idl::Program;
use warren_program::{
    Arguments, Context, Flow, Manual, Stage, Stop, UsageError,
    input::{Input, Inputs, Next},
    program,
};

/// Shows files one after the other.
#[server(provides(Program), locals(Run), summary = "show files one after the other")]
pub struct Cat {}

program!(Cat requires (), Run, Copying);

struct Copying {
    inputs: Inputs,
    current: Option<Input>,
}

impl Stage for Copying {
    const MANUAL: Manual =
        Manual { usage: "[FILE…]", details: "Without a file, or for -, it shows its input.\n" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "")?;
        let inputs = Inputs::new(arguments.operands);
        Ok(Copying { inputs, current: None })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some(input) = &mut self.current {
            if !input.read(context, output)? {
                self.inputs.done(input);
                self.current = None;
            }
            return Ok(Flow::More);
        }
        match self.inputs.next(context)? {
            Next::Input(input) => self.current = Some(input),
            Next::Bad => {}
            Next::None => return Ok(Flow::End(self.inputs.failed.into())),
        }
        Ok(Flow::More)
    }
}
