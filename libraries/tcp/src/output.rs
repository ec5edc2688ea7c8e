//! What comes out of the engine.

use crate::{flow::Flow, piece::Piece, segment::Segment, sending::Payload};

/// Takes what the engine has to say. It is called while the engine works, and so cannot call the engine.
pub trait Output<B> {
    /// Takes a segment to send it. Whoever sends it later, or lets a device read the payload, becomes a holder of these buffers before
    /// returning: an acknowledgment may release them although the device has not come to them yet.
    fn send(&mut self, segment: Outgoing<'_, B>);

    /// Takes a buffer back that a piece stood for which had arrived.
    fn release(&mut self, buffer: B);

    /// Takes a buffer back that was written. Segments that were handed to [`Output::send`] may still name it, if another was sent for the same bytes before.
    fn acknowledged(&mut self, buffer: B) {
        self.release(buffer);
    }

    /// A connection is kept from now on.
    fn opened(&mut self, _flow: &Flow) {}

    /// Nothing of a connection is kept any longer: another one may have its ports.
    fn forgotten(&mut self, _flow: &Flow) {}

    /// Whether there is room for another segment. If not, the engine keeps the rest until the next [`Engine::transmit`](crate::Engine::transmit).
    fn has_room(&self) -> bool {
        true
    }
}

/// A segment that is to be sent.
#[derive(Debug)]
pub struct Outgoing<'a, B> {
    /// From where to where, from this side's view.
    pub flow: &'a Flow,
    /// The header. If the payload is longer than `segment_bytes`, each part gets this header with its own sequence number,
    /// and only the last one PSH and FIN: what devices call segmentation offload.
    pub header: Segment,
    /// The payload, in ranges of the sender's buffers.
    pub payload: Payload<'a, B>,
    /// The most payload bytes of a segment on the wire.
    pub segment_bytes: u16,
    /// Whether routers of IPv4 are not to cut it. One that can pass it on only in parts is to say so, for [`Engine::narrow`](crate::Engine::narrow).
    pub whole: bool,
}

impl<'a, B: Copy> Outgoing<'a, B> {
    /// A segment without payload, of no connection that is kept.
    pub fn bare(flow: &'a Flow, header: Segment) -> Self {
        Outgoing { flow, header, payload: Payload::empty(), segment_bytes: 0, whole: true }
    }

    /// The pieces of the payload, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<B>> {
        self.payload.clone()
    }
}
