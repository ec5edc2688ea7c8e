//! Player: plays a film, and tells how long after its time each frame was done.
//!
//! For each frame it reads the next piece of a file, decodes it, and hands it to an output. Frame `n` may be started at `n` periods
//! after the first one, and is to be done one period later. No frame is left out: after a late one comes the next at once.
//!
//! # Result
//!
//! One line of JSON: frames, how many of them were late, and how long after its release a frame was done: for half of the frames, for 99 of
//! 100, for all. `decode_ns` is the shortest time in which a frame was decoded, which is what the work itself takes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod film;

use alloc::{string::String, vec::Vec};
use core::hint::black_box;

use warren::{Cx, Req, Required, server};
use warren_idl::{Clock, Echo, EchoError, FileError, FileSystem, Program, TimeError, Timer};
use warren_load::{Pieces, work};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

use crate::film::{Film, Record};

/// What the player needs.
#[derive(Required)]
pub struct Needs {
    files: Req<dyn FileSystem>,
    /// What frames are handed to.
    output: Req<dyn Echo>,
    clock: Req<dyn Clock>,
    timer: Req<dyn Timer>,
}

/// Plays a film.
#[server(
    provides(Program),
    locals(Run),
    stack = 16384,
    summary = "plays a film, and tells how late each frame was"
)]
pub struct Player {}

program!(Player requires Needs, Run, Film);

impl Work<Run> for Film {
    const MANUAL: Manual = Manual {
        usage: "[-n FRAMES]",
        details: "A hundred frames are played if FRAMES is not given, one each 40 ms.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "n")?;
        let frames = arguments.number('n')?;
        arguments.none()?;
        Ok(Film::of(frames))
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match cx.scope(|cx| play(cx, *self)) {
            Ok(record) => {
                output.extend(record.json().bytes());
                Ok(Flow::End(0))
            }
            Err(Failure::File(error)) => handed.fail(cx, "the film", error),
            Err(Failure::Output(error)) => handed.fail(cx, "the output", error),
            Err(Failure::Time(error)) => handed.fail(cx, "the clock", error),
        }
    }
}

/// Why the film stopped.
enum Failure {
    File(FileError),
    Output(EchoError),
    Time(TimeError),
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Failure::File(error)
    }
}

impl From<EchoError> for Failure {
    fn from(error: EchoError) -> Self {
        Failure::Output(error)
    }
}

impl From<TimeError> for Failure {
    fn from(error: TimeError) -> Self {
        Failure::Time(error)
    }
}

/// Plays the film to its end.
fn play(cx: &mut Cx<'_, Run>, film: Film) -> Result<Record, Failure> {
    let needs = cx.req();
    let mut pieces = Pieces::open(cx, needs.files.as_ref())?;
    let mut record = Record::default();
    let start_ns = needs.clock.now_ns()?;
    for frame in 0..film.frames {
        let release_ns = start_ns + frame * Film::PERIOD_NS;
        let now_ns = needs.clock.now_ns()?;
        if now_ns < release_ns {
            needs.timer.sleep(cx, release_ns - now_ns)?;
        }
        let piece = pieces.next(cx)?;
        let read_ns = needs.clock.now_ns()?;
        black_box(work(piece, Film::PASSES));
        let decoded_ns = needs.clock.now_ns()?;
        needs.output.sum(cx, piece)?;
        let done_ns = needs.clock.now_ns()?;
        record.add(done_ns - release_ns, decoded_ns - read_ns);
    }
    Ok(record)
}
