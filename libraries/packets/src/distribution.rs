//! Handing packets that have arrived to whoever is served their protocol.
//!
//! # Why a registration is a call that does not return
//!
//! Whoever wants a protocol's packets has a thread that waits in [`serve`]. If the server with the table dies, that call fails, so the
//! thread knows that it is to call the new instance. If whoever waits dies, its sink is gone, because sinks are held weakly;
//! its thread leaves when the next one is served in its place.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use warren::{Cx, Object, Ref, Req, Serial, SystemError, Weak};
use warren_idl::{EndpointError, Signals, Sink, SinkError};
use warren_waiting::{Bell, wait_until};

use crate::batch::{Batch, Protocols};

/// Protocols that can be served at the same time.
const MOST: usize = 16;

/// Who is handed which protocol's packets, by the number that the layer knows it by.
#[derive(Default)]
pub struct Sinks {
    all: RefCell<Vec<Entry>>,
    /// Counts all who were ever handed any.
    count: Cell<u64>,
}

/// Those of them who wait in [`serve`].
pub struct Served {
    sinks: Sinks,
    /// Rings when somebody else is served.
    superseded: Bell,
}

struct Entry {
    protocol: u16,
    sink: Weak<dyn Sink>,
    /// Tells them from those who were served before.
    number: u64,
}

/// A server that hands packets on by their protocols.
pub trait Distributor: Object<Access = Serial> {
    /// Who is handed which.
    fn sinks(&self) -> &Sinks;
}

/// A server in which those wait who are handed packets.
pub trait Serving: Object<Access = Serial> {
    /// Who is served.
    fn served(&self) -> &Served;
}

/// Why a protocol is not served any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotServed {
    /// Somebody else is, now.
    Superseded,
    /// So many protocols are not served.
    TooMany,
    /// The thread is not to wait any more.
    System(SystemError),
}

impl From<SystemError> for NotServed {
    fn from(error: SystemError) -> Self {
        NotServed::System(error)
    }
}

impl From<TooMany> for NotServed {
    fn from(TooMany: TooMany) -> Self {
        NotServed::TooMany
    }
}

/// So many protocols are not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl Sinks {
    /// Puts a sink in the place of the one before it; its number.
    ///
    /// # Errors
    ///
    /// There is no room for another protocol.
    pub fn add(&self, protocol: u16, sink: Weak<dyn Sink>) -> Result<u64, TooMany> {
        let (mut all, number) = (self.all.borrow_mut(), self.count.get());
        let entry = Entry { protocol, sink, number };
        match all.iter().position(|entry| entry.protocol == protocol) {
            Some(at) => all[at] = entry,
            None if all.len() < MOST => all.push(entry),
            None => return Err(TooMany),
        }
        self.count.set(number + 1);
        Ok(number)
    }

    /// The one that is handed a protocol's packets, if it is still there.
    fn of<'f, S>(&self, cx: &Cx<'f, S>, protocol: u16) -> Option<Ref<'f, dyn Sink>> {
        let all = self.all.borrow();
        let entry = all.iter().find(|entry| entry.protocol == protocol)?;
        entry.sink.upgrade(cx).ok()
    }

    /// Whether anybody was ever handed a protocol's packets: who is being restarted is not there only for a moment.
    pub fn know(&self, protocol: u16) -> bool {
        self.all.borrow().iter().any(|entry| entry.protocol == protocol)
    }

    /// Whether nobody has come in the place of the sink with this number.
    fn has(&self, number: u64) -> bool {
        self.all.borrow().iter().any(|entry| entry.number == number)
    }

    /// Those that are still there, each with its protocol.
    pub fn each<'f, S>(&self, cx: &Cx<'f, S>) -> Vec<(u16, Ref<'f, dyn Sink>)> {
        let all = self.all.borrow();
        let each = all.iter();
        each.filter_map(|entry| Some((entry.protocol, entry.sink.upgrade(cx).ok()?))).collect()
    }
}

impl Served {
    /// Nobody.
    ///
    /// # Errors
    ///
    /// `Budget` if there is no room for a signal.
    pub fn new<S>(cx: &mut Cx<'_, S>, signals: &Req<dyn Signals>) -> Result<Self, SystemError> {
        Ok(Served { sinks: Sinks::default(), superseded: Bell::new(cx, signals)? })
    }

    /// Who is served.
    pub fn sinks(&self) -> &Sinks {
        &self.sinks
    }
}

impl<S: Serving> Distributor for S {
    fn sinks(&self) -> &Sinks {
        &self.served().sinks
    }
}

/// Serves `sink` the packets of a protocol, beginning with an empty batch, until somebody else is served in its place; it does not return before.
pub fn serve<S: Serving>(cx: &mut Cx<'_, S>, protocol: u16, sink: Ref<'_, dyn Sink>) -> NotServed {
    match enter(cx, protocol, sink).and_then(|number| stay(cx, number, sink)) {
        Ok(()) => NotServed::Superseded,
        Err(error) => error,
    }
}

/// The first half of [`serve`]: `sink` is in the place of whoever was served before. Returns the number for the other half.
///
/// # Errors
///
/// There is no room.
pub fn enter<S: Serving>(
    cx: &mut Cx<'_, S>,
    protocol: u16,
    sink: Ref<'_, dyn Sink>,
) -> Result<u64, NotServed> {
    let weak = sink.weak()?;
    let number = cx.served().sinks.add(protocol, weak)?;
    cx.served().superseded.ring()?;
    Ok(number)
}

/// The other half of [`serve`]: says so to `sink`, and waits until somebody else is served in its place.
///
/// # Errors
///
/// The thread is not to wait any more.
pub fn stay<S: Serving>(
    cx: &mut Cx<'_, S>,
    number: u64,
    sink: Ref<'_, dyn Sink>,
) -> Result<(), NotServed> {
    // A sink that cannot use it is as good as one that is gone.
    sink.deliver(cx, &[]).ok();
    Ok(wait_until(cx, superseded, |server| (!server.served().sinks.has(number)).then_some(()))?)
}

fn superseded<S: Serving>(server: &S) -> &Bell {
    &server.served().superseded
}

/// Hands packets of a protocol that an endpoint carries to `sink` from now on.
///
/// # Errors
///
/// `TooMany`: there is no room for another protocol.
pub fn accept<S: Distributor>(
    cx: &mut Cx<'_, S>,
    protocol: u8,
    sink: Ref<'_, dyn Sink>,
) -> Result<(), EndpointError> {
    let sink = sink.weak()?;
    let added = cx.sinks().add(protocol.into(), sink);
    added.map(drop).map_err(|TooMany| EndpointError::TooMany)
}

/// Hands packets on, whose protocols are `protocols`. Returns those that nobody is served, those of one protocol together with it. What a sink cannot use is lost.
pub fn distribute<S: Distributor>(
    cx: &mut Cx<'_, S>,
    packets: &Batch,
    protocols: &Protocols,
) -> Vec<(u16, Batch)> {
    let mut protocols = protocols.as_slice();
    let count = protocols.len();
    let mut each = packets.packets();
    let mut unknown = Vec::new();
    // What is of one protocol, one behind the other, is handed on together: mostly all of it.
    while let Some(protocol) = protocols.first() {
        let run = protocols.iter().take_while(|other| *other == protocol).count();
        let mut batch = Batch::new();
        if run < count {
            // There is room: they were in a batch before.
            each.by_ref().take(run).try_for_each(|packet| batch.push_packet(packet)).ok();
        }
        let own = if run < count { &batch } else { packets };
        if !hand_on(cx, *protocol, own) {
            unknown.push((*protocol, own.clone()));
        }
        protocols = &protocols[run..];
    }
    unknown
}

/// Hands packets of one protocol on; whether somebody is served it. The reference to it lives until the activation returns: of a batch there are no more of them
/// than it has packets, and a scope around each would cost as much as the call.
pub fn hand_on<S: Distributor>(cx: &mut Cx<'_, S>, protocol: u16, packets: &Batch) -> bool {
    deliver(cx, protocol, packets).is_some()
}

/// The same, and what whoever is served it says.
pub(crate) fn deliver<S: Distributor>(
    cx: &mut Cx<'_, S>,
    protocol: u16,
    packets: &Batch,
) -> Option<Result<(), SinkError>> {
    let sink = cx.sinks().of(cx, protocol)?;
    Some(sink.deliver(cx, packets.as_bytes()))
}
