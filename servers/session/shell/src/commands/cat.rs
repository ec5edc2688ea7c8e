//! `cat`: files one after the other.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Command;
use crate::arguments::Arguments;
use crate::input::{Input, Inputs, Next};
use crate::stage::{Context, Flow, Invocation, Stage, Started, Stop};

pub const COMMAND: Command = Command {
    name: "cat",
    usage: "cat [FILE…]",
    summary: "show files one after the other",
    details: "Without a file, or for -, it shows its input.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let arguments = Arguments::parse(invocation.arguments, "", "")?;
    let inputs = Inputs::new("cat", arguments.operands, invocation.input);
    Ok(Box::new(Cat { inputs, current: None }))
}

struct Cat {
    inputs: Inputs,
    current: Option<Input>,
}

impl Stage for Cat {
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
