//! The world of a command line over the references that the system connected.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use warren::{Cx, Kept, Ref};
use warren_idl::{
    FileError, FileStatus, LaunchError, Program, ProgramError, Stream, StreamError, TerminalError,
};
use warren_program::{listed::until, live, world::Entry};

use crate::server::{LINE_BYTES, Shell};
use crate::streams::{Attendant, Fate, Saying, Typing};
use crate::world::{
    Line, Listed, Person, Programs, Source, Start, StartFailure, StreamHandle, Tree,
};

/// Bytes that are written to the terminal in one call.
const WRITE_BYTES: usize = 16 * 1024;

/// Longest name of a program and what it does.
const LISTED_BYTES: usize = 512;

/// Longest manual.
const MANUAL_BYTES: usize = 4096;

/// The system, for one command line.
pub struct Live<'c, 'f> {
    cx: &'c mut Cx<'f, Shell>,
    fate: Fate,
    /// Streams that are open. They are kept, because a scope around each call drops what else it got.
    streams: Vec<Kept<dyn Stream>>,
}

impl<'c, 'f> Live<'c, 'f> {
    /// For a new command line.
    pub fn new(cx: &'c mut Cx<'f, Shell>) -> Self {
        Live { cx, fate: Fate::default(), streams: Vec::new() }
    }

    /// A stream as a reference of a scope.
    fn stream<'n>(
        streams: &[Kept<dyn Stream>],
        cx: &Cx<'n, Shell>,
        handle: StreamHandle,
    ) -> Result<Ref<'n, dyn Stream>, StreamError> {
        let StreamHandle(index) = handle;
        Ok(streams[index].get(cx)?)
    }
}

impl Person for Live<'_, '_> {
    fn read_line(&mut self, prompt: &str) -> Result<Line, TerminalError> {
        let mut bytes = vec![0; LINE_BYTES];
        let length = self.cx.req().terminal.read_line(self.cx, prompt, &mut bytes)?;
        let cut = length > LINE_BYTES as u64;
        bytes.truncate(length as usize);
        Ok(Line { bytes, cut })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TerminalError> {
        for chunk in bytes.chunks(WRITE_BYTES) {
            self.cx.req().terminal.write(self.cx, chunk)?;
        }
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), TerminalError> {
        self.fate.go_on(self.cx)
    }
}

impl Tree for Live<'_, '_> {
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError> {
        self.cx.req().files.status(self.cx, path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError> {
        self.cx.scope(|cx| {
            let files = cx.req().files.as_ref();
            live::list(cx, files, path)
        })
    }
}

impl Programs for Live<'_, '_> {
    fn programs(&mut self) -> Result<Vec<Listed>, LaunchError> {
        let mut text = [0; LISTED_BYTES];
        until(LaunchError::End, |index| {
            let entry = self.cx.req().launcher.listed(self.cx, index.into(), &mut text)?;
            let (name, rest) = text.split_at(LISTED_BYTES.min(entry.name_bytes as usize));
            let summary = &rest[..rest.len().min(entry.summary_bytes as usize)];
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            Ok(Listed { name: text(name), summary: text(summary) })
        })
    }

    fn manual(&mut self, name: &str) -> Result<String, StartFailure> {
        self.cx.scope(|cx| {
            let program = load(cx, name)?;
            let mut text = vec![0; MANUAL_BYTES];
            let length = program.manual(cx, &mut text).map_err(StartFailure::Start)?;
            text.truncate(length as usize);
            Ok(String::from_utf8_lossy(&text).into_owned())
        })
    }

    fn start(&mut self, start: Start<'_>) -> Result<StreamHandle, StartFailure> {
        let Self { cx, fate, streams } = self;
        let Start { name, arguments, directory, input } = start;
        let stream = cx.scope(|cx| {
            let program = load(cx, name)?;
            let begin = |cx: &mut Cx<'_, Shell>| {
                let files = cx.req().files.as_ref();
                let supervisor = cx.spawn(Attendant { fate: fate.clone() })?;
                let input = match input {
                    Source::Person => cx.spawn(Typing::new(fate.clone()))?,
                    Source::Said(said) => cx.spawn(Saying::from(said))?,
                    Source::Stream(StreamHandle(before)) => streams[before].get(cx)?,
                };
                let stream = program.start(cx, arguments, directory, files, input, supervisor)?;
                Ok::<_, ProgramError>(stream.keep()?)
            };
            begin(cx).map_err(StartFailure::Start)
        })?;
        self.streams.push(stream);
        Ok(StreamHandle(self.streams.len() - 1))
    }

    fn read(&mut self, stream: StreamHandle, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let streams = &self.streams;
        let count =
            self.cx.scope(|cx| Self::stream(streams, cx, stream)?.read(cx, &mut *buffer))?;
        // A program that claims more than the buffer holds is not believed.
        Ok(buffer.len().min(count as usize))
    }

    fn exit_status(&mut self, stream: StreamHandle) -> Result<u64, StreamError> {
        let streams = &self.streams;
        self.cx.scope(|cx| Self::stream(streams, cx, stream)?.status(cx))
    }

    fn close_all(&mut self) {
        let streams = core::mem::take(&mut self.streams);
        self.cx.scope(|_| drop(streams));
    }
}

/// A program by its name, loaded if it was not. It goes when nobody refers to it or to a run of it.
fn load<'f>(cx: &mut Cx<'f, Shell>, name: &str) -> Result<Ref<'f, dyn Program>, StartFailure> {
    cx.req().launcher.program(cx, name).map_err(StartFailure::Launch)
}
