//! A segment arrives: for a connection, for a listener, or for nobody.

use core::net::IpAddr;

use super::{Engine, cookies};
use crate::{
    connection::{Connection, Reply, State},
    flow::Flow,
    joining::Together,
    output::{Outgoing, Output},
    piece::{self, Piece},
    segment::Segment,
    sequence::Sequence,
    settings::Path,
};

impl<B: Copy> Engine<B> {
    /// A segment from `remote` to `local` arrived with the payload in `pieces`, which become the engine's. `path` is the way back.
    ///
    /// Its checksum is right. Addresses of many receivers have no connections, and whoever calls this drops what is for them.
    pub fn receive(
        &mut self,
        now_ns: u64,
        (local, remote): (IpAddr, IpAddr),
        path: &Path,
        segment: &Segment,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) {
        self.totals.segments_in += 1;
        let flow = Flow::of(segment, local, remote);
        match self.table.find(&self.secrets, &flow) {
            Some(slot) if !self.is_replaced(slot, segment) => {
                self.deliver(now_ns, slot, segment, pieces, output);
            }
            old => {
                if let Some(slot) = old {
                    self.remove(slot, output);
                }
                self.receive_unknown(now_ns, &flow, path, segment, pieces, output);
            }
        }
    }

    /// How much of what comes behind `segment`, and with it, may be handed over as one segment with its header, if each [goes on](crate::goes_on) with the one before: nothing,
    /// unless it is the same to the connection as if they came one by one.
    pub fn together(&mut self, (local, remote): (IpAddr, IpAddr), segment: &Segment) -> Together {
        let slot = self.table.find(&self.secrets, &Flow::of(segment, local, remote));
        let Some(entry) = slot.and_then(|slot| self.table.at(slot)) else {
            return Together::default();
        };
        let room = self.settings.island_pieces.saturating_sub(self.islands);
        entry.connection.together(&self.settings, segment, room)
    }

    /// Whether a SYN begins a new connection in the place of one that only answers late segments (RFC 9293, section 3.10.7.4; RFC 6191).
    fn is_replaced(&mut self, slot: u32, segment: &Segment) -> bool {
        let opening = segment.synchronize && !segment.reset && segment.acknowledgment.is_none();
        opening
            && self
                .table
                .at(slot)
                .is_some_and(|entry| !entry.used && entry.connection.can_be_replaced(segment))
    }

    fn deliver(
        &mut self,
        now_ns: u64,
        slot: u32,
        segment: &Segment,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) {
        let Some(entry) = self.table.at(slot) else { return };
        if !pieces.is_empty() {
            self.crowd.meet(now_ns, &mut entry.claim);
        }
        let was_opening = entry.connection.state() == State::SynReceived;
        let room = self.islands < self.settings.island_pieces;
        let reply = entry.connection.receive(&self.settings, now_ns, segment, pieces, room, output);
        let opened = was_opening && entry.connection.was_established();
        if reply == Reply::Reset {
            let flow = *entry.connection.flow();
            self.reset(&flow, segment, piece::bytes(pieces), output);
        }
        if opened {
            self.line_up(slot);
        }
        self.follow_up(slot, output);
    }

    /// A connection is open, and waits to be accepted.
    fn line_up(&mut self, slot: u32) {
        let name = self.table.name(slot);
        let place = self.table.at(slot).and_then(|entry| entry.listener);
        if let Some(listener) = place.and_then(|place| self.listeners.get_mut(place)) {
            listener.opening = listener.opening.saturating_sub(1);
            listener.arrivals.connections += 1;
            listener.waiting.push_back(name);
            self.lined_up = true;
        }
    }

    fn receive_unknown(
        &mut self,
        now_ns: u64,
        flow: &Flow,
        path: &Path,
        segment: &Segment,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) {
        let opened = match self.listeners.find(flow.local_port, flow.local) {
            _ if segment.reset => None,
            Some(_) if segment.acknowledgment.is_none() && !segment.synchronize => None,
            Some(place) if segment.acknowledgment.is_some() && !segment.synchronize => {
                self.complete(now_ns, flow, path, segment, place, output)
            }
            Some(place) if segment.acknowledgment.is_none() => {
                self.begin(now_ns, flow, path, segment, place, output);
                None
            }
            _ => {
                self.reset(flow, segment, piece::bytes(pieces), output);
                None
            }
        };
        match opened {
            Some(slot) => self.deliver(now_ns, slot, segment, pieces, output),
            None => pieces.iter().for_each(|piece| output.release(piece.buffer)),
        }
    }

    /// A SYN came to a listener.
    fn begin(
        &mut self,
        now_ns: u64,
        flow: &Flow,
        path: &Path,
        segment: &Segment,
        place: super::Listening,
        output: &mut impl Output<B>,
    ) {
        let has_room = self.make_room(output);
        let Some(listener) = self.listeners.get_mut(place) else { return };
        if listener.is_full() {
            // The other side sends it again, and perhaps there is room by then.
            listener.arrivals.dropped += 1;
            return;
        }
        if listener.opening >= listener.backlog || !has_room {
            listener.arrivals.cookies += 1;
            self.totals.cookies_out += 1;
            let header =
                cookies::answer(&self.secrets, &self.settings, now_ns, flow, path, segment);
            output.send(Outgoing::bare(flow, header));
            return;
        }
        listener.opening += 1;
        let (first, clock) = (self.secrets.first(flow, now_ns), self.secrets.clock(flow));
        let connection =
            Connection::answer(&self.settings, now_ns, *flow, *path, segment, first, clock);
        let name = self.insert(connection, Some(place), output);
        self.follow_up(name.slot, output);
    }

    /// An acknowledgment came to a listener: perhaps of a cookie. Returns the new connection.
    fn complete(
        &mut self,
        now_ns: u64,
        flow: &Flow,
        path: &Path,
        segment: &Segment,
        place: super::Listening,
        output: &mut impl Output<B>,
    ) -> Option<u32> {
        let Some(agreement) = cookies::check(&self.secrets, &self.settings, now_ns, flow, segment)
        else {
            self.reset(flow, segment, 0, output);
            return None;
        };
        let has_room = self.make_room(output);
        let listener = self.listeners.get_mut(place)?;
        if listener.is_full() || !has_room {
            listener.arrivals.dropped += 1;
            return None;
        }
        listener.arrivals.connections += 1;
        let clock = self.secrets.clock(flow);
        let connection = Connection::resume(now_ns, *flow, *path, segment, agreement, clock);
        let name = self.insert(connection, Some(place), output);
        self.listeners.get_mut(place)?.waiting.push_back(name);
        self.lined_up = true;
        Some(name.slot)
    }

    /// Whether there may be another connection.
    pub(super) fn make_room(&mut self, output: &mut impl Output<B>) -> bool {
        self.table.len() < self.settings.connections || self.forget_oldest_waiting(output)
    }

    /// Answers a segment that belongs to no connection (RFC 9293, section 3.10.7.1).
    fn reset(&mut self, flow: &Flow, segment: &Segment, payload: u32, output: &mut impl Output<B>) {
        if segment.reset {
            return;
        }
        self.totals.resets_out += 1;
        let (sequence, acknowledgment) = match segment.acknowledgment {
            Some(position) => (position, None),
            None => (Sequence(0), Some(segment.sequence + segment.length(payload))),
        };
        let header = Segment {
            source_port: flow.local_port,
            destination_port: flow.remote_port,
            sequence,
            acknowledgment,
            reset: true,
            ..Segment::default()
        };
        output.send(Outgoing::bare(flow, header));
    }
}
