//! How a server lets its callers wait until its state is as they want it.
//!
//! [`wait_until`] looks at the state, with the server's lock held; if it is not as the caller wants it, the thread waits at a [`Bell`]
//! of the state, without the lock, and looks again when somebody who has changed the state rings the bell.
//! A state for which nobody waits is changed without a call. [`wait_at`] does the same at a bell that is not found in the caller's own state, and
//! [`wait_at_until`] not for ever.
//!
//! [`until`] does anything else that waits, but not for ever, [`sleep`] waits for a time, and [`pause`] for a server below that is being restarted.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod again;
mod patience;

use alloc::rc::Rc;
use core::cell::Cell;

use warren::{Cx, Kept, Object, Req, Serial, SystemError};
use warren_idl::{NEVER_NS, Raiser, Signal, SignalError, Signals};

pub use again::{pause, sleep};
pub use patience::until;

/// Where threads wait for a change. A clone is the same bell.
#[derive(Clone)]
pub struct Bell(Rc<Parts>);

struct Parts {
    signal: Kept<dyn Signal>,
    raiser: Kept<dyn Raiser>,
    /// A count that the signal has had.
    seen: Cell<u64>,
    /// Threads that wait.
    waiting: Cell<u32>,
}

impl Bell {
    /// A new one.
    ///
    /// # Errors
    ///
    /// `Budget` if there is no room for it; `Deadline` and `Killed`, when the thread is not to make calls any more.
    pub fn new<S>(cx: &mut Cx<'_, S>, signals: &Req<dyn Signals>) -> Result<Self, SystemError> {
        let signal = signals.signal(cx).map_err(system)?;
        let raiser = signal.raiser(cx).map_err(system)?.keep()?;
        let (seen, waiting) = (Cell::new(0), Cell::new(0));
        Ok(Bell(Rc::new(Parts { signal: signal.keep()?, raiser, seen, waiting })))
    }

    /// Whether somebody waits.
    pub fn is_awaited(&self) -> bool {
        self.0.waiting.get() > 0
    }

    /// Lets those who wait look again, once the server's lock is free. If nobody does, no call is made.
    ///
    /// # Errors
    ///
    /// `Lost`, when the system itself is at its end.
    pub fn ring(&self) -> Result<(), SystemError> {
        if !self.is_awaited() {
            return Ok(());
        }
        self.0.raiser.as_ref().raise().map(drop).map_err(system)
    }
}

/// Waits until `look` finds what the caller wants, and returns it. `bell` is where to wait; others use the server meanwhile. The state
/// is as `look` saw it until the next call.
///
/// # Errors
///
/// `Deadline` and `Killed`, when the thread is not to wait any more; `Budget`.
pub fn wait_until<S, R>(
    cx: &mut Cx<'_, S>,
    bell: fn(&S) -> &Bell,
    look: impl Fn(&S) -> Option<R>,
) -> Result<R, SystemError>
where
    S: Object<Access = Serial>,
{
    if let Some(found) = look(cx) {
        return Ok(found);
    }
    let bell = bell(cx).clone();
    wait_for_ever(cx, &bell, look)
}

/// The same at a bell that others may know from elsewhere.
///
/// # Errors
///
/// Those of [`wait_until`].
pub fn wait_at<S, R>(
    cx: &mut Cx<'_, S>,
    bell: &Bell,
    look: impl Fn(&S) -> Option<R>,
) -> Result<R, SystemError>
where
    S: Object<Access = Serial>,
{
    match look(cx) {
        Some(found) => Ok(found),
        None => wait_for_ever(cx, bell, look),
    }
}

/// The same, but only until the clock shows `until_ns`; `None` if nothing was found by then.
///
/// # Errors
///
/// Those of [`wait_until`].
pub fn wait_at_until<S, R>(
    cx: &mut Cx<'_, S>,
    bell: &Bell,
    until_ns: u64,
    look: impl Fn(&S) -> Option<R>,
) -> Result<Option<R>, SystemError>
where
    S: Object<Access = Serial>,
{
    match look(cx) {
        Some(found) => Ok(Some(found)),
        None => wait_for(cx, bell, until_ns, look),
    }
}

fn wait_for_ever<S, R>(
    cx: &mut Cx<'_, S>,
    bell: &Bell,
    look: impl Fn(&S) -> Option<R>,
) -> Result<R, SystemError>
where
    S: Object<Access = Serial>,
{
    loop {
        if let Some(found) = wait_for(cx, bell, NEVER_NS, &look)? {
            return Ok(found);
        }
    }
}

/// Waits for what was not found when the caller looked, in this same piece of the activation.
fn wait_for<S, R>(
    cx: &mut Cx<'_, S>,
    Bell(bell): &Bell,
    until_ns: u64,
    look: impl Fn(&S) -> Option<R>,
) -> Result<Option<R>, SystemError>
where
    S: Object<Access = Serial>,
{
    bell.waiting.update(|waiting| waiting + 1);
    let result = loop {
        // Whoever changes the state from here on raises the signal beyond this count.
        let seen = bell.seen.get();
        match bell.signal.as_ref().wait(cx, seen, until_ns) {
            // Nobody has changed anything in time.
            Ok(count) if count == seen => break Ok(None),
            Ok(count) => bell.seen.update(|seen| seen.max(count)),
            Err(error) => break Err(system(error)),
        }
        if let Some(found) = look(cx) {
            break Ok(Some(found));
        }
    };
    bell.waiting.update(|waiting| waiting - 1);
    result
}

/// A signal that exists has no errors of its own.
fn system(error: SignalError) -> SystemError {
    match error {
        SignalError::System(error) => error,
        SignalError::TooMany => SystemError::Budget,
    }
}
