//! `head`: the first lines of files.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Command;
use crate::arguments::Arguments;
use crate::input::{Inputs, Lines, Next};
use crate::stage::{CHUNK_BYTES, Context, Flow, Invocation, Stage, Started, Stop};

pub const COMMAND: Command = Command {
    name: "head",
    usage: "head [-n COUNT] [FILE…]",
    summary: "show the first lines of files",
    details: "-n COUNT  so many lines; 10 without it\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let arguments = Arguments::parse(invocation.arguments, "", "n")?;
    let count = arguments.number('n')?.unwrap_or(10);
    let inputs = Inputs::new("head", arguments.operands, invocation.input);
    let titles = inputs.remaining() > 1;
    Ok(Box::new(Head { inputs, titles, first: true, count, current: None }))
}

struct Head {
    inputs: Inputs,
    titles: bool,
    first: bool,
    count: u64,
    /// The input and how many of its lines are still to be shown.
    current: Option<(Lines, u64)>,
}

impl Stage for Head {
    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some((mut lines, remaining)) = self.current.take() {
            let remaining = copy(&mut lines, remaining, context, output)?;
            if remaining > 0 {
                self.current = Some((lines, remaining));
            } else {
                self.inputs.done(&lines.input);
                lines.input.close(context);
            }
            return Ok(Flow::More);
        }
        match self.inputs.next(context)? {
            Next::Input(input) => {
                if self.titles {
                    let gap = if self.first { "" } else { "\n" };
                    output.extend([gap, "==> ", input.title(), " <==\n"].concat().bytes());
                }
                self.first = false;
                self.current = Some((Lines::new(input), self.count));
            }
            Next::Bad => {}
            Next::None => return Ok(Flow::End(self.inputs.failed.into())),
        }
        Ok(Flow::More)
    }
}

/// Copies lines, up to a chunk; returns how many are still to be copied.
fn copy(
    lines: &mut Lines,
    mut remaining: u64,
    context: &mut Context<'_>,
    output: &mut Vec<u8>,
) -> Result<u64, Stop> {
    let before = output.len();
    while remaining > 0 && output.len() - before < CHUNK_BYTES {
        let Some(line) = lines.next(context)? else { return Ok(0) };
        output.extend(line);
        output.push(b'\n');
        remaining -= 1;
    }
    Ok(remaining)
}
