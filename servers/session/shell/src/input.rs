//! Where commands that filter get their bytes: files, the command before, or the person.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::TerminalError;

use crate::stage::{CHUNK_BYTES, Context, Flow, Stage, Stop};
use crate::world::FileHandle;

/// Longest line that is kept whole. A longer one counts as several.
const LINE_BYTES: usize = 1024 * 1024;

/// The inputs of a command: one for each operand, or the pipeline's if there is no operand.
pub struct Inputs {
    command: &'static str,
    operands: VecDeque<String>,
    pipe: Option<Box<dyn Stage>>,
    /// Whether an input could not be opened or read.
    pub failed: bool,
}

impl Inputs {
    /// The inputs of `command`.
    pub fn new(command: &'static str, operands: Vec<String>, pipe: Option<Box<dyn Stage>>) -> Self {
        let mut operands = VecDeque::from(operands);
        if operands.is_empty() {
            operands.push_back("-".into());
        }
        Inputs { command, operands, pipe, failed: false }
    }

    /// How many inputs are still to come.
    pub fn remaining(&self) -> usize {
        self.operands.len()
    }

    /// Whether there is only the pipeline's, or the person's.
    pub fn only_pipe(&self) -> bool {
        self.operands.len() == 1 && self.operands[0] == "-"
    }

    /// Opens the next input. One that cannot be opened is complained about: the pull that gets
    /// `Next::Bad` ends there, so that output and complaints keep their order.
    pub fn next(&mut self, context: &mut Context<'_>) -> Result<Next, Stop> {
        let Some(name) = self.operands.pop_front() else { return Ok(Next::None) };
        if name == "-" {
            let source = self.pipe.take().map_or(Source::Person, Source::Pipe);
            return Ok(Next::Input(Input { command: self.command, name, source, failed: false }));
        }
        context.check()?;
        let path = context.path(&name);
        match context.world.open(&path) {
            Ok(file) => {
                let source = Source::File { file, offset: 0 };
                Ok(Next::Input(Input { command: self.command, name, source, failed: false }))
            }
            Err(error) => {
                self.failed = true;
                context.complain_about(self.command, &name, error)?;
                Ok(Next::Bad)
            }
        }
    }

    /// Takes note of how an input ended.
    pub fn done(&mut self, input: &Input) {
        self.failed |= input.failed;
    }
}

/// What [`Inputs::next`] found.
pub enum Next {
    /// An input.
    Input(Input),
    /// An operand that is none.
    Bad,
    /// The end.
    None,
}

/// One open input.
pub struct Input {
    command: &'static str,
    /// The operand it came from; `-` for the pipeline.
    pub name: String,
    source: Source,
    /// Whether an error ended it.
    pub failed: bool,
}

enum Source {
    File { file: FileHandle, offset: u64 },
    Pipe(Box<dyn Stage>),
    Person,
    Ended,
}

impl Input {
    /// The name to show.
    pub fn title(&self) -> &str {
        if self.name == "-" { "(input)" } else { &self.name }
    }

    /// Adds the next bytes to `buffer`. `false` at the end, after which nothing was added.
    ///
    /// An error while reading is complained about and ends the input.
    pub fn read(&mut self, context: &mut Context<'_>, buffer: &mut Vec<u8>) -> Result<bool, Stop> {
        let before = buffer.len();
        loop {
            context.check()?;
            let more = self.step(context, buffer)?;
            if !more {
                self.source = Source::Ended;
            }
            if !more || buffer.len() > before {
                return Ok(buffer.len() > before);
            }
        }
    }

    fn step(&mut self, context: &mut Context<'_>, buffer: &mut Vec<u8>) -> Result<bool, Stop> {
        match &mut self.source {
            Source::File { file, offset } => {
                let before = buffer.len();
                buffer.resize(before + CHUNK_BYTES, 0);
                let result = context.world.read(*file, *offset, &mut buffer[before..]);
                buffer.truncate(before + *result.as_ref().unwrap_or(&0));
                *offset += (buffer.len() - before) as u64;
                if !matches!(result, Ok(1..)) {
                    context.world.close(*file);
                }
                match result {
                    Ok(bytes) => Ok(bytes > 0),
                    Err(error) => {
                        self.failed = true;
                        context.complain_about(self.command, &self.name, error)?;
                        Ok(false)
                    }
                }
            }
            Source::Pipe(stage) => Ok(stage.pull(context, buffer)? == Flow::More),
            Source::Person => match context.world.read_line("") {
                Ok(line) => {
                    buffer.extend(line.bytes);
                    buffer.push(b'\n');
                    Ok(true)
                }
                Err(TerminalError::Ended) => Ok(false),
                Err(TerminalError::Cancelled) => Err(Stop::Interrupted),
                Err(error) => Err(Stop::Terminal(error)),
            },
            Source::Ended => Ok(false),
        }
    }

    /// Closes the input before its end.
    pub fn close(self, context: &mut Context<'_>) {
        if let Source::File { file, .. } = self.source {
            context.world.close(file);
        }
    }
}

/// An input, line by line.
pub struct Lines {
    /// The input.
    pub input: Input,
    buffer: Vec<u8>,
    start: usize,
    searched: usize,
}

impl Lines {
    /// The lines of an input.
    pub fn new(input: Input) -> Self {
        Lines { input, buffer: Vec::new(), start: 0, searched: 0 }
    }

    /// The next line, without its end.
    pub fn next(&mut self, context: &mut Context<'_>) -> Result<Option<&[u8]>, Stop> {
        loop {
            let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| self.searched + end) {
                return Ok(Some(self.take(end, end + 1)));
            }
            if self.buffer.len() - self.start >= LINE_BYTES {
                let end = self.start + LINE_BYTES;
                return Ok(Some(self.take(end, end)));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            if !self.input.read(context, &mut self.buffer)? {
                let end = self.buffer.len();
                return Ok(if end == 0 { None } else { Some(self.take(end, end)) });
            }
        }
    }

    fn take(&mut self, end: usize, next: usize) -> &[u8] {
        let start = self.start;
        self.start = next;
        self.searched = next;
        &self.buffer[start..end]
    }
}
