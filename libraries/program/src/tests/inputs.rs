//! Inputs, by way of a program that shows its lines.

use warren::SystemError;
use warren_idl::StreamError;

use crate::arguments::{Arguments, UsageError};
use crate::input::{Inputs, Lines, Next};
use crate::manual::Manual;
use crate::stage::{Context, Flow, Stage, Stop};
use crate::testing::{STOPPED, world};

/// Shows the lines of its inputs with their lengths.
struct Measure {
    inputs: Inputs,
    current: Option<Lines>,
}

impl Stage for Measure {
    const MANUAL: Manual = Manual { usage: "[FILE…]", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let operands = Arguments::parse(arguments, "", "")?.operands;
        Ok(Measure { inputs: Inputs::new(operands), current: None })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some(lines) = &mut self.current {
            match lines.next(context)? {
                Some(line) => output.extend(format!("{}\n", line.len()).bytes()),
                None => {
                    self.inputs.done(&lines.input);
                    self.current = None;
                }
            }
            return Ok(Flow::More);
        }
        match self.inputs.next(context)? {
            Next::Input(input) => self.current = Some(Lines::new(input)),
            Next::Bad => {}
            Next::None => return Ok(Flow::End(self.inputs.failed.into())),
        }
        Ok(Flow::More)
    }
}

#[test]
fn the_stream_before_is_read_where_no_operand_or_a_dash_stands() {
    let files = &[("/a", "xx\n")];
    assert_eq!(world(files).with_input("y\nzz").run::<Measure>("m", ""), ("1\n2\n".into(), 0));
    let all = world(files).with_input("y\n").run::<Measure>("m", "/a - a");
    assert_eq!(all, ("2\n1\n2\n".into(), 0));
}

#[test]
fn a_line_of_many_pieces_is_one_line() {
    let line = "x".repeat(100_000);
    assert_eq!(world(&[]).with_input(line).run::<Measure>("m", ""), ("100000\n".into(), 0));
}

#[test]
fn a_program_before_that_died_is_complained_about() {
    let mut world = world(&[]).with_input("x\n");
    world.input_error = Some(StreamError::System(SystemError::Lost));
    let shown = "1\nm: (input): the server died\n";
    assert_eq!(world.run::<Measure>("m", ""), (shown.into(), 1));
}

#[test]
fn a_program_before_that_was_stopped_stops_the_next() {
    let mut world = world(&[]).with_input("x\n");
    world.input_error = Some(StreamError::Stopped);
    assert_eq!(world.run::<Measure>("m", ""), ("1\n".into(), STOPPED));
}

#[test]
fn reading_stops_when_it_is_to_stop() {
    let mut world = world(&[]).with_input("x\n".repeat(100_000));
    world.stop_after = Some(3);
    assert_eq!(world.run::<Measure>("m", "").1, STOPPED);
    assert!(world.bytes_read < 100_000);
}
