//! The shell as the programs see it that it runs: what they read, and whoever hears their complaints.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use warren::{Cx, Object, Out, local};
use warren_idl::{Stream, StreamError, Supervisor, TerminalError};

use crate::server::{LINE_BYTES, Shell};
use crate::world::Said;

/// Whether a command line is over, and why: ^C, or a terminal that failed. It stays so until the line's end, so that
/// every program of a pipeline learns of it, and the shell itself.
///
/// Whoever has a part in a line shares this; it is guarded by the shell's lock.
#[derive(Clone, Default)]
pub struct Fate(Rc<Cell<Option<TerminalError>>>);

impl Fate {
    /// Fails if the line is over, which this finds out.
    pub fn go_on<S: Object<Root = Shell>>(&self, cx: &mut Cx<'_, S>) -> Result<(), TerminalError> {
        self.check()?;
        match self.note(cx.req().terminal.interrupted(cx))? {
            true => self.note(Err(TerminalError::Cancelled)),
            false => Ok(()),
        }
    }

    /// Fails if the line is known to be over.
    fn check(&self) -> Result<(), TerminalError> {
        self.0.get().map_or(Ok(()), Err)
    }

    /// Takes note of how a call of the terminal ended.
    fn note<T>(&self, result: Result<T, TerminalError>) -> Result<T, TerminalError> {
        result.inspect_err(|error| self.0.set(Some(*error)))
    }
}

/// What runs a program.
#[local(provides = Supervisor, parent = Shell)]
pub struct Attendant {
    pub fate: Fate,
}

impl Supervisor for Attendant {
    fn complain(cx: &mut Cx<'_, Self>, text: &[u8]) -> Result<(), TerminalError> {
        cx.fate.check()?;
        let written = cx.req().terminal.write(cx, text);
        cx.fate.note(written)
    }

    fn go_on(cx: &mut Cx<'_, Self>) -> Result<(), TerminalError> {
        let fate = cx.fate.clone();
        fate.go_on(cx)
    }
}

/// Bytes that are there, and how many of them were read.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8>,
    read: usize,
}

impl Rest {
    fn is_empty(&self) -> bool {
        self.read == self.bytes.len()
    }

    /// Gives as many as fit.
    fn give(&mut self, buffer: &mut Out<'_>) -> u64 {
        let count = buffer.fill_from(&self.bytes[self.read..]);
        self.read += count;
        count as u64
    }
}

/// What a command of the shell itself said.
#[local(provides = Stream, parent = Shell)]
pub struct Saying {
    rest: Rest,
    status: u8,
}

impl From<Said> for Saying {
    fn from(Said { text, status }: Said) -> Self {
        Saying { rest: Rest { bytes: text, read: 0 }, status }
    }
}

impl Stream for Saying {
    fn read(cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, StreamError> {
        Ok(cx.rest.give(&mut buffer))
    }

    fn status(cx: &mut Cx<'_, Self>) -> Result<u64, StreamError> {
        Ok(cx.status.into())
    }
}

/// Lines that the person types while a program reads them.
#[local(provides = Stream, parent = Shell)]
pub struct Typing {
    fate: Fate,
    rest: Rest,
    ended: bool,
}

impl Typing {
    /// Lines for a program of this command line.
    pub fn new(fate: Fate) -> Self {
        Typing { fate, rest: Rest::default(), ended: false }
    }
}

impl Stream for Typing {
    fn read(cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, StreamError> {
        if cx.rest.is_empty() && !cx.ended && !buffer.is_empty() {
            let mut line = vec![0; LINE_BYTES];
            let length = match cx.req().terminal.read_line(cx, "", &mut line) {
                Ok(length) => length,
                Err(TerminalError::Ended) => {
                    cx.ended = true;
                    return Ok(0);
                }
                Err(error) => {
                    let _ = cx.fate.note::<()>(Err(error));
                    return Err(StreamError::Stopped);
                }
            };
            line.truncate(length as usize);
            line.push(b'\n');
            cx.rest = Rest { bytes: line, read: 0 };
        }
        Ok(cx.rest.give(&mut buffer))
    }

    fn status(_: &mut Cx<'_, Self>) -> Result<u64, StreamError> {
        Ok(0)
    }
}
