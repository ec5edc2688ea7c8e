//! One run of a program: what was handed over, and what was put out and not yet read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Kept, Object, Out, Ref};
use warren_idl::{
    FileSystem, Program, ProgramError, Stream, StreamError, Supervisor, TerminalError,
};

use crate::arguments::UsageError;
use crate::live::{Live, OpenFiles};
use crate::manual::Manual;
use crate::messages::Reason;
use crate::path;
use crate::stage::{Context, Flow, STREAM_BYTES, Stage, Stop};

/// Status of a program that something failed for.
pub const FAILED: u8 = 1;

/// A program at work in a server `S`, whose requirements it may use.
pub trait Work<S>: Sized {
    /// How it is used.
    const MANUAL: Manual;

    /// Reads the arguments.
    fn start(arguments: Vec<String>) -> Result<Self, UsageError>;
    /// Adds the next bytes to `output`, and none before a complaint. Not called again after [`Flow::End`].
    fn pull(
        &mut self,
        cx: &mut Cx<'_, S>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop>;
}

impl<S: Object, T: Stage> Work<S> for T {
    const MANUAL: Manual = T::MANUAL;

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        T::start(arguments)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, S>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let name = handed.name;
        let mut world = Live { cx, handed };
        Stage::pull(self, &mut Context { world: &mut world, name }, output)
    }
}

/// What a run was handed when it was started.
pub struct Handed {
    pub(crate) name: &'static str,
    pub(crate) directory: String,
    pub(crate) files: Kept<dyn FileSystem>,
    pub(crate) input: Kept<dyn Stream>,
    pub(crate) supervisor: Kept<dyn Supervisor>,
    pub(crate) open: OpenFiles,
}

impl Handed {
    /// The absolute path of an operand.
    pub fn path(&self, operand: &str) -> String {
        path::resolve(&self.directory, operand)
    }

    /// Tells the person that there was trouble.
    pub fn complain<S: Object>(&self, cx: &mut Cx<'_, S>, trouble: &str) -> Result<(), Stop> {
        self.complain_in(cx, format!("{}: {trouble}\n", self.name).as_bytes())
    }

    /// Tells the person that there was trouble with something.
    pub fn complain_about<S: Object>(
        &self,
        cx: &mut Cx<'_, S>,
        subject: &str,
        error: impl Into<Reason>,
    ) -> Result<(), Stop> {
        let Reason(reason) = error.into();
        self.complain(cx, &format!("{subject}: {reason}"))
    }

    /// Tells the person that something failed, which is the end.
    pub fn fail<S: Object>(
        &self,
        cx: &mut Cx<'_, S>,
        subject: &str,
        error: impl Into<Reason>,
    ) -> Result<Flow, Stop> {
        self.complain_about(cx, subject, error).map(|()| Flow::End(FAILED))
    }

    /// Starts another program, which is handed what this one was, and reads what this one reads.
    pub fn start<'f, S: Object>(
        &self,
        cx: &mut Cx<'f, S>,
        program: Ref<'_, dyn Program>,
        arguments: &[u8],
    ) -> Result<Ref<'f, dyn Stream>, ProgramError> {
        let (files, input) = (self.files.as_ref(), self.input.as_ref());
        let supervisor = self.supervisor.as_ref();
        program.start(cx, arguments, &self.directory, files, input, supervisor)
    }

    /// Shows the person a text that is no output.
    pub(crate) fn complain_in<S: Object>(
        &self,
        cx: &mut Cx<'_, S>,
        text: &[u8],
    ) -> Result<(), Stop> {
        self.supervisor.as_ref().complain(cx, text).map_err(|_: TerminalError| Stop)
    }

    /// Reads the input to its end, and leaves it out: so whoever makes it does its work.
    pub fn drain<S: Object>(&self, cx: &mut Cx<'_, S>) -> Result<(), Stop> {
        let mut piece = [0; STREAM_BYTES];
        loop {
            self.go_on(cx)?;
            match self.input.as_ref().read(cx, &mut piece) {
                Ok(0) => return Ok(()),
                Ok(_) => (),
                Err::<_, StreamError>(error) => return self.complain_about(cx, "input", error),
            }
        }
    }

    /// Fails once the run is to stop. Asked before each piece of work.
    pub fn go_on<S: Object>(&self, cx: &mut Cx<'_, S>) -> Result<(), Stop> {
        self.supervisor.as_ref().go_on(cx).map_err(|_: TerminalError| Stop)
    }
}

/// What a program is started with, as [`warren_idl::Program::start`] has it.
pub struct Invocation<'a, 'f> {
    /// The program's name.
    pub name: &'static str,
    /// Each followed by a zero byte.
    pub arguments: &'a [u8],
    /// Where relative paths start.
    pub directory: &'a str,
    /// The tree that paths are in.
    pub files: Ref<'f, dyn FileSystem>,
    /// What it reads.
    pub input: Ref<'f, dyn Stream>,
    /// Whoever runs it.
    pub supervisor: Ref<'f, dyn Supervisor>,
}

/// A run, which lies in the local server that is its stream.
pub struct Run<W> {
    work: W,
    handed: Handed,
    /// What was put out; of that, `read` bytes were read.
    output: Vec<u8>,
    read: usize,
    status: Option<u8>,
}

impl<W> Run<W> {
    /// Begins a run. Arguments that make no sense are complained about.
    pub fn start<R: Object, S>(
        cx: &mut Cx<'_, R>,
        invocation: Invocation<'_, '_>,
    ) -> Result<Self, ProgramError>
    where
        W: Work<S>,
    {
        let Invocation { name, arguments, directory, files, input, supervisor } = invocation;
        let work = match W::start(split(arguments)) {
            Ok(work) => work,
            Err(UsageError(trouble)) => {
                let text = format!("{name}: {trouble}\n{}", W::MANUAL.reminder(name));
                let shown = supervisor.complain(cx, text.as_bytes());
                return Err(shown.map_or(ProgramError::Stopped, |()| ProgramError::Misused));
            }
        };
        let handed = Handed {
            name,
            directory: directory.into(),
            files: files.keep()?,
            input: input.keep()?,
            supervisor: supervisor.keep()?,
            open: OpenFiles::new(),
        };
        Ok(Run { work, handed, output: Vec::new(), read: 0, status: None })
    }

    /// Makes the next bytes and fills the buffer with them; returns how many there are, 0 only at the end.
    pub fn read<S>(&mut self, cx: &mut Cx<'_, S>, buffer: &mut Out<'_>) -> Result<u64, StreamError>
    where
        W: Work<S>,
    {
        while self.read == self.output.len() {
            if self.status.is_some() || buffer.is_empty() {
                return Ok(0);
            }
            self.output.clear();
            self.read = 0;
            match self.work.pull(cx, &mut self.handed, &mut self.output) {
                Ok(Flow::More) => (),
                Ok(Flow::End(status)) => self.status = Some(status),
                Err(Stop) => return Err(StreamError::Stopped),
            }
        }
        let count = buffer.fill_from(&self.output[self.read..]);
        self.read += count;
        Ok(count as u64)
    }

    /// The exit status; 0 before the end.
    pub fn status(&self) -> u64 {
        self.status.unwrap_or(0).into()
    }
}

/// Arguments as text. Whoever starts programs has them from text, so what is none is replaced.
fn split(arguments: &[u8]) -> Vec<String> {
    let mut words: Vec<_> = arguments.split(|byte| *byte == 0).collect();
    // Behind the last zero byte is nothing.
    words.pop();
    words.into_iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
