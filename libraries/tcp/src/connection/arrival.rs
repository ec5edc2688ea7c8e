//! A segment arrives (RFC 9293, section 3.10.7): the checks, in this order.

use super::{Agreement, Connection, End, State, payload::Owed};
use crate::{
    output::Output,
    piece::{self, Piece},
    segment::Segment,
    sequence::{Range, Sequence},
    settings::Settings,
    time::{MILLISECOND_NS, SECOND_NS},
};

/// Between two acknowledgments that nobody is owed (RFC 5961, section 7, counts them together; a count of each connection tells
/// nobody anything of others).
const CHALLENGE_INTERVAL_NS: u64 = SECOND_NS / 10;
/// After so long without a segment, the next one is not one of a burst: its sender may have found nothing to do but wait for an answer.
const PAUSE_NS: u64 = 2 * MILLISECOND_NS;
/// After so long, another side's clock may have gone round (RFC 7323, section 5.5).
const STAMP_AGE_NS: u64 = 24 * 24 * 3600 * SECOND_NS;

/// What whoever drives a connection must answer to a segment in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nothing,
    /// RST: the segment does not belong to this connection, which goes on.
    Reset,
}

/// The segment is not for this connection, or was dealt with.
struct Done(Reply);

impl<B: Copy> Connection<B> {
    /// A segment arrived with the payload in `pieces`, which become the connection's. Behind a gap they are kept if there is `room_behind_gaps`.
    pub fn receive(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        segment: &Segment,
        pieces: &[Piece<B>],
        room_behind_gaps: bool,
        output: &mut impl Output<B>,
    ) -> Reply {
        self.counters.segments_in += 1;
        let without_opening = self.without_known_opening(segment);
        let segment = without_opening.as_ref().unwrap_or(segment);
        let result = match self.state {
            State::Closed => Err(Done(Reply::Reset)),
            State::SynSent => Err(self.answer_to_opening(settings, now_ns, segment, output)),
            _ => self.check(settings, now_ns, segment, piece::bytes(pieces), output),
        };
        match result {
            Ok(()) if segment.sequence.after(self.received.next()) && !room_behind_gaps => {
                self.refuse_payload(pieces, output)
            }
            Ok(()) => self.take_payload(settings, now_ns, segment, pieces, output),
            Err(Done(reply)) => {
                pieces.iter().for_each(|piece| output.release(piece.buffer));
                reply
            }
        }
    }

    /// Section 3.10.7.3: this side has sent SYN. A payload of the answer is not taken; it comes again.
    fn answer_to_opening(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        segment: &Segment,
        output: &mut impl Output<B>,
    ) -> Done {
        let acknowledges = match segment.acknowledgment {
            None => false,
            Some(position) if position == self.first + 1 && position == self.next => true,
            Some(_) if segment.reset => return Done(Reply::Nothing),
            Some(_) => return Done(Reply::Reset),
        };
        if segment.reset {
            if acknowledges {
                self.close(End::Refused, output);
            }
            return Done(Reply::Nothing);
        }
        if !segment.synchronize {
            return Done(Reply::Nothing);
        }
        self.deadlines.heard_ns = now_ns;
        self.agreement = Agreement::with(&segment.options, &self.flow, settings);
        self.hear_first(now_ns, segment);
        self.owe(Owed::Now(1));
        match acknowledges {
            true => {
                self.take_acknowledgment(now_ns, segment, 0, output);
                self.establish();
            }
            // Both sides began at the same time: SYN is sent again, now with an acknowledgment.
            false => {
                self.state = State::SynReceived;
                self.scoreboard.lose_all();
            }
        }
        Done(Reply::Nothing)
    }

    /// Section 3.10.7.4, first to fifth: whether the segment is a part of this connection's streams.
    fn check(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        segment: &Segment,
        payload: u32,
        output: &mut impl Output<B>,
    ) -> Result<(), Done> {
        self.check_opening_again(segment)?;
        self.check_stamps(settings, now_ns, segment, payload)?;
        self.check_sequence(settings, now_ns, segment, payload)?;
        if segment.reset {
            return Err(Done(self.check_reset(now_ns, segment, output)));
        }
        if segment.synchronize {
            // RFC 5961, section 4: if the other side has lost the connection, it answers this with RST.
            self.challenge(now_ns);
            return Err(Done(Reply::Nothing));
        }
        let Some(position) = segment.acknowledgment else { return Err(Done(Reply::Nothing)) };
        self.note_stamp(now_ns, segment);
        self.resumed = now_ns >= self.deadlines.heard_ns + PAUSE_NS;
        self.deadlines.heard_ns = now_ns;
        if self.state == State::SynReceived {
            if !position.after(self.unacknowledged) || position.after(self.next) {
                return Err(Done(Reply::Reset));
            }
            self.establish();
            self.window_told = (segment.sequence, position);
            self.window = self.scaled(segment.window);
        }
        // RFC 5961, section 5: only acknowledgments of what was sent not long ago are believed.
        let oldest = self.unacknowledged - self.largest_window;
        if position.before(oldest) || position.after(self.next) {
            self.challenge(now_ns);
            return Err(Done(Reply::Nothing));
        }
        self.take_acknowledgment(now_ns, segment, payload, output);
        self.advance(settings, now_ns, output);
        match self.state {
            State::Closed => Err(Done(Reply::Nothing)),
            _ => Ok(()),
        }
    }

    /// Whether the other side's SYN arrives again before this side's one is acknowledged.
    fn is_opening_again(&self, segment: &Segment) -> bool {
        let known = segment.synchronize && segment.sequence + 1 == self.received.next();
        known && self.state == State::SynReceived && !segment.reset
    }

    /// Both sides began at the same time, and this is the other side's SYN with an acknowledgment: what is new of it.
    fn without_known_opening(&self, segment: &Segment) -> Option<Segment> {
        let known = segment.acknowledgment.is_some() && self.is_opening_again(segment);
        known.then(|| Segment { synchronize: false, sequence: segment.sequence + 1, ..*segment })
    }

    /// The other side has not seen this side's SYN.
    fn check_opening_again(&mut self, segment: &Segment) -> Result<(), Done> {
        if self.is_opening_again(segment) {
            self.scoreboard.lose_all();
            return Err(Done(Reply::Nothing));
        }
        Ok(())
    }

    /// RFC 7323, section 5: a segment whose clock is behind was sent before others that have arrived.
    fn check_stamps(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        segment: &Segment,
        payload: u32,
    ) -> Result<(), Done> {
        if !self.agreement.stamped || segment.reset {
            return Ok(());
        }
        let Some(stamps) = segment.options.timestamps else { return Err(Done(Reply::Nothing)) };
        let old = Sequence(stamps.value).before(Sequence(self.stamps.recent));
        if old && now_ns - self.stamps.recent_at_ns < STAMP_AGE_NS {
            self.counters.old_stamps += 1;
            self.answer_stray(settings, now_ns, segment, payload);
            return Err(Done(Reply::Nothing));
        }
        Ok(())
    }

    /// First: whether something of the segment lies in the window.
    fn check_sequence(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        segment: &Segment,
        payload: u32,
    ) -> Result<(), Done> {
        let length = segment.length(payload);
        let (next, end) = (self.received.next(), self.window_end);
        let (start, last) = (segment.sequence, segment.sequence + length.saturating_sub(1));
        let within = |position: Sequence| !position.before(next) && position.before(end);
        let acceptable = match length {
            0 => start == next || within(start),
            // Without a window, acknowledgments and resets count all the same.
            _ => {
                start == next
                    || within(start)
                    || within(last)
                    || start.before(next) && last.after(end)
            }
        };
        if acceptable {
            return Ok(());
        }
        if !segment.reset {
            self.answer_stray(settings, now_ns, segment, payload);
        }
        Err(Done(Reply::Nothing))
    }

    /// Answers a segment that is old or lies outside of the window.
    fn answer_stray(&mut self, settings: &Settings, now_ns: u64, segment: &Segment, payload: u32) {
        if segment.length(payload) == 0 {
            self.challenge(now_ns);
            return;
        }
        // Its acknowledgment was lost, or it comes twice.
        let range = Range::new(segment.sequence, payload);
        match payload > 0 && !range.end.after(self.received.next()) {
            true => self.report_duplicate(range),
            false => self.owe(Owed::Now(1)),
        }
        if self.state == State::TimeWait {
            self.wait_before_forgetting(settings, now_ns);
        }
    }

    /// Second: RST (RFC 5961, section 3): only the exact position counts, because whoever guesses only hits the window.
    fn check_reset(
        &mut self,
        now_ns: u64,
        segment: &Segment,
        output: &mut impl Output<B>,
    ) -> Reply {
        if segment.sequence != self.received.next() {
            self.challenge(now_ns);
            return Reply::Nothing;
        }
        let end = match self.state {
            State::SynReceived => End::Refused,
            State::Closing | State::LastAck | State::TimeWait => End::Finished,
            _ => End::Reset,
        };
        self.close(end, output);
        Reply::Nothing
    }

    /// Says where this side stands, although nobody is owed that. There is a limit to it.
    pub(super) fn challenge(&mut self, now_ns: u64) {
        let last_ns = self.deadlines.challenge_ns;
        if last_ns == 0 || now_ns >= last_ns + CHALLENGE_INTERVAL_NS {
            self.deadlines.challenge_ns = now_ns.max(1);
            self.counters.challenges += 1;
            self.owe(Owed::Now(1));
        }
    }

    /// RFC 7323, section 4.3: whose clock is answered to.
    fn note_stamp(&mut self, now_ns: u64, segment: &Segment) {
        if let Some(stamps) = segment.options.timestamps
            && !segment.sequence.after(self.acknowledged)
            && !Sequence(stamps.value).before(Sequence(self.stamps.recent))
        {
            (self.stamps.recent, self.stamps.recent_at_ns) = (stamps.value, now_ns);
        }
    }

    /// A window from a header, in bytes.
    pub(super) fn scaled(&self, window: u16) -> u32 {
        let shift = self.agreement.scales.map_or(0, |(theirs, _)| theirs);
        u32::from(window) << shift
    }
}
