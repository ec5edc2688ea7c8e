//! Bytes and the end of the other side's stream arrive; when to acknowledge them, and which window to offer.

use super::{Connection, Events, Reply, State};
use crate::{
    joining::Together,
    output::Output,
    piece::{self, Piece},
    reassembly::Arrival,
    segment::Segment,
    sequence::{Range, Sequence},
    settings::{LARGEST_SEGMENT_BYTES, Settings},
    time::NEVER_NS,
};

/// Full segments after which an acknowledgment does not wait (RFC 9293, section 3.8.6.3).
const UNANSWERED_SEGMENTS: u32 = 2;
/// Acknowledgments that are sent together at most: as many as a sender waits for that counts them (RFC 5681, section 3.2).
pub(super) const TOGETHER: u8 = 3;

/// Full segments for which there would be two acknowledgments if they came one at a time.
const TWICE_UNANSWERED_SEGMENTS: u32 = 2 * UNANSWERED_SEGMENTS;
/// Acknowledgments for which it counts that something was lost: some more than a window of a hundred segments has.
const DOUBTED: u8 = 64;

/// Whether the other side waits for an acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// It does not.
    Nothing,
    /// It may come with something else, until the deadline.
    Later,
    /// At once, so many times: a sender may count them.
    Now(u8),
}

impl<B: Copy> Connection<B> {
    /// Section 3.10.7.4, seventh and eighth: payload and FIN of a segment that passed the checks.
    pub(super) fn take_payload(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        segment: &Segment,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) -> Reply {
        let bytes = piece::bytes(pieces);
        let end = segment.sequence + bytes;
        let is_new = bytes > 0 && end.after(self.received.next());
        if is_new && self.wishes.deaf && self.state.receives() {
            // Nobody will ever read it, and the other side must know that (RFC 9293, section 3.6.1).
            pieces.iter().for_each(|piece| output.release(piece.buffer));
            self.abort(now_ns, output);
            return Reply::Nothing;
        }
        if !self.state.receives() || self.received.pieces() >= settings.receive_pieces {
            return self.refuse_payload(pieces, output);
        }
        self.counters.bytes_in += u64::from(bytes);
        self.fullness.note(bytes, pieces.len());
        self.take_pieces(settings, now_ns, segment.sequence, pieces, output);
        if is_new {
            self.silent_at = self.next;
        }
        if segment.finish && !end.after(self.window_end) && !end.before(self.received.next()) {
            self.finish = Some(end);
        }
        self.take_finish(settings, now_ns);
        Reply::Nothing
    }

    /// How much may be handed over as one segment that begins as `segment` does: what nothing has arrived of, as far as the window goes, if nothing is sent again for which
    /// acknowledgments are counted. Behind a gap there is room for so many pieces.
    pub fn together(
        &self,
        settings: &Settings,
        segment: &Segment,
        room_behind_gaps: usize,
    ) -> Together {
        let Segment { sequence, .. } = *segment;
        let is_usual = self.state.receives()
            && !sequence.before(self.received.next())
            && self.finish.is_none()
            && self.recovery.is_none()
            && !self.wishes.deaf;
        let end = self.received.missing_from(sequence).unwrap_or(self.window_end);
        let end = end.min(self.window_end);
        if !is_usual || !end.after(sequence) {
            return Together::default();
        }
        let room = settings.receive_pieces.saturating_sub(self.received.pieces());
        let is_behind_gap = sequence.after(self.received.next());
        let pieces = if is_behind_gap { room.min(room_behind_gaps) } else { room };
        Together { bytes: end - sequence, pieces }
    }

    /// Forgets payload for which there is no room, as if it were lost; but the other side hears at once what is waited for.
    pub(super) fn refuse_payload(
        &mut self,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) -> Reply {
        pieces.iter().for_each(|piece| output.release(piece.buffer));
        if !pieces.is_empty() {
            self.owe_another();
        }
        Reply::Nothing
    }

    fn take_pieces(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        start: Sequence,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) {
        let limit = self.finish.unwrap_or(self.window_end);
        let mut position = start;
        let ready_bytes = self.received.ready_bytes();
        let mut in_order = false;
        for piece in pieces {
            let length = piece.length;
            if length == 0 {
                output.release(piece.buffer);
                continue;
            }
            let room = if position.before(limit) { limit - position } else { 0 };
            let arrival = match room.min(length) {
                0 => {
                    output.release(piece.buffer);
                    // Beyond the window; the answer says how far it goes.
                    Arrival::Duplicate
                }
                fits => self.received.insert(position, piece.first(fits), output),
            };
            match arrival {
                Arrival::InOrder => in_order = true,
                arrival => {
                    self.owe_for_order(settings, now_ns, &mut in_order);
                    self.owe_for(arrival, Range::new(position, length));
                }
            }
            position += length;
        }
        self.owe_for_order(settings, now_ns, &mut in_order);
        if self.received.ready_bytes() > ready_bytes {
            self.events.insert(Events::READABLE);
        }
    }

    /// Notes what is owed for bytes that came `in_order`, if any did, with nothing missing. That is looked at for all of them together: the more there are the more is owed.
    fn owe_for_order(&mut self, settings: &Settings, now_ns: u64, in_order: &mut bool) {
        if !core::mem::take(in_order) {
            return;
        }
        let unanswered = self.received.next() - self.acknowledged;
        let segment_bytes = u32::from(self.segment_bytes);
        let several = unanswered >= UNANSWERED_SEGMENTS * segment_bytes;
        if self.doubted > 0 && unanswered >= TWICE_UNANSWERED_SEGMENTS * segment_bytes {
            self.owe_twice();
        } else if several || self.is_waited_for() {
            self.owe(Owed::Now(1));
        } else if self.owed == Owed::Nothing {
            self.owed = Owed::Later;
            self.deadlines.acknowledgment_ns = now_ns + settings.delayed_acknowledgment_ns;
        }
    }

    /// The same for another piece.
    fn owe_for(&mut self, arrival: Arrival, range: Range) {
        match arrival {
            Arrival::InOrder => (),
            Arrival::ClosedGap => self.owe_twice(),
            Arrival::BehindGap => {
                self.doubted = DOUBTED;
                self.owe_another();
            }
            Arrival::Duplicate => {
                let known = !range.end.after(self.received.next());
                match known || self.received.has_gap() {
                    true => self.report_duplicate(range),
                    false => self.owe_another(),
                }
            }
        }
    }

    /// Whether the other side may be waiting for the acknowledgment of a segment. It is where only it talks, so that no payload of this side's comes in between,
    /// and has made a pause: then the answers to all that it has sent may have been lost, and it asks by one segment whether they were (RFC 8985, section 7.3).
    fn is_waited_for(&self) -> bool {
        self.resumed && self.silent_at == self.next
    }

    fn take_finish(&mut self, settings: &Settings, now_ns: u64) {
        if self.finish != Some(self.received.next()) {
            return;
        }
        self.finish = None;
        self.received.pass_finish();
        self.owe(Owed::Now(1));
        self.events.insert(Events::READABLE);
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.wait_before_forgetting(settings, now_ns),
            _ => (),
        }
    }

    /// Notes that an acknowledgment is due.
    pub(super) fn owe(&mut self, owed: Owed) {
        match (self.owed, owed) {
            (Owed::Now(_), _) => (),
            _ => self.owed = owed,
        }
    }

    /// Notes one more that the other side may count.
    fn owe_another(&mut self) {
        self.owed = match self.owed {
            Owed::Now(count) => Owed::Now((count + 1).min(TOGETHER)),
            _ => Owed::Now(1),
        };
    }

    /// Notes that an acknowledgment is due which must not be lost. Others would follow it soon if each segment were answered by itself; but of a batch that brings a
    /// whole window it may be the only one, and then nothing goes on before the other side asks.
    fn owe_twice(&mut self) {
        self.owed = match self.owed {
            Owed::Now(count) => Owed::Now(count.max(2)),
            _ => Owed::Now(2),
        };
    }

    /// The acknowledgment is sent.
    pub(super) fn settle(&mut self) {
        self.owed = Owed::Nothing;
        self.acknowledged = self.received.next();
        self.deadlines.acknowledgment_ns = NEVER_NS;
        self.doubted = self.doubted.saturating_sub(1);
        self.duplicates.rotate_left(1);
        self.duplicates[self.duplicates.len() - 1] = None;
    }

    /// Notes an acknowledgment that says what arrived twice: one for each, because it has room for one, and a sender undoes what it did about a loss only if
    /// all that it sent again is known to have arrived twice (RFC 2883, section 4; RFC 3708).
    pub(super) fn report_duplicate(&mut self, range: Range) {
        self.counters.duplicates += 1;
        if let Some(place) = self.duplicates.iter_mut().find(|place| place.is_none()) {
            *place = Some(range);
        }
        self.owe_another();
    }

    /// Decides how large the window may be, one of so many `connections`, where bytes come to so many others at this time and so many pieces are left. Whether it stays closed
    /// for want of room, although there would be enough to send a segment.
    pub fn limit_window(
        &mut self,
        settings: &Settings,
        (others, left): (usize, usize),
        connections: usize,
    ) -> bool {
        let piece_bytes = u64::from(self.likely_piece_bytes(settings));
        let segment_bytes = u64::from(self.segment_bytes);
        let bytes = |pieces: usize| pieces as u64 * piece_bytes;
        let part = |count: usize| bytes(settings.window_pieces / count.max(1));
        // All of them may begin at the same time. Behind a little there is room for a segment still.
        let first = part(2 * connections)
            .max(segment_bytes + segment_bytes / 4)
            .min(settings.first_window_bytes.into());
        let wanted = first + 2 * self.counters.bytes_in;
        let wanted = wanted.min(part(others + 1).max(2 * segment_bytes));
        let wanted = wanted.min(settings.receive_bytes.into()) as u32;
        let ready = self.received.ready_bytes();
        // Whoever has been sent nothing yet may begin.
        let room = if self.counters.bytes_in == 0 {
            wanted
        } else {
            bytes(left).min(u64::from(u32::MAX)) as u32
        };
        let step = u32::from(self.segment_bytes).min(wanted / 2).max(1);
        self.window_step = step;
        self.window_bytes = wanted.min(ready.saturating_add(room));
        let next = self.received.next();
        let gain = |window: u32| {
            let end = next + window.saturating_sub(ready);
            if end.after(self.window_end) { end - self.window_end } else { 0 }
        };
        self.state.receives()
            && self.open_window() < step
            && gain(wanted) >= step
            && gain(self.window_bytes) < step
    }

    /// Opens the window as far as it may be, and lets the other side know.
    pub fn open_window_now(&mut self) {
        if self.state.receives() && self.window_gain() >= self.window_step {
            self.window_end = self.possible_window_end();
            self.owe(Owed::Now(1));
        }
    }

    /// Pieces that the window lets come, and those that are held. For less than half of one nobody sends a segment.
    pub fn claim(&self, settings: &Settings) -> (usize, usize) {
        let open = if self.state.receives() { self.open_window() } else { 0 };
        let piece_bytes = self.likely_piece_bytes(settings);
        (((open + piece_bytes / 2) / piece_bytes) as usize, self.received.pieces())
    }

    /// Bytes that a piece will have: as many as those had that arrived lately, but no less than those of a full segment.
    fn likely_piece_bytes(&self, settings: &Settings) -> u32 {
        let segment_bytes = settings.piece_bytes.min(self.segment_bytes.into());
        self.fullness.piece_bytes().min(settings.piece_bytes).max(segment_bytes).max(1)
    }

    /// What is left of the window that was offered last.
    fn open_window(&self) -> u32 {
        let next = self.received.next();
        if self.window_end.after(next) { self.window_end - next } else { 0 }
    }

    /// The window as it stands in the next header. Its end never goes back, and forward only in steps that are worth
    /// a segment (RFC 9293, section 3.8.6.2.2), or the sender would be led to send small ones.
    pub(super) fn offer(&mut self, opening: bool) -> u16 {
        if self.window_gain() >= self.least_gain() {
            self.window_end = self.possible_window_end();
        }
        let (next, window) = (self.received.next(), self.open_window());
        let shift = match self.agreement.scales {
            Some((_, ours)) if !opening => ours,
            _ => 0,
        };
        // Rounded up, because the end does not go back.
        let named = window.div_ceil(1 << shift).min(0xffff);
        if !opening {
            self.window_end = self.window_end.max(next + (named << shift));
        }
        named as u16
    }

    /// Whether reading has made so much room that the other side should know: half of all, or less where nothing is left to read before more comes.
    pub(crate) fn should_tell_window(&self) -> bool {
        if !self.state.receives() {
            return false;
        }
        let is_used_up = self.open_window() < 2 * u32::from(self.segment_bytes);
        let worth = if is_used_up && self.all_is_read() { 0 } else { self.window_bytes / 2 };
        self.window_gain() >= worth.max(self.least_gain())
    }

    /// By how much the window has to grow to be offered. As long as there is something to read that is more than a segment: a sender that is quicker than the reader would be led to send
    /// as much as was read last, each time, and so little costs about as much as the largest segment.
    fn least_gain(&self) -> u32 {
        let largest = if self.all_is_read() { 0 } else { LARGEST_SEGMENT_BYTES };
        largest.min(self.window_bytes / 4).max(self.window_step)
    }

    /// Whether nothing waits for the reader.
    fn all_is_read(&self) -> bool {
        self.received.ready_bytes() == 0
    }

    fn possible_window_end(&self) -> Sequence {
        let room = self.window_bytes.saturating_sub(self.received.ready_bytes());
        self.received.next() + room
    }

    fn window_gain(&self) -> u32 {
        let possible = self.possible_window_end();
        if possible.after(self.window_end) { possible - self.window_end } else { 0 }
    }
}
