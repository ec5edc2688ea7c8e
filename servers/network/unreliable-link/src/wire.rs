//! Frames that this server has itself: copies, on their way to whoever is above or below.

use alloc::{collections::VecDeque, vec, vec::Vec};
use core::cell::RefCell;

use warren::{Cx, New, Object, StartError, Weak};
use warren_idl::{Packet, Sink, SinkError};
use warren_packets::{Bad, Batch, Buffers, Indices, OwnShare};
use warren_waiting::Bell;

use crate::UnreliableLink;

/// Most buffers that copies take.
const BUFFERS: u32 = 256;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To whoever is served.
    Up,
    /// To the link behind.
    Down,
}

/// What requests and the thread of the server share.
pub struct Wire {
    packets: Buffers,
    share: OwnShare,
    /// Who is served.
    sink: RefCell<Option<Weak<dyn Sink>>>,
    /// Frames that wait, those first that are due first.
    delayed: RefCell<VecDeque<Delayed>>,
    delay_ns: u64,
    /// Rings when frames wait.
    bell: Bell,
}

/// A copy of a frame that goes on later.
struct Delayed {
    due_ns: u64,
    direction: Direction,
    frame: Batch,
}

impl Wire {
    /// An empty one.
    pub fn new(cx: &mut Cx<'_, New<UnreliableLink>>, delay_ns: u64) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = OwnShare::new(needs.packets.share(cx, BUFFERS)?)?;
        let bell = Bell::new(cx, &needs.signals)?;
        let (sink, delayed) = Default::default();
        Ok(Wire { packets, share, sink, delayed, delay_ns, bell })
    }

    /// Frames that arrive are for this one from now on.
    pub fn serve(&self, sink: Weak<dyn Sink>) {
        self.sink.replace(Some(sink));
    }

    /// Where to wait for frames that are delayed.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// When the first frame that waits is due.
    pub fn first_due_ns(&self) -> Option<u64> {
        self.delayed.borrow().front().map(|first| first.due_ns)
    }

    /// Lets copies of frames wait. Where there is nothing to copy them to they are lost, as they may be.
    pub fn delay(&self, cx: &mut Cx<'_, UnreliableLink>, direction: Direction, frames: &Batch) {
        let copies = self.copies(cx, frames);
        let Ok(now_ns) = cx.req().clock.now_ns() else { return };
        let due_ns = now_ns + self.delay_ns;
        let any = !copies.is_empty();
        let waiting = copies.into_iter().map(|frame| Delayed { due_ns, direction, frame });
        self.delayed.borrow_mut().extend(waiting);
        if any {
            // Without it they go on together with those that are delayed next.
            self.bell.ring().ok();
        }
    }

    /// Copies of frames, each as a batch, of those for which there are buffers.
    pub fn copies<S>(&self, cx: &mut Cx<'_, S>, frames: &Batch) -> Vec<Batch> {
        frames.packets().map_while(|frame| cx.scope(|cx| self.copy(cx, frame))).collect()
    }

    fn copy<S>(&self, cx: &mut Cx<'_, S>, frame: &[Packet]) -> Option<Batch> {
        let fresh = self.share.take(cx, frame.len()).ok()?;
        let copy = self.fill(&fresh, frame);
        if copy.is_err() {
            self.share.give(cx, &fresh).ok();
        }
        copy.ok()
    }

    /// Copies the pieces of a frame to buffers, each to where it was in its own.
    fn fill(&self, buffers: &Indices, frame: &[Packet]) -> Result<Batch, Bad> {
        if buffers.len() < frame.len() {
            return Err(Bad);
        }
        let mut copy = Batch::new();
        for (piece, buffer) in frame.iter().zip(buffers.as_slice()) {
            let mut bytes = vec![0; piece.bytes.into()];
            self.packets.read(piece, 0, &mut bytes)?;
            let piece = Packet { buffer: *buffer, ..*piece };
            self.packets.write(&piece, 0, &bytes)?;
            copy.push(piece)?;
        }
        Ok(copy)
    }

    /// Hands frames that have arrived to whoever is served.
    pub fn deliver<S>(&self, cx: &mut Cx<'_, S>, frames: &Batch) -> Result<(), SinkError> {
        let sink = self.sink.borrow().as_ref().map(|sink| sink.upgrade(cx)).transpose()?;
        sink.map_or(Ok(()), |sink| sink.deliver(cx, frames.as_bytes()))
    }

    /// Hands a copy on, and gives its buffers back. What finds nobody, or no room, is lost.
    pub fn hand_on<S>(&self, cx: &mut Cx<'_, S>, direction: Direction, frame: &Batch)
    where
        S: Object<Root = UnreliableLink>,
    {
        cx.scope(|cx| {
            match direction {
                Direction::Up => drop(self.deliver(cx, frame)),
                Direction::Down => drop(cx.req().link.send(cx, frame.as_bytes())),
            }
            self.share.give(cx, &Indices::of(frame.records())).ok();
        });
    }

    /// Hands the frame on that waits first.
    pub fn hand_on_first<S>(&self, cx: &mut Cx<'_, S>)
    where
        S: Object<Root = UnreliableLink>,
    {
        let first = self.delayed.borrow_mut().pop_front();
        if let Some(Delayed { direction, frame, .. }) = first {
            self.hand_on(cx, direction, &frame);
        }
    }
}
