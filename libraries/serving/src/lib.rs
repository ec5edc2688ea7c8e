//! Conversations over TCP: many of them on one thread.
//!
//! A server that listens has a [`Conversation`] for each connection, and lets [`serve`] go on with those that can go on. What a conversation is about
//! is its own; that nobody takes all places, or keeps one for good, is seen to here ([`books`]). Files that several of them serve can stay open ([`shelf`]).
//!
//! # What a restart of TCP means
//!
//! All conversations are over, and [`serve`] listens again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod books;
pub mod shelf;

use alloc::vec::Vec;
use core::convert::Infallible;

use warren::{Cx, Kept, Object, Ref, Req, SystemError};
use warren_idl::{Clock, Connection, Listener, Poll, Readiness, Tcp, TcpError, Timer};
use warren_waiting::pause;
use zerocopy::IntoBytes;

pub use crate::books::Limits;
use crate::books::{Books, Seat};

/// Reports that are taken at a time.
const TOGETHER: usize = 64;
/// Connections that may wait to be accepted at one port.
const BACKLOG: u32 = 128;

/// What goes on with one connection.
pub trait Conversation<S>: Sized {
    /// Goes on as far as it can without waiting. It is called when what it waited for is there, and first when the connection is new. What references it gets
    /// or gives up live as long as the thread, unless it has a scope for that.
    fn go_on(
        &mut self,
        cx: &mut Cx<'_, S>,
        connection: Ref<'_, dyn Connection>,
        now_ns: u64,
    ) -> Next;

    /// Lets go of what conversations have in common and none has needed for long; when to look again, at the latest. It is called after all that was ready at one time.
    fn tidy(_cx: &mut Cx<'_, S>, _now_ns: u64) -> Option<u64> {
        None
    }
}

/// What a conversation wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To go on when the connection is ready, for which [`Readiness`] has the numbers. If that takes until then, the conversation ends by RST.
    Wait {
        /// What it waits for.
        interest: u32,
        /// For how long, by the clock.
        until_ns: u64,
    },
    /// It is over; what was written is still sent.
    End,
    /// It is over at once.
    Abort,
}

/// What the steps of a conversation work with, if it goes on by some.
pub struct Turn<'f, 'a> {
    /// With the other side.
    pub connection: Ref<'f, dyn Connection>,
    /// What the clock shows.
    pub now_ns: u64,
    /// Room for what is read and written.
    pub chunk: &'a mut [u8],
}

impl Turn<'_, '_> {
    /// To wait until the connection is ready for this, and for so long at most.
    pub fn wait(&self, interest: u32, patience_ns: u64) -> Next {
        Next::Wait { interest, until_ns: self.now_ns + patience_ns }
    }
}

/// What came of a step: what the conversation wants from now on, or nothing if it can make another one.
pub type Step<E> = Result<Option<Next>, E>;

/// Makes steps until one says what the conversation wants or fails, and so many of them at most: others get their turn. `None` if there could be more.
pub fn by_steps<E>(most: usize, mut step: impl FnMut() -> Result<Option<Next>, E>) -> Option<Next> {
    (0..most).find_map(|_| step().unwrap_or(Some(Next::Abort)))
}

/// A port, and how conversations begin there.
pub struct Service<T> {
    /// The port.
    pub port: u16,
    /// Begins a conversation.
    pub begin: fn() -> T,
}

/// A conversation under way.
struct Talk<T> {
    connection: Kept<dyn Connection>,
    conversation: T,
    /// What it is reported for.
    interest: u32,
}

/// What one thread has.
struct Desk<'a, T> {
    poll: Kept<dyn Poll>,
    listeners: Vec<Kept<dyn Listener>>,
    services: &'a [Service<T>],
    /// By seat.
    talks: Vec<Option<Talk<T>>>,
    books: Books,
    /// When to tidy up, at the latest.
    tidy_ns: Option<u64>,
}

/// Tags of listeners; those of conversations are smaller.
const LISTENERS: u64 = 1 << 32;

/// What a server that listens is made on.
#[derive(Clone, Copy)]
pub struct Below<'a> {
    /// Where it listens.
    pub tcp: &'a Req<dyn Tcp>,
    /// When conversations have waited too long.
    pub clock: &'a Req<dyn Clock>,
    /// Between a death of TCP and the next attempt.
    pub timer: &'a Req<dyn Timer>,
}

/// Listens at ports and has all conversations that come of it, for good. While TCP is dead, or somebody else listens there, it tries again and again.
///
/// # Errors
///
/// The thread is not to go on.
pub fn serve<S, T>(
    cx: &mut Cx<'_, S>,
    below: Below<'_>,
    services: &[Service<T>],
    limits: Limits,
) -> SystemError
where
    S: Object,
    T: Conversation<S>,
{
    loop {
        let ended = listen(cx, below, services, limits);
        if let Err(error) = pause(cx, below.timer, ended) {
            return error;
        }
    }
}

/// The same until it ends.
fn listen<S, T>(
    cx: &mut Cx<'_, S>,
    below: Below<'_>,
    services: &[Service<T>],
    limits: Limits,
) -> Result<Infallible, TcpError>
where
    S: Object,
    T: Conversation<S>,
{
    let mut desk = cx.scope(|cx| Desk::open(cx, below.tcp, services, limits))?;
    let mut reports = [Readiness::default(); TOGETHER];
    loop {
        desk.round(cx, below.clock, &mut reports)?;
    }
}

fn now<S>(_cx: &Cx<'_, S>, clock: &Req<dyn Clock>) -> Result<u64, TcpError> {
    Ok(clock.now_ns().map_err(|_| SystemError::Lost)?)
}

impl<'a, T> Desk<'a, T> {
    fn open<S>(
        cx: &mut Cx<'_, S>,
        tcp: &Req<dyn Tcp>,
        services: &'a [Service<T>],
        limits: Limits,
    ) -> Result<Self, TcpError> {
        let poll = tcp.poll(cx)?;
        let mut listeners = Vec::new();
        for (tag, service) in (LISTENERS..).zip(services) {
            let listener = tcp.listen(cx, service.port, BACKLOG)?;
            listener.report(cx, poll, tag)?;
            listeners.push(listener.keep()?);
        }
        let (talks, books) = (Vec::new(), Books::new(limits));
        Ok(Desk { poll: poll.keep()?, listeners, services, talks, books, tidy_ns: None })
    }

    fn round<S>(
        &mut self,
        cx: &mut Cx<'_, S>,
        clock: &Req<dyn Clock>,
        reports: &mut [Readiness],
    ) -> Result<(), TcpError>
    where
        S: Object,
        T: Conversation<S>,
    {
        let count = self.wait(cx, reports)?;
        let now_ns = now(cx, clock)?;
        for report in &reports[..count] {
            match report.tag.checked_sub(LISTENERS) {
                Some(place) => cx.scope(|cx| self.accept(cx, place as usize, now_ns))?,
                None => self.go_on(cx, report.tag as Seat, now_ns)?,
            }
        }
        while let Some(seat) = self.books.overdue(now_ns) {
            cx.scope(|cx| {
                if let Some(talk) = self.leave(seat) {
                    talk.connection.as_ref().abort(cx).ok();
                }
            });
        }
        self.tidy_ns = T::tidy(cx, now_ns);
        Ok(())
    }

    /// Waits until something is ready, or a conversation has waited too long.
    fn wait<S>(&self, cx: &mut Cx<'_, S>, reports: &mut [Readiness]) -> Result<usize, TcpError> {
        let until_ns =
            self.books.next_ns().into_iter().chain(self.tidy_ns).min().unwrap_or(u64::MAX);
        let count = self.poll.as_ref().wait(cx, until_ns, reports.as_mut_bytes())?;
        Ok((count as usize).min(reports.len()))
    }

    fn accept<S>(&mut self, cx: &mut Cx<'_, S>, place: usize, now_ns: u64) -> Result<(), TcpError>
    where
        T: Conversation<S>,
    {
        let (Some(listener), Some(service)) = (self.listeners.get(place), self.services.get(place))
        else {
            return Ok(());
        };
        let connection = match listener.as_ref().accept_now(cx) {
            Err(TcpError::WouldWait) => return Ok(()),
            connection => connection?,
        };
        let remote = connection.status(cx)?.remote;
        let Some(seat) = self.books.sit_down(remote) else {
            connection.abort(cx).ok();
            return Ok(());
        };
        let conversation = (service.begin)();
        let talk = Talk { connection: connection.keep()?, conversation, interest: 0 };
        if self.talks.len() <= seat {
            self.talks.resize_with(seat + 1, || None);
        }
        self.talks[seat] = Some(talk);
        self.go_on(cx, seat, now_ns)
    }

    fn go_on<S>(&mut self, cx: &mut Cx<'_, S>, seat: Seat, now_ns: u64) -> Result<(), TcpError>
    where
        T: Conversation<S>,
    {
        let Some(Some(talk)) = self.talks.get_mut(seat) else { return Ok(()) };
        let Talk { connection, conversation, interest: reported } = talk;
        let connection = connection.as_ref();
        match conversation.go_on(cx, connection, now_ns) {
            Next::Wait { interest, until_ns } => {
                if *reported != interest {
                    connection.report(cx, self.poll.as_ref(), seat as u64, interest)?;
                    *reported = interest;
                }
                self.books.wait(seat, until_ns);
            }
            Next::End => {
                connection.finish(cx).ok();
                cx.scope(|_| drop(self.leave(seat)));
            }
            Next::Abort => {
                connection.abort(cx).ok();
                cx.scope(|_| drop(self.leave(seat)));
            }
        }
        Ok(())
    }

    fn leave(&mut self, seat: Seat) -> Option<Talk<T>> {
        self.books.stand_up(seat);
        self.talks.get_mut(seat)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_made_until_one_wants_something() {
        let waits = Next::Wait { interest: Readiness::READABLE, until_ns: 7 };
        for (steps, expected, made) in [
            (&[Ok(None), Ok(Some(waits)), Ok(None)][..], Some(waits), 2),
            (&[Ok(Some(Next::End))], Some(Next::End), 1),
            (&[Ok(None), Err(())], Some(Next::Abort), 2),
            (&[Ok(None); 5], None, 3),
        ] {
            let mut count = 0;
            let next = by_steps(3, || {
                count += 1;
                steps[count - 1]
            });
            assert_eq!((next, count), (expected, made));
        }
    }
}
