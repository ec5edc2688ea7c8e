//! `uniq`: lines that repeat, once.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::server;
use warren_idl::Program;
use warren_program::{
    Arguments, CHUNK_BYTES, Context, Flow, Manual, Stage, Stop, UsageError,
    arguments::unexpected,
    input::{Inputs, Lines, Next},
    program,
};

/// Shows lines that repeat only once.
#[server(provides(Program), locals(Run), summary = "show lines that repeat only once")]
pub struct Uniq {}

program!(Uniq requires (), Run, Merging);

struct Wanted {
    count: bool,
    repeated: bool,
    single: bool,
}

impl Wanted {
    fn show(&self, line: &[u8], count: u64, output: &mut Vec<u8>) {
        if (self.repeated && count == 1) || (self.single && count > 1) {
            return;
        }
        if self.count {
            output.extend(format!("{count:>7} ").bytes());
        }
        output.extend(line);
        output.push(b'\n');
    }
}

struct Merging {
    inputs: Inputs,
    wanted: Wanted,
    lines: Option<Lines>,
    /// The line before and how often it came.
    last: Option<(Vec<u8>, u64)>,
}

impl Stage for Merging {
    const MANUAL: Manual = Manual {
        usage: "[-c] [-d] [-u] [FILE]",
        details: "-c  with how often each came\n-d  only those that repeat\n-u  only those that do not\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "cdu", "")?;
        if let Some(second) = arguments.operands.get(1) {
            return Err(unexpected(second));
        }
        let wanted = Wanted {
            count: arguments.has('c'),
            repeated: arguments.has('d'),
            single: arguments.has('u'),
        };
        let inputs = Inputs::new(arguments.operands);
        Ok(Merging { inputs, wanted, lines: None, last: None })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        let Some(lines) = &mut self.lines else {
            match self.inputs.next(context)? {
                Next::Input(input) => self.lines = Some(Lines::new(input)),
                Next::Bad | Next::None => return Ok(Flow::End(self.inputs.failed.into())),
            }
            return Ok(Flow::More);
        };
        let before = output.len();
        while output.len() - before < CHUNK_BYTES {
            let Some(line) = lines.next(context)? else {
                if let Some((last, count)) = self.last.take() {
                    self.wanted.show(&last, count, output);
                }
                self.inputs.done(&lines.input);
                return Ok(Flow::End(self.inputs.failed.into()));
            };
            match &mut self.last {
                Some((last, count)) if last == line => *count += 1,
                last => {
                    if let Some((before, count)) = last.replace((line.to_vec(), 1)) {
                        self.wanted.show(&before, count, output);
                    }
                }
            }
        }
        Ok(Flow::More)
    }
}
