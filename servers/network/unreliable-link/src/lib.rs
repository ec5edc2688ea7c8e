//! A link in front of another one, which loses, repeats and delays frames: so that what is above it can be tried on a bad network.
//!
//! # Shape
//!
//! [`fate`] draws what becomes of each frame, [`settings`] is what the system file says; both are pure and tested on the host.
//! `wire` has the frames that are repeated and delayed. [`UnreliableLink`] is the server around them. It stands between a driver, or another link, and `ethernet`: both directions meet the same chances,
//! each with numbers of its own.
//!
//! # What is copied
//!
//! Whoever is handed a frame may change its bytes, and whoever lends one may use its buffers again. So what is repeated or delayed is a
//! copy in buffers of this server's own. If there are none left, nothing is repeated, and what was to be delayed is lost.
//!
//! # What it does not pass on
//!
//! The offer to cut segments: what is lost here is a frame as it would be on a wire, not 64 KiB at once.
//!
//! # State, and what a restart loses
//!
//! Frames that are delayed, and what is served: whoever is above calls again. The fates start anew.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod fate;
pub mod settings;
mod wire;

use alloc::rc::Rc;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    AddressSpace, Clock, Link, LinkCounts, LinkDescription, LinkError, OFFLOAD_SEGMENT_IPV4,
    OFFLOAD_SEGMENT_IPV6, PacketMemory, Parameters, Signals, Sink, SinkError, Task, ThreadError,
    ThreadFactory, Timer,
};
use warren_packets::{Bad, Batch};
use warren_waiting::{sleep, wait_at};

use crate::{
    fate::{Fate, Fates},
    settings::Settings,
    wire::{Direction, Wire},
};

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    link: Req<dyn Link>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// A link that loses, repeats and delays frames of the one behind it.
///
/// Parameters `lose`, `repeat` and `delay`: how many of a thousand frames; none if nothing is said. Parameter `delay-us`: for how many
/// microseconds frames are delayed; 1000 if nothing is said. Parameter `seed`: another number, other frames.
#[server(
    provides(Link, Sink),
    locals(Waiting),
    parameters("lose", "repeat", "delay", "delay-us", "seed"),
    stack = 32768,
    summary = "a link that loses, repeats and delays frames"
)]
pub struct UnreliableLink {
    wire: Rc<Wire>,
    up: Way,
    down: Way,
}

/// What frames of one direction meet.
struct Way {
    fates: Fates,
    lost: u64,
}

/// What this server's thread runs.
#[local(provides = Task, parent = UnreliableLink)]
pub struct Waiting {
    wire: Rc<Wire>,
}

impl Server for UnreliableLink {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let Settings { chances, delay_ns, seed } = Settings::read(&cx.req().parameters)?;
        let wire = Rc::new(Wire::new(cx, delay_ns)?);
        let way = |seed| Way { fates: Fates::new(chances, seed), lost: 0 };
        Ok(UnreliableLink { wire, up: way(seed), down: way(!seed) })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let wire = cx.wire.clone();
        let task = cx.spawn(Waiting { wire })?;
        cx.req().threads.start(cx, "delay", task)?;
        Ok(())
    }
}

impl Way {
    /// Draws the fate of each frame, and takes those away that do not go on now. Returns those that come once more, and those that come later.
    fn draw(&mut self, frames: &mut Batch) -> (Batch, Batch) {
        let (mut repeated, mut delayed) = (Batch::new(), Batch::new());
        frames.retain(|first, others| {
            let fate = self.fates.draw();
            let again = match fate {
                Fate::Repeat => &mut repeated,
                Fate::Delay => &mut delayed,
                Fate::Pass => return true,
                Fate::Lose => {
                    self.lost += 1;
                    return false;
                }
            };
            // There is room: they come out of one batch.
            let pieces = core::iter::once(&*first).chain(others);
            pieces.copied().try_for_each(|piece| again.push(piece)).ok();
            fate == Fate::Repeat
        });
        (repeated, delayed)
    }
}

impl Task for Waiting {
    /// Hands on what was delayed, when it is due.
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let wire = cx.wire.clone();
        loop {
            let due_ns = wait_at(cx, wire.bell(), |it| it.wire.first_due_ns())?;
            let now_ns = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
            if due_ns > now_ns {
                sleep(cx, &cx.req().timer, due_ns - now_ns)?;
            }
            cx.scope(|cx| wire.hand_on_first(cx));
        }
    }
}

impl Sink for UnreliableLink {
    fn deliver(cx: &mut Cx<'_, Self>, frames: &[u8]) -> Result<(), SinkError> {
        let mut frames = Batch::read(frames).map_err(|Bad| SinkError::BadRecord)?;
        let (had_any, wire) = (!frames.is_empty(), cx.wire.clone());
        let (repeated, delayed) = cx.up.draw(&mut frames);
        wire.delay(cx, Direction::Up, &delayed);
        let repeated = wire.copies(cx, &repeated);
        // An empty batch says something, too.
        if !had_any || !frames.is_empty() {
            wire.deliver(cx, &frames)?;
        }
        for frame in repeated {
            wire.hand_on(cx, Direction::Up, &frame);
        }
        Ok(())
    }
}

impl Link for UnreliableLink {
    fn description(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, LinkError> {
        let link = cx.req().link.description(cx)?;
        let offloads = link.offloads & !(OFFLOAD_SEGMENT_IPV4 | OFFLOAD_SEGMENT_IPV6);
        Ok(LinkDescription { offloads, ..link })
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, LinkError> {
        let counts = cx.req().link.counts(cx)?;
        let received_dropped = counts.received_dropped + cx.up.lost;
        let sent_dropped = counts.sent_dropped + cx.down.lost;
        Ok(LinkCounts { received_dropped, sent_dropped, ..counts })
    }

    fn send(cx: &mut Cx<'_, Self>, frames: &[u8]) -> Result<u64, LinkError> {
        let mut frames = Batch::read(frames).map_err(|Bad| LinkError::BadRecord)?;
        let (count, wire) = (frames.packets().count(), cx.wire.clone());
        let (repeated, delayed) = cx.down.draw(&mut frames);
        wire.delay(cx, Direction::Down, &delayed);
        let repeated = wire.copies(cx, &repeated);
        let passed = frames.packets().count();
        let sent = match passed {
            0 => 0,
            _ => cx.req().link.send(cx, frames.as_bytes())? as usize,
        };
        for frame in repeated {
            wire.hand_on(cx, Direction::Down, &frame);
        }
        // Whoever sends hears nothing of what was lost here, but of what found no room.
        Ok((count - passed.saturating_sub(sent)) as u64)
    }

    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        pair: u32,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), LinkError> {
        cx.wire.serve(sink.weak()?);
        let frames = cx.root::<dyn Sink>()?;
        cx.req().link.serve(cx, pair, frames)
    }
}
