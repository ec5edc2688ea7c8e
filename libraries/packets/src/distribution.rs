//! Handing packets that have arrived to whoever is served their protocol.
//!
//! # Why a registration is a call that does not return
//!
//! Whoever wants a protocol's packets has a thread that waits in [`serve`]. If the server with the table dies, that call fails, so the
//! thread knows that it is to call the new instance. If whoever waits dies, its sink is gone, because sinks are held weakly;
//! its thread leaves when the next one is served in its place.

use alloc::vec::Vec;

use warren::{Cx, Object, Ref, Req, Serial, SystemError, Weak};
use warren_idl::{Signals, Sink};
use warren_waiting::{Bell, listeners, wait_until};

use crate::batch::Batch;

/// Protocols that can be served at the same time.
const MOST: usize = 16;

/// Who is served which protocol, by the number that the layer knows it by.
pub struct Served {
    all: Vec<Entry>,
    /// Rings when somebody else is served.
    superseded: Bell,
    /// Counts all who were ever served.
    count: u64,
}

struct Entry {
    protocol: u16,
    sink: Weak<dyn Sink>,
    /// Tells them from those who were served before.
    number: u64,
}

/// A server that hands packets on by their protocols.
pub trait Distributor: Object<Access = Serial> {
    /// Who is served.
    fn served(&self) -> &Served;
    /// The same, to be changed.
    fn served_mut(&mut self) -> &mut Served;
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

impl Served {
    /// Nobody.
    ///
    /// # Errors
    ///
    /// `Budget` if there is no room for a signal.
    pub fn new<S>(cx: &mut Cx<'_, S>, signals: &Req<dyn Signals>) -> Result<Self, SystemError> {
        Ok(Served { all: Vec::new(), superseded: Bell::new(cx, signals)?, count: 0 })
    }

    /// Puts a sink in the place of the one before it; its number.
    fn add(&mut self, protocol: u16, sink: Weak<dyn Sink>) -> Result<u64, NotServed> {
        let number = self.count;
        let entry = Entry { protocol, sink, number };
        match self.all.iter().position(|entry| entry.protocol == protocol) {
            Some(at) => self.all[at] = entry,
            None if self.all.len() < MOST => self.all.push(entry),
            None => return Err(NotServed::TooMany),
        }
        self.count += 1;
        Ok(number)
    }
}

/// Serves `sink` the packets of a protocol, beginning with an empty batch, until somebody else is served in its place; it does not return before.
pub fn serve<S: Distributor>(
    cx: &mut Cx<'_, S>,
    protocol: u16,
    sink: Ref<'_, dyn Sink>,
) -> NotServed {
    match served_until(cx, protocol, sink) {
        Ok(()) => NotServed::Superseded,
        Err(error) => error,
    }
}

fn served_until<S: Distributor>(
    cx: &mut Cx<'_, S>,
    protocol: u16,
    sink: Ref<'_, dyn Sink>,
) -> Result<(), NotServed> {
    let weak = sink.weak()?;
    let others = listeners(cx, superseded)?;
    let number = cx.served_mut().add(protocol, weak)?;
    others.tell()?;
    // A sink that cannot use it is as good as one that is gone.
    sink.deliver(cx, &[]).ok();
    Ok(wait_until(cx, superseded, |server| {
        let still = server.served().all.iter().any(|entry| entry.number == number);
        (!still).then_some(())
    })?)
}

fn superseded<S: Distributor>(server: &S) -> &Bell {
    &server.served().superseded
}

/// Hands packets on, whose protocols are `protocols`, one for each packet. Returns how many nobody is served. What a sink cannot use is lost.
pub fn distribute<S: Distributor>(
    cx: &mut Cx<'_, S>,
    packets: &Batch,
    mut protocols: &[u16],
) -> u64 {
    let count = protocols.len();
    let mut each = packets.packets();
    let mut unknown = 0;
    // What is of one protocol, one behind the other, is handed on together: mostly all of it.
    while let Some(protocol) = protocols.first() {
        let run = protocols.iter().take_while(|other| *other == protocol).count();
        let was_known = match run == count {
            true => hand_on(cx, *protocol, packets),
            false => {
                let mut batch = Batch::new();
                // There is room: they were in a batch before.
                each.by_ref().take(run).try_for_each(|packet| batch.push_packet(packet)).ok();
                hand_on(cx, *protocol, &batch)
            }
        };
        unknown += if was_known { 0 } else { run as u64 };
        protocols = &protocols[run..];
    }
    unknown
}

/// Hands packets of one protocol on; whether somebody is served it.
pub fn hand_on<S: Distributor>(cx: &mut Cx<'_, S>, protocol: u16, packets: &Batch) -> bool {
    cx.scope(|cx| {
        let entry = cx.served().all.iter().find(|entry| entry.protocol == protocol);
        let Some(sink) = entry.and_then(|entry| entry.sink.upgrade(cx).ok()) else { return false };
        sink.deliver(cx, packets.as_bytes()).ok();
        true
    })
}
