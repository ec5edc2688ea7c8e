//! A world in memory: a tree of files, a script instead of a person, programs that are functions.

use std::collections::VecDeque;

use warren::SystemError;
use warren_idl::{FileError, FileStatus, LaunchError, ProgramError, StreamError, TerminalError};
use warren_program::testing;
use warren_program::world::Entry;

use crate::session::{Session, Turn};
use crate::world::{
    Line, Listed, Person, Programs, Source, Start, StartFailure, StreamHandle, Tree,
};

/// What a test arranges and looks at.
pub struct Fake {
    pub tree: testing::Tree,
    pub script: VecDeque<Result<Line, TerminalError>>,
    pub output: Vec<u8>,
    pub prompts: Vec<String>,
    /// Questions whether to go on until the answer is no.
    pub interrupt_after: Option<usize>,
    /// Programs that were started, with their directories and arguments.
    pub started: Vec<(String, String, Vec<String>)>,
    /// Bytes that are left of the streams that are open, and how each ends.
    streams: Vec<(Vec<u8>, Result<u64, StreamError>)>,
    /// Streams that were open when their pipelines ended.
    pub closed: usize,
    interrupted: bool,
}

/// A world with these files; directories come with them.
pub fn world(files: &[(&str, &str)]) -> Fake {
    Fake {
        tree: testing::Tree::new(files),
        script: VecDeque::new(),
        output: Vec::new(),
        prompts: Vec::new(),
        interrupt_after: None,
        started: Vec::new(),
        streams: Vec::new(),
        closed: 0,
        interrupted: false,
    }
}

impl Fake {
    /// Runs a script to its end; returns what it shows and the session's status.
    pub fn run(&mut self, script: &str) -> (String, u8) {
        for line in script.lines() {
            self.script.push_back(Ok(Line { bytes: line.into(), cut: false }));
        }
        let mut session = Session::default();
        loop {
            self.interrupted = false;
            if let Turn::End(status) = session.turn(self).expect("the terminal works") {
                let output = String::from_utf8(std::mem::take(&mut self.output));
                return (output.expect("text"), status);
            }
        }
    }

    /// All that a program reads.
    fn input(&mut self, source: Source) -> Vec<u8> {
        match source {
            Source::Person => {
                let lines = self.script.drain(..).flatten();
                lines.flat_map(|line| [line.bytes, b"\n".into()].concat()).collect()
            }
            Source::Said(said) => said.text,
            Source::Stream(StreamHandle(index)) => std::mem::take(&mut self.streams[index].0),
        }
    }
}

/// Runs a script over files and compares what it shows and its status.
#[track_caller]
pub fn check(files: &[(&str, &str)], script: &str, shown: &str, status: u8) {
    let (output, got) = world(files).run(script);
    assert_eq!(output, shown, "output of {script:?}");
    assert_eq!(got, status, "status of {script:?}");
}

impl Person for Fake {
    fn read_line(&mut self, prompt: &str) -> Result<Line, TerminalError> {
        self.prompts.push(prompt.into());
        self.script.pop_front().unwrap_or(Err(TerminalError::Ended))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TerminalError> {
        self.output.extend(bytes);
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), TerminalError> {
        match &mut self.interrupt_after {
            Some(0) => {
                self.interrupt_after = None;
                self.interrupted = true;
            }
            Some(left) => *left -= 1,
            None => {}
        }
        if self.interrupted { Err(TerminalError::Cancelled) } else { Ok(()) }
    }
}

impl Tree for Fake {
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError> {
        self.tree.status(path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError> {
        self.tree.list(path)
    }
}

/// Programs of the fake system, and what they do.
const PROGRAMS: [(&str, &str); 8] = [
    ("busy", "cannot be loaded"),
    ("cat", "puts out its input"),
    ("dead", "dies at once"),
    ("endless", "puts out for ever"),
    ("half", "dies after a line"),
    ("huge", "has a large status"),
    ("misused", "understands nothing"),
    ("seven", "has status 7"),
];

impl Programs for Fake {
    fn programs(&mut self) -> Result<Vec<Listed>, LaunchError> {
        let listed =
            |&(name, summary): &(&str, &str)| Listed { name: name.into(), summary: summary.into() };
        // In no order.
        Ok(PROGRAMS.iter().rev().map(listed).collect())
    }

    fn manual(&mut self, name: &str) -> Result<String, StartFailure> {
        match name {
            "cat" => Ok("how to use cat\n".into()),
            _ => Err(StartFailure::Launch(LaunchError::Unknown)),
        }
    }

    fn start(&mut self, start: Start<'_>) -> Result<StreamHandle, StartFailure> {
        let arguments = String::from_utf8(start.arguments.into()).expect("text");
        let arguments = arguments.split_terminator('\0').map(String::from).collect();
        self.started.push((start.name.into(), start.directory.into(), arguments));
        let lost = StreamError::System(SystemError::Lost);
        let stream = match start.name {
            "cat" => (self.input(start.input), Ok(0)),
            "seven" => (Vec::new(), Ok(7)),
            "huge" => (Vec::new(), Ok(1 << 40)),
            "half" => (b"half\n".into(), Err(lost)),
            "endless" => (vec![b'x'; 1 << 20], Ok(0)),
            "misused" => {
                self.output.extend(b"misused: no such option\n");
                return Err(StartFailure::Start(ProgramError::Misused));
            }
            "dead" => {
                return Err(StartFailure::Start(ProgramError::System(SystemError::Lost)));
            }
            "busy" => return Err(StartFailure::Launch(LaunchError::Failed)),
            "none" => return Err(StartFailure::Launch(LaunchError::WrongService)),
            _ => return Err(StartFailure::Launch(LaunchError::Unknown)),
        };
        self.streams.push(stream);
        Ok(StreamHandle(self.streams.len() - 1))
    }

    fn read(&mut self, stream: StreamHandle, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let (bytes, end) = &mut self.streams[stream.0];
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        bytes.drain(..count);
        if count == 0 { end.map(|_| 0) } else { Ok(count) }
    }

    fn exit_status(&mut self, stream: StreamHandle) -> Result<u64, StreamError> {
        self.streams[stream.0].1
    }

    fn close_all(&mut self) {
        self.closed += self.streams.len();
        self.streams.clear();
    }
}
