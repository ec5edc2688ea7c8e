//! Who reports where that it is ready.

use alloc::{collections::VecDeque, rc::Rc, vec::Vec};
use core::cell::{Ref, RefCell};

use warren::SystemError;
use warren_idl::{Readiness, TcpError};
use warren_tcp::{Name, State};
use warren_waiting::Bell;

use super::{Inner, Stack, user_of};

/// Where, and how, something reports that it is ready.
pub struct Report {
    watch: Rc<Watch>,
    tag: u64,
    pub(super) interest: u32,
    /// Whether it stands in the line.
    is_lined_up: bool,
}

/// A place to wait for several connections.
pub struct Watch {
    /// Rings when something stands in the line.
    pub bell: Bell,
    /// What may be ready.
    line: RefCell<VecDeque<Subject>>,
    /// What was found to be.
    ready: RefCell<Vec<Readiness>>,
}

/// Why whoever waits at a poll goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Segments have arrived, which wait to be handed to the engine.
    Arrivals,
    /// Something is ready: [`Watch::found`].
    Ready,
}

/// What can be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A connection.
    Connection(Name),
    /// The listener at a port.
    Listener(u16),
}

impl Watch {
    /// Nothing reports to it yet.
    pub fn new(bell: Bell) -> Self {
        Watch { bell, line: RefCell::default(), ready: RefCell::default() }
    }

    /// What [`Stack::ready`] found last.
    pub fn found(&self) -> Ref<'_, [Readiness]> {
        Ref::map(self.ready.borrow(), Vec::as_slice)
    }
}

impl Report {
    /// Puts the subject in the line, if it is not there.
    pub fn line_up(&mut self, subject: Subject, bells: &mut Vec<Bell>) {
        if !core::mem::replace(&mut self.is_lined_up, true) {
            self.watch.line.borrow_mut().push_back(subject);
        }
        bells.push(self.watch.bell.clone());
    }
}

impl Stack {
    /// Notes a poll, by the word of its reference.
    pub fn add_watch(&self, word: u64, watch: &Rc<Watch>) {
        self.inner.borrow_mut().polls.push((word, watch.clone()));
    }

    /// Forgets a poll, to which nobody reports any more.
    pub fn remove_watch(&self, watch: &Rc<Watch>) {
        let inner = &mut *self.inner.borrow_mut();
        inner.polls.retain(|(_, other)| !Rc::ptr_eq(other, watch));
        let users = inner.users.iter_mut().flatten().map(|user| &mut user.report);
        let listeners = inner.listeners.values_mut().map(|listener| &mut listener.report);
        for report in users.chain(listeners) {
            if report.as_ref().is_some_and(|report| Rc::ptr_eq(&report.watch, watch)) {
                *report = None;
            }
        }
    }

    /// Lets something report to the poll whose reference has this word.
    pub fn report(
        &self,
        subject: Subject,
        word: u64,
        tag: u64,
        interest: u32,
    ) -> Result<(), TcpError> {
        let inner = &mut *self.inner.borrow_mut();
        let Inner { polls, users, listeners, bells, is_over, .. } = inner;
        if *is_over {
            return Err(TcpError::Reset);
        }
        let watch = polls.iter().find(|(other, _)| *other == word);
        let watch = watch.map(|(_, watch)| watch.clone()).ok_or(TcpError::BadPoll)?;
        let place = match subject {
            Subject::Connection(name) => user_of(users, name).map(|user| &mut user.report),
            Subject::Listener(port) => {
                listeners.get_mut(&port).map(|listener| &mut listener.report)
            }
        };
        let place = place.ok_or(TcpError::Closed)?;
        // It stays where it stands in the line of the same poll.
        let is_lined_up = place
            .as_ref()
            .is_some_and(|report| report.is_lined_up && Rc::ptr_eq(&report.watch, &watch));
        let report = place.insert(Report { watch, tag, interest, is_lined_up });
        report.line_up(subject, bells);
        Ok(())
    }

    /// Rings for segments that have arrived. Whoever waits at a poll goes on with them, because mostly they are what he waits for: one thread is woken, not two, one by the other. If
    /// nobody does, the principal's thread does.
    ///
    /// # Errors
    ///
    /// `Lost`, when the system itself is at its end.
    pub fn ring_for_arrivals(&self) -> Result<(), SystemError> {
        let polls = &self.inner.borrow().polls;
        let awaited = polls.iter().find(|(_, watch)| watch.bell.is_awaited());
        awaited.map_or(&self.work, |(_, watch)| &watch.bell).ring()
    }

    /// Why whoever waits at a poll is to go on, if there is a reason. Finds `most` of what is ready at most.
    pub fn cause(&self, watch: &Watch, most: usize) -> Option<Cause> {
        if self.has_arrivals() {
            return Some(Cause::Arrivals);
        }
        self.ready(watch, most).map(|()| Cause::Ready)
    }

    /// Finds what stands in a poll's line and is ready, but no more than `most`; `None` if nothing is.
    pub fn ready(&self, watch: &Watch, most: usize) -> Option<()> {
        let ready = &mut *watch.ready.borrow_mut();
        ready.clear();
        let count = watch.line.borrow().len();
        for _ in 0..count {
            if ready.len() == most {
                break;
            }
            let Some(subject) = watch.line.borrow_mut().pop_front() else { break };
            match self.readiness(subject, watch) {
                Some(readiness) => {
                    ready.push(readiness);
                    watch.line.borrow_mut().push_back(subject);
                }
                None => self.step_out(subject, watch),
            }
        }
        (!ready.is_empty()).then_some(())
    }

    /// What of this a connection is ready for, and whether it has ended.
    pub(super) fn ready_for(&self, name: Name, interest: u32) -> u32 {
        let wants = |what| interest & what != 0;
        let ended = self.look(name, |connection, _| connection.state() == State::Closed);
        let is_readable = wants(Readiness::READABLE) && self.is_readable(name).is_some();
        let is_writable = wants(Readiness::WRITABLE) && self.is_writable(name).is_some();
        let bit = |is, bit| if is { bit } else { 0 };
        bit(ended.unwrap_or(true), Readiness::ENDED)
            | bit(is_readable, Readiness::READABLE)
            | bit(is_writable, Readiness::WRITABLE)
    }

    fn readiness(&self, subject: Subject, watch: &Watch) -> Option<Readiness> {
        let (tag, interest) = self.with_report(subject, watch, |it| (it.tag, it.interest))?;
        let ready = match subject {
            Subject::Listener(port) => match self.is_acceptable(port) {
                Some(_) => Readiness::READABLE,
                None => 0,
            },
            Subject::Connection(name) => self.ready_for(name, interest),
        };
        (ready != 0).then_some(Readiness { tag, ready, reserved: 0 })
    }

    fn step_out(&self, subject: Subject, watch: &Watch) {
        self.with_report(subject, watch, |report| report.is_lined_up = false);
    }

    fn with_report<T>(
        &self,
        subject: Subject,
        watch: &Watch,
        work: impl FnOnce(&mut Report) -> T,
    ) -> Option<T> {
        let inner = &mut *self.inner.borrow_mut();
        let report = match subject {
            Subject::Connection(name) => user_of(&mut inner.users, name)?.report.as_mut()?,
            Subject::Listener(port) => inner.listeners.get_mut(&port)?.report.as_mut()?,
        };
        core::ptr::eq(&*report.watch, watch).then(|| work(report))
    }
}
