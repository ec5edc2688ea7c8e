//! Where programs that filter get their bytes: files, or the stream before.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::StreamError;

use crate::stage::{CHUNK_BYTES, Context, STREAM_BYTES, Stop};
use crate::world::FileHandle;

/// Longest line that is kept whole. A longer one counts as several.
const LINE_BYTES: usize = 1024 * 1024;

/// The inputs of a program: one for each operand, or the stream before it if there is no operand.
pub struct Inputs {
    operands: VecDeque<String>,
    /// Whether an input could not be opened or read.
    pub failed: bool,
}

impl Inputs {
    /// The inputs that operands name.
    pub fn new(operands: Vec<String>) -> Self {
        let mut operands = VecDeque::from(operands);
        if operands.is_empty() {
            operands.push_back("-".into());
        }
        Inputs { operands, failed: false }
    }

    /// How many inputs are still to come.
    pub fn remaining(&self) -> usize {
        self.operands.len()
    }

    /// Whether there is only the stream before.
    pub fn only_stream(&self) -> bool {
        self.operands.len() == 1 && self.operands[0] == "-"
    }

    /// Opens the next input. One that cannot be opened is complained about: the pull that gets
    /// `Next::Bad` ends there, so that output and complaints keep their order.
    pub fn next(&mut self, context: &mut Context<'_>) -> Result<Next, Stop> {
        let Some(name) = self.operands.pop_front() else { return Ok(Next::None) };
        if name == "-" {
            return Ok(Next::Input(Input { name, source: Source::Stream, failed: false }));
        }
        context.check()?;
        let path = context.path(&name);
        match context.world.open(&path) {
            Ok(file) => {
                let source = Source::File { file, offset: 0 };
                Ok(Next::Input(Input { name, source, failed: false }))
            }
            Err(error) => {
                self.failed = true;
                context.complain_about(&name, error)?;
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
    /// The operand it came from; `-` for the stream before.
    pub name: String,
    source: Source,
    /// Whether an error ended it.
    pub failed: bool,
}

enum Source {
    File { file: FileHandle, offset: u64 },
    Stream,
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
                        context.complain_about(&self.name, error)?;
                        Ok(false)
                    }
                }
            }
            Source::Stream => {
                let before = buffer.len();
                buffer.resize(before + STREAM_BYTES, 0);
                let result = context.world.input(&mut buffer[before..]);
                buffer.truncate(before + *result.as_ref().unwrap_or(&0));
                match result {
                    Ok(bytes) => Ok(bytes > 0),
                    Err(StreamError::Stopped) => Err(Stop),
                    Err(error) => {
                        self.failed = true;
                        context.complain_about(self.title(), error)?;
                        Ok(false)
                    }
                }
            }
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
