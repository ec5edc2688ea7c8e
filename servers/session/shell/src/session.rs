//! One person's or script's session: reads a command, runs it, remembers what is left of it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use warren_idl::{LaunchError, ProgramError, TerminalError};
use warren_program::messages::Reason;
use warren_program::{MISUSED, STREAM_BYTES, UsageError, path};

use crate::commands::{self, Command, Trouble};
use crate::expand::expand;
use crate::grammar::{Pipeline, Step, When, parse};
use crate::messages;
use crate::words::SyntaxError;
use crate::world::{Said, Source, Start, StartFailure, StreamHandle, World};

/// Status of a command that could not be started, that died, or whose output was lost.
const FAILED: u8 = 1;

/// Status of a command that does not exist.
const UNKNOWN: u8 = 127;

/// Status of a command that ^C ended.
const INTERRUPTED: u8 = 130;

/// Commands that a pipeline may have. They all read at once, each in the call of the one behind it, on one stack.
const PIPELINE_COMMANDS: usize = 8;

/// Bytes that the arguments of one program may have: they travel in one call, with the directory.
const ARGUMENT_BYTES: usize = 32 * 1024;

/// What the shell remembers between commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The directory that relative paths start from, in the form of [`path::resolve`].
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
        let status = context.pipeline(pipeline);
        context.world.close_all();
        status
    }
}

/// Why a command line stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// ^C.
    Interrupted,
    /// Nobody hears us any more.
    Terminal(TerminalError),
}

impl From<TerminalError> for Stop {
    fn from(error: TerminalError) -> Self {
        match error {
            TerminalError::Cancelled => Stop::Interrupted,
            error => Stop::Terminal(error),
        }
    }
}

/// What commands work on.
pub struct Context<'a> {
    /// Everything outside.
    pub world: &'a mut dyn World,
    /// What the shell remembers between commands.
    pub session: &'a mut Session,
}

impl Context<'_> {
    /// The absolute path of an operand.
    pub fn path(&self, operand: &str) -> String {
        path::resolve(&self.session.directory, operand)
    }

    /// Tells the person that `command` had trouble.
    pub fn complain(&mut self, command: &str, trouble: &str) -> Result<(), Stop> {
        Ok(self.world.write(format!("{command}: {trouble}\n").as_bytes())?)
    }

    /// Tells the person that `command` had trouble with something.
    pub fn complain_about(
        &mut self,
        command: &str,
        subject: &str,
        error: impl Into<Reason>,
    ) -> Result<(), Stop> {
        let Reason(reason) = error.into();
        self.complain(command, &format!("{subject}: {reason}"))
    }

    /// Stops here if ^C was pressed. Whatever works for long calls this for each piece.
    pub fn go_on(&mut self) -> Result<(), Stop> {
        Ok(self.world.go_on()?)
    }

    /// Starts the commands of a pipeline from left to right, each on the stream of the one before, and shows what
    /// the last one gives. Its status.
    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<u8, Stop> {
        if pipeline.len() > PIPELINE_COMMANDS {
            let trouble = format!("a pipeline has at most {PIPELINE_COMMANDS} commands");
            return self.complain("shell", &trouble).map(|()| MISUSED);
        }
        let mut last = String::new();
        let mut source = Source::Person;
        for words in pipeline {
            let Some(mut arguments) = expand(self, words)? else { return Ok(FAILED) };
            last = arguments.remove(0);
            let started = match commands::find(&last) {
                Some(command) => self.run(command, arguments)?.map(Source::Said),
                None => self.start(&last, &arguments, source)?.map(Source::Stream),
            };
            source = match started {
                Ok(source) => source,
                Err(status) => return Ok(status),
            };
        }
        match source {
            Source::Person => unreachable!("a pipeline has a command"),
            Source::Said(Said { text, status }) => {
                self.world.write(&text)?;
                Ok(status)
            }
            Source::Stream(stream) => self.show(&last, stream),
        }
    }

    /// Runs a command of the shell itself; a status if it was not understood.
    fn run(&mut self, command: &Command, arguments: Vec<String>) -> Result<Result<Said, u8>, Stop> {
        match (command.run)(self, arguments) {
            Ok(said) => Ok(Ok(said)),
            Err(Trouble::Stop(stop)) => Err(stop),
            Err(Trouble::Usage(UsageError(trouble))) => {
                self.complain(command.name, &trouble)?;
                self.world.write(command.manual.reminder(command.name).as_bytes())?;
                Ok(Err(MISUSED))
            }
        }
    }

    /// Starts a program; a status if that failed, of which the person was told.
    fn start(
        &mut self,
        name: &str,
        arguments: &[String],
        input: Source,
    ) -> Result<Result<StreamHandle, u8>, Stop> {
        let arguments = match joined(arguments) {
            Ok(arguments) => arguments,
            Err(trouble) => return self.complain(name, trouble).map(|()| Err(MISUSED)),
        };
        let directory = &self.session.directory;
        let start = Start { name, arguments: &arguments, directory, input };
        let failure = match self.world.start(start) {
            Ok(stream) => return Ok(Ok(stream)),
            Err(failure) => failure,
        };
        match failure {
            StartFailure::Launch(LaunchError::Unknown | LaunchError::WrongService) => {
                self.complain(name, "no such command; try help")?;
                return Ok(Err(UNKNOWN));
            }
            StartFailure::Start(ProgramError::Misused) => return Ok(Err(MISUSED)),
            StartFailure::Start(error) => {
                self.go_on()?;
                self.complain(name, error.message())?;
            }
            StartFailure::Launch(error) => self.complain(name, error.message())?,
        }
        Ok(Err(FAILED))
    }

    /// Shows what a program puts out, which makes it work, and all before it. Its status.
    fn show(&mut self, name: &str, stream: StreamHandle) -> Result<u8, Stop> {
        let mut buffer = vec![0; STREAM_BYTES];
        let status = loop {
            self.go_on()?;
            match self.world.read(stream, &mut buffer) {
                Ok(0) => break self.world.exit_status(stream),
                Ok(count) => self.world.write(&buffer[..count])?,
                Err(error) => break Err(error),
            }
        };
        match status {
            Ok(status) => Ok(u8::try_from(status).unwrap_or(u8::MAX)),
            Err(error) => {
                // If the program has stopped because it was to stop, that is why.
                self.go_on()?;
                self.complain(name, error.message())?;
                Ok(FAILED)
            }
        }
    }
}

/// Arguments as programs get them, or why that is impossible.
fn joined(arguments: &[String]) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    for argument in arguments {
        if argument.contains('\0') {
            return Err("an argument has a zero byte");
        }
        bytes.extend(argument.bytes());
        bytes.push(0);
    }
    if bytes.len() > ARGUMENT_BYTES { Err("the arguments are too long") } else { Ok(bytes) }
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
