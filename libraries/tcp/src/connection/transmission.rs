//! What to send now: what was lost, then what is new, then what is owed.

use super::{Connection, State, payload::Owed, timers::Question};
use crate::{
    flow::Flow,
    output::{Outgoing, Output},
    segment::{Options, Segment, Timestamps},
    sending::Payload,
    sequence::{Range, Sequence},
    time::MILLISECOND_NS,
};

/// Segments that are answered at once (RFC 9293, section 3.8.6.3).
const ANSWERED_SEGMENTS: u32 = 2;
/// An answer that comes within so long is near: what waits for it is not seen to wait.
const NEAR_NS: u64 = 5 * MILLISECOND_NS;

/// Why nothing more is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// There is nothing.
    Nothing,
    /// The other side has no room, or so little that it is not worth a segment.
    ByWindow,
    /// Enough is on the way.
    ByCongestion,
    /// A small segment waits until the one before is acknowledged (Nagle's algorithm), or for more to go with it.
    Small,
}

impl<B: Copy> Connection<B> {
    /// Sends what is due, as far as `output` has room.
    pub fn transmit(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        if self.state == State::Closed {
            return;
        }
        self.restart_after_silence(now_ns);
        self.send_lost(now_ns, output);
        let held = match self.state {
            State::SynSent | State::SynReceived => self.send_opening(now_ns, output),
            _ if self.question == Question::End => self.send_end_again(now_ns, output),
            _ => self.send_new(now_ns, output),
        };
        self.limited = held == Held::ByCongestion;
        self.send_question(now_ns, output);
        self.send_acknowledgment(now_ns, output);
        self.arm(now_ns, held);
    }

    /// What was lost is sent again, as far as the congestion window allows.
    fn send_lost(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        while output.has_room()
            && let Some(lost) = self.scoreboard.first_lost()
        {
            let segment_bytes = u32::from(self.segment_bytes);
            let room = self.congestion_room();
            let opening = lost.start == self.first;
            if room < lost.length().min(segment_bytes) && !opening {
                return;
            }
            let length = lost.length().min(self.whole_segments(room.max(1)));
            let range = self.emit(now_ns, Range::new(lost.start, length), output);
            self.scoreboard.resend(range, now_ns);
            self.counters.bytes_again += u64::from(range.length());
            let stamp = self.clock(now_ns);
            if let Some(recovery) = &mut self.recovery {
                recovery.sent_again(range.length(), stamp);
            }
        }
    }

    fn send_opening(&mut self, now_ns: u64, output: &mut impl Output<B>) -> Held {
        if self.next == self.first && output.has_room() {
            self.send_for_the_first_time(now_ns, 1, output);
        }
        Held::Nothing
    }

    /// Sends what was not sent before, as far as both windows allow.
    fn send_new(&mut self, now_ns: u64, output: &mut impl Output<B>) -> Held {
        // What was written when nothing was on the way is sent whole: it is answered together.
        let may_wait = !self.scoreboard.is_empty();
        loop {
            let unsent = self.unsent();
            if unsent == 0 {
                return Held::Nothing;
            }
            let finish = u32::from(self.wishes.finish);
            if unsent == finish {
                // Only the end is left. It takes no room.
                if output.has_room() {
                    self.send_for_the_first_time(now_ns, 1, output);
                }
                return Held::Nothing;
            }
            let bytes = match self.allowed(unsent - finish, may_wait) {
                Ok(bytes) => bytes,
                Err(held) => return held,
            };
            if !output.has_room() {
                return Held::Nothing;
            }
            let all = bytes == unsent - finish;
            let length = if all { unsent } else { bytes };
            self.send_for_the_first_time(now_ns, length, output);
        }
    }

    /// How many of `unsent` bytes may be sent in one segment now. Less than the device takes at a time is not if it `may_wait`, and does.
    fn allowed(&self, unsent: u32, may_wait: bool) -> Result<u32, Held> {
        let (window, congestion) = (self.window_room(), self.congestion_room());
        let segment_bytes = u32::from(self.segment_bytes);
        let most = self.whole_segments(u32::MAX);
        let room = window.min(congestion).min(most);
        if room.min(unsent) < most && may_wait && self.may_wait_for_more(most) {
            return Err(match room {
                room if unsent <= room => Held::Small,
                room if room == congestion => Held::ByCongestion,
                _ => Held::ByWindow,
            });
        }
        if room >= unsent && (unsent.is_multiple_of(segment_bytes) || self.may_be_small()) {
            return Ok(unsent);
        }
        let whole = room.min(unsent) / segment_bytes * segment_bytes;
        match whole {
            0 if room >= unsent => Err(Held::Small),
            0 if congestion <= window => Err(Held::ByCongestion),
            // RFC 9293, section 3.8.6.2.1: a window that was never larger than a few segments is worth sending to.
            0 if window >= (self.largest_window / 2).max(1) => Ok(window.min(unsent)),
            0 => Err(Held::ByWindow),
            whole => Ok(whole),
        }
    }

    /// Nagle's algorithm, as Minshall changed it: only one small segment is on the way.
    fn may_be_small(&self) -> bool {
        let small_on_the_way = self.small_end.after(self.unacknowledged);
        self.wishes.no_delay || self.wishes.finish || !small_on_the_way
    }

    /// Whether less than the device takes at a time, which is `most`, waits for more: so much is on the way that the other side answers at once, and the answer, by which it
    /// would be sent at last, is near. Otherwise small segments would be answered by acknowledgments that make room for small segments.
    fn may_wait_for_more(&self, most: u32) -> bool {
        let segment_bytes = u32::from(self.segment_bytes);
        most > segment_bytes
            && self.scoreboard.on_the_way() >= ANSWERED_SEGMENTS * segment_bytes
            && self.round_trip.smoothed_ns().is_some_and(|smoothed_ns| smoothed_ns <= NEAR_NS)
            && self.recovery.is_none()
            && !self.wishes.no_delay
            && !self.wishes.finish
    }

    /// RFC 8985, section 7.3: sends something, so that the other side says whether the end of the stream has arrived. Of what was not sent before these are two
    /// segments, because one that follows all others may be acknowledged late: the answer would come after tens of round trips instead of one.
    fn send_end_again(&mut self, now_ns: u64, output: &mut impl Output<B>) -> Held {
        self.question = Question::None;
        let segment_bytes = u32::from(self.segment_bytes);
        let before = self.next;
        for _ in 0..ANSWERED_SEGMENTS {
            let unsent = self.unsent().min(segment_bytes).min(self.window_room());
            if unsent > 0 {
                self.send_for_the_first_time(now_ns, unsent, output);
                self.probe = Some((self.next, false));
            }
        }
        if self.next == before
            && let Some(last) = self.scoreboard.last_part(segment_bytes)
        {
            let range = self.emit(now_ns, last, output);
            self.scoreboard.resend(range, now_ns);
            self.counters.bytes_again += u64::from(range.length());
            self.probe = Some((self.next, true));
        }
        self.counters.end_probes += 1;
        Held::Nothing
    }

    /// Sends a segment that the other side must answer, because it lies before its window (RFC 9293, sections 3.8.4 and 3.8.6.1).
    fn send_question(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        match core::mem::replace(&mut self.question, Question::None) {
            Question::None | Question::End => (),
            Question::Room if self.window_room() > 0 && self.unsent() > 0 => {
                let length =
                    self.unsent().min(self.window_room()).min(u32::from(self.segment_bytes));
                self.send_for_the_first_time(now_ns, length, output);
            }
            Question::Room | Question::Life => {
                let before = self.unacknowledged - 1;
                self.emit(now_ns, Range::new(before, 0), output);
            }
        }
    }

    fn send_acknowledgment(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        if !self.state.is_synchronized() {
            return;
        }
        if self.should_tell_window() {
            self.owe(Owed::Now(1));
        }
        let Owed::Now(count) = self.owed else { return };
        for _ in 0..count {
            if output.has_room() {
                self.emit(now_ns, Range::new(self.next, 0), output);
            }
        }
    }

    fn send_for_the_first_time(&mut self, now_ns: u64, length: u32, output: &mut impl Output<B>) {
        let range = self.emit(now_ns, Range::new(self.next, length), output);
        if self.scoreboard.is_empty() {
            self.deadlines.since_ns = now_ns;
        }
        self.scoreboard.push(range, now_ns);
        self.next = range.end;
        if !range.length().is_multiple_of(u32::from(self.segment_bytes)) {
            self.small_end = range.end;
        }
        self.counters.bytes_out += u64::from(range.length());
        if let Some(recovery) = &mut self.recovery {
            recovery.sent(range.length());
        }
    }

    /// Sends one segment with what is in `range`, or the first part of it. Returns that part.
    fn emit(&mut self, now_ns: u64, range: Range, output: &mut impl Output<B>) -> Range {
        let opening = range.start == self.first && range.length() > 0;
        let mut header = self.header(now_ns, range.start, opening);
        let (stream_end, wishes_finish) = (self.queue.end(), self.wishes.finish);
        let pieces = self.path.offload_pieces.max(1);
        let payload = match opening || range.length() == 0 {
            true => Payload::empty(),
            false => self.queue.payload(range, pieces),
        };
        let bytes = payload.bytes();
        let end = range.start + bytes + u32::from(opening);
        header.push = bytes > 0 && end == stream_end;
        header.finish = wishes_finish && end == stream_end && range.end.after(stream_end);
        let sent = Range { start: range.start, end: end + u32::from(header.finish) };
        self.counters.segments_out += 1;
        output.send(Outgoing {
            flow: &self.flow,
            header,
            payload,
            segment_bytes: self.segment_bytes,
            whole: !self.is_unheard,
        });
        self.deadlines.sent_ns = now_ns;
        self.settle();
        sent
    }

    pub(super) fn header(&mut self, now_ns: u64, sequence: Sequence, opening: bool) -> Segment {
        let knows_other = self.state != State::SynSent;
        let options = match opening {
            true => self.opening_options(now_ns),
            false => self.options(now_ns),
        };
        let Flow { local_port, remote_port, .. } = self.flow;
        Segment {
            source_port: local_port,
            destination_port: remote_port,
            sequence,
            acknowledgment: knows_other.then(|| self.received.next()),
            synchronize: opening,
            window: self.offer(opening),
            options,
            ..Segment::default()
        }
    }

    fn options(&self, now_ns: u64) -> Options {
        let stamps = Timestamps { value: self.clock(now_ns), echo: self.stamps.recent };
        let [duplicate, ..] = self.duplicates;
        let says_blocks =
            self.agreement.selective && (self.received.has_gap() || duplicate.is_some());
        Options {
            timestamps: self.agreement.stamped.then_some(stamps),
            blocks: if says_blocks { self.received.report(duplicate) } else { Default::default() },
            ..Options::default()
        }
    }

    /// This side's clock, in milliseconds (RFC 7323, section 4.1).
    pub(super) fn clock(&self, now_ns: u64) -> u32 {
        ((now_ns / MILLISECOND_NS) as u32).wrapping_add(self.stamps.offset)
    }

    /// How many of `bytes` to write so that what is to be sent leaves in segments as long as the device takes: all, if they do not fill one. What is left of the last of
    /// them would leave by itself, and be answered by itself.
    pub fn filling(&self, bytes: u32) -> u32 {
        let most = self.whole_segments(u32::MAX);
        let rest = (self.unsent() + bytes) % most;
        if most > u32::from(self.segment_bytes) && rest < bytes { bytes - rest } else { bytes }
    }

    /// Positions that were not sent yet: bytes, and the end if nothing more is written.
    pub(super) fn unsent(&self) -> u32 {
        let end = self.queue.end() + u32::from(self.wishes.finish);
        if self.state.sends() && end.after(self.next) { end - self.next } else { 0 }
    }

    /// Whether FIN was sent.
    pub(super) fn finish_was_sent(&self) -> bool {
        self.wishes.finish && self.next.after(self.queue.end())
    }

    fn window_room(&self) -> u32 {
        let end = self.unacknowledged + self.window;
        if end.after(self.next) { end - self.next } else { 0 }
    }

    fn congestion_room(&self) -> u32 {
        self.congestion.window().saturating_sub(self.scoreboard.on_the_way())
    }

    /// The largest multiple of a segment that fits into `room` and into what the device takes; at least a segment.
    fn whole_segments(&self, room: u32) -> u32 {
        let segment_bytes = u32::from(self.segment_bytes);
        let room = room.min(self.path.offload_bytes);
        (room / segment_bytes).max(1) * segment_bytes
    }

    /// Whether the congestion window is what limits the sender, so that growing makes sense (RFC 7661, section 4.1).
    pub(super) fn is_limited_by_congestion(&self) -> bool {
        let doubled = self.scoreboard.on_the_way().saturating_mul(2);
        self.limited || self.congestion.is_in_slow_start() && doubled > self.congestion.window()
    }

    fn restart_after_silence(&mut self, now_ns: u64) {
        let silent_ns = now_ns.saturating_sub(self.deadlines.sent_ns);
        if self.scoreboard.is_empty()
            && silent_ns > self.round_trip.timeout_ns()
            && self.unsent() > 0
        {
            self.congestion.restart();
        }
    }
}
