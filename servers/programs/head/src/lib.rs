//! `head`: the first lines of files.
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
    Arguments, CHUNK_BYTES, Context, Flow, Manual, Stage, Stop, UsageError,
    input::{Inputs, Lines, Next},
    program,
};

/// Shows the first lines of files.
#[server(provides(Program), locals(Run), summary = "show the first lines of files")]
pub struct Head {}

program!(Head requires (), Run, Beginning);

struct Beginning {
    inputs: Inputs,
    titles: bool,
    first: bool,
    count: u64,
    /// The input and how many of its lines are still to be shown.
    current: Option<(Lines, u64)>,
}

impl Stage for Beginning {
    const MANUAL: Manual = Manual {
        usage: "[-n COUNT] [FILE…]",
        details: "-n COUNT  so many lines; 10 without it\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "n")?;
        let count = arguments.number('n')?.unwrap_or(10);
        let inputs = Inputs::new(arguments.operands);
        let titles = inputs.remaining() > 1;
        Ok(Beginning { inputs, titles, first: true, count, current: None })
    }

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
