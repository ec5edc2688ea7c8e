//! `wc`: how many lines, words and bytes.
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
    Arguments, Context, Flow, Manual, Stage, Stop, UsageError,
    input::{Input, Inputs, Next},
    program,
};

/// Counts lines, words and bytes.
#[server(provides(Program), locals(Run), summary = "count lines, words and bytes")]
pub struct Wc {}

program!(Wc requires (), Run, Counting);

/// Lines, words and bytes so far.
#[derive(Clone, Copy, Default)]
struct Counts {
    counts: [u64; 3],
    in_word: bool,
}

impl Counts {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let space = byte.is_ascii_whitespace() || *byte == 0x0b;
            self.counts[0] += u64::from(*byte == b'\n');
            self.counts[1] += u64::from(!space && !self.in_word);
            self.in_word = !space;
        }
        self.counts[2] += bytes.len() as u64;
    }
}

struct Counting {
    inputs: Inputs,
    wanted: [bool; 3],
    several: bool,
    named: bool,
    total: Counts,
    current: Option<(Input, Counts)>,
}

impl Counting {
    /// One line of the result. A single number of a single input stands alone, as scripts want it.
    fn show(&self, counts: &Counts, name: &str, output: &mut Vec<u8>) {
        let single = self.wanted.iter().filter(|wanted| **wanted).count() == 1;
        let width = if single && !self.several { 0 } else { 7 };
        let mut columns = Vec::new();
        for (count, wanted) in counts.counts.iter().zip(self.wanted) {
            if wanted {
                columns.push(format!("{count:>width$}"));
            }
        }
        if self.named {
            columns.push(name.into());
        }
        output.extend(columns.join(" ").bytes());
        output.push(b'\n');
    }

    fn count(
        &mut self,
        mut input: Input,
        mut counts: Counts,
        context: &mut Context<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let mut chunk = Vec::new();
        if input.read(context, &mut chunk)? {
            counts.add(&chunk);
            self.current = Some((input, counts));
            return Ok(());
        }
        self.inputs.done(&input);
        self.show(&counts, &input.name, output);
        for (sum, count) in self.total.counts.iter_mut().zip(counts.counts) {
            *sum += count;
        }
        Ok(())
    }
}

impl Stage for Counting {
    const MANUAL: Manual = Manual {
        usage: "[-l] [-w] [-c] [FILE…]",
        details: "-l  lines\n-w  words\n-c  bytes\nWithout an option, all three.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "lwc", "")?;
        let mut wanted = ['l', 'w', 'c'].map(|letter| arguments.has(letter));
        if wanted == [false; 3] {
            wanted = [true; 3];
        }
        let inputs = Inputs::new(arguments.operands);
        let several = inputs.remaining() > 1;
        let named = several || !inputs.only_stream();
        let total = Counts::default();
        Ok(Counting { inputs, wanted, several, named, total, current: None })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some((input, counts)) = self.current.take() {
            self.count(input, counts, context, output)?;
            return Ok(Flow::More);
        }
        match self.inputs.next(context)? {
            Next::Input(input) => self.current = Some((input, Counts::default())),
            Next::Bad => {}
            Next::None => {
                if self.several {
                    self.show(&self.total, "total", output);
                }
                return Ok(Flow::End(self.inputs.failed.into()));
            }
        }
        Ok(Flow::More)
    }
}
