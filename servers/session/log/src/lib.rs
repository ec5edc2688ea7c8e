//! The log: keeps the newest lines of servers and system.
//!
//! # Shape
//!
//! [`book`] holds the lines, [`show`] makes text of them; both are tested on the host. [`LogServer`] is the server around it: it takes lines over
//! from the platform, which writes each of them with the time and with the name of the server whose call it was.
//! It is told of new ones on the thread that has written one, so the writer pays, and no thread waits here.
//!
//! It is the program `log` as well: who shows the lines need not be another server than who has them.
//!
//! # State, and what a restart loses
//!
//! The lines. A new instance starts with those that the platform itself still has: the newest 16 KiB, in which
//! stands why this server died. Numbers go on, so a reader sees that lines are missing.
//!
//! # Never
//!
//! Requires `Log`: it would be told of its own line while it writes it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod book;
mod show;

use warren::{AtomicCx, Cx, New, Out, Req, Required, Server, StartError, server};
use warren_idl::{LogBook, LogError, LogFeed, LogFollower, LogRecord, Parameters, Program};
use warren_parameters::number;
use warren_program::{Reporting, program};

use crate::book::Book;
use crate::show::Showing;

/// KiB of lines that are kept if the system file does not say.
const DEFAULT_KIB: u64 = 64;
/// Most KiB.
const MOST_KIB: u64 = 1 << 20;

/// Longest name and line that the platform gives.
const TEXT_BYTES: usize = 2048;

/// What the log needs.
#[derive(Required)]
pub struct Needs {
    feed: Req<dyn LogFeed>,
    parameters: Req<dyn Parameters>,
}

/// The lines.
///
/// Parameter `kib`: how many KiB of them are kept.
#[server(
    provides(LogBook, LogFollower, Program),
    locals(Run),
    parameters("kib"),
    summary = "show what servers and system have written to the log"
)]
pub struct LogServer {
    book: Book,
}

impl Server for LogServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(LogServer { book: Book::new(kib(&cx.req().parameters)? * 1024) })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let follower = cx.root::<dyn LogFollower>()?;
        let feed = &cx.req().feed;
        feed.follow(follower)?;
        Ok(cx.take_over(feed)?)
    }
}

program!(LogServer, Run, Reporting<Showing>);

impl LogFollower for LogServer {
    fn told(cx: &mut AtomicCx<'_, Self>) -> Result<(), LogError> {
        let feed = &cx.req().feed;
        cx.take_over(feed)
    }
}

impl LogBook for LogServer {
    fn record(
        cx: &mut Cx<'_, Self>,
        number: u64,
        mut text: Out<'_>,
    ) -> Result<LogRecord, LogError> {
        let feed = &cx.req().feed;
        cx.take_over(feed)?;
        let (record, bytes) = cx.book.find(number).ok_or(LogError::End)?;
        text.fill_from(bytes);
        Ok(*record)
    }
}

impl LogServer {
    /// Takes over what is new.
    fn take_over(&mut self, feed: &Req<dyn LogFeed>) -> Result<(), LogError> {
        let mut text = [0; TEXT_BYTES];
        loop {
            match feed.record(self.book.next(), &mut text) {
                Ok(record) if self.book.add(record, &text) => (),
                Ok(_) | Err(LogError::End) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// The parameter `kib`.
fn kib(parameters: &Req<dyn Parameters>) -> Result<usize, StartError> {
    let kib = number(parameters, "kib", DEFAULT_KIB, 1..=MOST_KIB, "`kib` is no number of KiB")?;
    Ok(kib as usize)
}
