//! `sort`: lines in order. The one command that must hold all of its input, so that has a limit.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use warren::server;
use warren_idl::Program;
use warren_program::{
    Arguments, CHUNK_BYTES, Context, Flow, MISUSED, Manual, Stage, Stop, UsageError,
    input::{Inputs, Lines, Next},
    program,
};

/// Shows lines in order.
#[server(provides(Program), locals(Run), summary = "show lines in order")]
pub struct Sort {}

program!(Sort requires (), Run, Sorting);

/// Bytes of lines that are sorted at most: sorting makes no call, and a watchdog ends a server that computes
/// for seconds without one.
const LIMIT_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy)]
struct Order {
    numeric: bool,
    reverse: bool,
    unique: bool,
}

impl Order {
    /// Lines of equal numbers are in the order of their bytes, unless only one of them is kept.
    fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        let by_number = if self.numeric { number(a).cmp(&number(b)) } else { Ordering::Equal };
        let bytes_matter = !(self.numeric && self.unique);
        let order = if bytes_matter { by_number.then_with(|| a.cmp(b)) } else { by_number };
        if self.reverse { order.reverse() } else { order }
    }
}

/// The whole number at the start of a line; 0 if there is none.
fn number(line: &[u8]) -> i128 {
    let line = line.trim_ascii_start();
    let (negative, digits) = match line.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, line),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0_i128, |value, digit| {
        value.saturating_mul(10).saturating_add(i128::from(digit - b'0'))
    });
    if negative { -value } else { value }
}

struct Sorting {
    inputs: Inputs,
    order: Order,
    lines: Vec<Vec<u8>>,
    bytes: usize,
    current: Option<Lines>,
    sorted: Option<alloc::vec::IntoIter<Vec<u8>>>,
}

impl Sorting {
    /// Takes in lines; `true` if they become too many.
    fn collect(&mut self, mut lines: Lines, context: &mut Context<'_>) -> Result<bool, Stop> {
        while let Some(line) = lines.next(context)? {
            self.bytes += line.len() + size_of::<Vec<u8>>();
            if self.bytes > LIMIT_BYTES {
                return Ok(true);
            }
            self.lines.push(line.to_vec());
        }
        self.inputs.done(&lines.input);
        Ok(false)
    }

    fn sort(&mut self) {
        let order = self.order;
        let mut lines = core::mem::take(&mut self.lines);
        lines.sort_by(|a, b| order.compare(a, b));
        if order.unique {
            lines.dedup_by(|a, b| order.compare(a, b).is_eq());
        }
        self.sorted = Some(lines.into_iter());
    }
}

impl Stage for Sorting {
    const MANUAL: Manual = Manual {
        usage: "[-n] [-r] [-u] [FILE…]",
        details: "-n  by the number at the start\n-r  backwards\n-u  equal lines once\n\
              It sorts up to 4 MiB.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "nru", "")?;
        let (numeric, reverse) = (arguments.has('n'), arguments.has('r'));
        let unique = arguments.has('u');
        let inputs = Inputs::new(arguments.operands);
        let order = Order { numeric, reverse, unique };
        Ok(Sorting { inputs, order, lines: Vec::new(), bytes: 0, current: None, sorted: None })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some(sorted) = &mut self.sorted {
            let before = output.len();
            while output.len() - before < CHUNK_BYTES {
                let Some(line) = sorted.next() else {
                    return Ok(Flow::End(self.inputs.failed.into()));
                };
                output.extend(line);
                output.push(b'\n');
            }
            return Ok(Flow::More);
        }
        if let Some(lines) = self.current.take() {
            if self.collect(lines, context)? {
                context.complain("the input is too large")?;
                return Ok(Flow::End(MISUSED));
            }
            return Ok(Flow::More);
        }
        match self.inputs.next(context)? {
            Next::Input(input) => self.current = Some(Lines::new(input)),
            Next::Bad => {}
            Next::None => self.sort(),
        }
        Ok(Flow::More)
    }
}
