//! One person's or script's session: reads a command, runs it, remembers what is left of it.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::TerminalError;

use crate::commands;
use crate::expand::expand;
use crate::grammar::{Pipeline, Step, When, parse};
use crate::messages;
use crate::stage::{Context, Flow, Invocation, MISUSED, Stage, Stop};
use crate::words::SyntaxError;
use crate::world::World;

/// Status of a command that could not be started, or whose output was lost.
const FAILED: u8 = 1;

/// Status of a command that does not exist.
const UNKNOWN: u8 = 127;

/// Status of a command that ^C ended.
const INTERRUPTED: u8 = 130;

/// Commands that a pipeline may have. Each adds to the depth of the stack when the last one pulls.
const PIPELINE_COMMANDS: usize = 16;

/// What the shell remembers between commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The directory that relative paths start from, in the form of [`crate::path::resolve`].
    pub directory: String,
    /// Exit status of the last pipeline.
    pub status: u8,
    /// Set by `exit`: the session's own status.
    pub exit: Option<u8>,
}

/// What follows a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Another one.
    Next,
    /// The end, with the session's status.
    End(u8),
}

impl Default for Session {
    fn default() -> Self {
        Session { directory: "/".into(), status: 0, exit: None }
    }
}

impl Session {
    /// Reads one command and runs it.
    pub fn turn(&mut self, world: &mut dyn World) -> Result<Turn, TerminalError> {
        let steps = match self.read(world) {
            Ok(steps) => steps,
            Err(Unread::Ended) => return Ok(Turn::End(self.status)),
            Err(Unread::Cancelled) => {
                self.status = INTERRUPTED;
                return Ok(Turn::Next);
            }
            Err(Unread::Refused(message)) => {
                self.status = MISUSED;
                world.write(format!("shell: {message}\n").as_bytes())?;
                return Ok(Turn::Next);
            }
            Err(Unread::Terminal(error)) => return Err(error),
        };
        match self.run(world, &steps) {
            Ok(()) => {}
            Err(Stop::Interrupted) => self.status = INTERRUPTED,
            Err(Stop::Terminal(error)) => {
                self.status = FAILED;
                return Err(error);
            }
        }
        Ok(self.exit.map_or(Turn::Next, Turn::End))
    }

    /// Reads lines until they make a command.
    fn read(&self, world: &mut dyn World) -> Result<Vec<Step>, Unread> {
        let mut text = String::new();
        loop {
            let prompt =
                if text.is_empty() { format!("warren:{}$ ", self.directory) } else { "> ".into() };
            match world.read_line(&prompt) {
                Ok(line) if line.cut => return Err(Unread::refused("the line is too long")),
                Ok(line) => match str::from_utf8(&line.bytes) {
                    Ok(line) => text.push_str(line),
                    Err(_) => return Err(Unread::refused("the line is not UTF-8")),
                },
                Err(TerminalError::Ended) if text.is_empty() => return Err(Unread::Ended),
                Err(TerminalError::Ended) => {
                    return Err(Unread::Refused(messages::syntax(SyntaxError::Unfinished)));
                }
                Err(TerminalError::Cancelled) => return Err(Unread::Cancelled),
                Err(error) => return Err(Unread::Terminal(error)),
            }
            text.push('\n');
            match parse(&text) {
                Ok(steps) => return Ok(steps),
                Err(SyntaxError::Unfinished) => {}
                Err(error) => return Err(Unread::Refused(messages::syntax(error))),
            }
        }
    }

    /// Runs the steps of a command.
    fn run(&mut self, world: &mut dyn World, steps: &[Step]) -> Result<(), Stop> {
        for step in steps {
            let wanted = match step.when {
                When::Always => true,
                When::Success => self.status == 0,
                When::Failure => self.status != 0,
            };
            if wanted {
                let status = self.pipeline(world, &step.pipeline)?;
                self.status = status;
            }
            if self.exit.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Runs a pipeline: what its last command gives goes to the person, and its status counts.
    fn pipeline(&mut self, world: &mut dyn World, pipeline: &Pipeline) -> Result<u8, Stop> {
        let mut context = Context { world, session: self };
        let mut last = match start(&mut context, pipeline)? {
            Ok(stage) => stage,
            Err(status) => return Ok(status),
        };
        let mut output = Vec::new();
        loop {
            context.check()?;
            let flow = last.pull(&mut context, &mut output)?;
            if !output.is_empty() {
                context.world.write(&output).map_err(Stop::Terminal)?;
                output.clear();
            }
            if let Flow::End(status) = flow {
                return Ok(status);
            }
        }
    }
}

/// Starts the commands of a pipeline; gives its last one, or a status if one was not understood.
fn start(
    context: &mut Context<'_>,
    pipeline: &Pipeline,
) -> Result<Result<Box<dyn Stage>, u8>, Stop> {
    if pipeline.len() > PIPELINE_COMMANDS {
        let trouble = format!("a pipeline has at most {PIPELINE_COMMANDS} commands");
        return context.complain("shell", &trouble).map(|()| Err(MISUSED));
    }
    let mut input: Option<Box<dyn Stage>> = None;
    for words in pipeline {
        let Some(mut arguments) = expand(context, words)? else { return Ok(Err(FAILED)) };
        let name = arguments.remove(0);
        let Some(command) = commands::find(&name) else {
            context.complain(&name, "no such command; try help")?;
            return Ok(Err(UNKNOWN));
        };
        match (command.start)(Invocation { arguments, input: input.take() }) {
            Ok(stage) => input = Some(stage),
            Err(error) => {
                context.complain(&name, &error.0)?;
                context.complain("usage", command.usage)?;
                return Ok(Err(MISUSED));
            }
        }
    }
    Ok(input.ok_or(UNKNOWN))
}

/// Why there is no command to run.
enum Unread {
    Ended,
    Cancelled,
    Refused(String),
    Terminal(TerminalError),
}

impl Unread {
    fn refused(message: &str) -> Self {
        Unread::Refused(message.to_owned())
    }
}
