//! What an acknowledgment tells: what arrived, what is lost, and how much may be on the way.

use super::{Connection, End, Events, State};
use crate::{
    output::Output,
    recovery::{Doubt, Recovery},
    scoreboard::Delivery,
    segment::Segment,
    sequence::{Range, Sequence},
    settings::Settings,
    time::{MILLISECOND_NS, NEVER_NS},
};

/// Answers that would have taken longer have another reason, in milliseconds.
const LONGEST_MS: u32 = 1 << 20;
/// Acknowledgments that tell nothing new, after which something is lost (RFC 5681, section 3.2).
const REPEATED: u8 = 3;

impl<B: Copy> Connection<B> {
    /// Takes the acknowledgment and the window of a segment. The acknowledgment is of something that was sent.
    pub(super) fn take_acknowledgment(
        &mut self,
        now_ns: u64,
        segment: &Segment,
        payload: u32,
        output: &mut impl Output<B>,
    ) {
        let Some(position) = segment.acknowledgment else { return };
        if position.before(self.unacknowledged) {
            return;
        }
        let advanced = position - self.unacknowledged;
        let window_changed = self.take_window(segment, position);
        if self.scoreboard.is_empty() || self.window == 0 {
            // A question was answered, or the other side is alive but has no room.
            self.deadlines.attempts = 0;
        }
        if self.scoreboard.is_empty() {
            return;
        }
        let was_limited = self.is_limited_by_congestion();
        let mut delivery = Delivery::default();
        let twice = self.take_blocks(segment, position, &mut delivery);
        if advanced > 0 {
            self.scoreboard.acknowledge(position, &mut delivery);
            self.unacknowledged = position;
            self.queue.release_before(position, output);
            self.rack.acknowledged(position);
            self.deadlines.since_ns = now_ns;
            self.deadlines.attempts = 0;
            self.round_trip.end_backoff();
            self.events.insert(Events::WRITABLE);
        }
        // Only what moves the window answers to the segment that the other side's clock was taken from (RFC 7323, section 4.1).
        let age_ms = if advanced > 0 { self.answered_after_ms(now_ns, segment) } else { None };
        self.measure(now_ns, age_ms, &delivery);
        self.check_probe(position, twice);
        let lost_before = self.scoreboard.lost_bytes();
        match self.agreement.selective {
            true => self.find_losses(now_ns, age_ms, &delivery),
            false => {
                let repeats = advanced == 0 && payload == 0 && !window_changed && !segment.finish;
                self.count_repeated(advanced, repeats);
            }
        }
        let lost_more = self.scoreboard.lost_bytes() > lost_before;
        if lost_more && self.recovery.is_none() {
            self.reduce();
        }
        self.steer(now_ns, advanced, &delivery, lost_more, was_limited, segment);
    }

    /// Takes the window, if no newer segment has told it (RFC 9293, section 3.10.7.4). Returns whether it is another one.
    fn take_window(&mut self, segment: &Segment, position: Sequence) -> bool {
        let (sequence, acknowledgment) = self.window_told;
        let newer = sequence.before(segment.sequence)
            || sequence == segment.sequence && !position.before(acknowledgment);
        if !newer {
            return false;
        }
        // That of a SYN is not scaled (RFC 7323, section 2.2).
        let window = match segment.synchronize {
            true => segment.window.into(),
            false => self.scaled(segment.window),
        };
        let changed = window != self.window;
        self.window_told = (segment.sequence, position);
        self.window = window;
        self.largest_window = self.largest_window.max(window);
        changed
    }

    /// Takes the selective part. Returns what arrived twice, if the segment says so (RFC 2883, section 4).
    fn take_blocks(
        &mut self,
        segment: &Segment,
        position: Sequence,
        delivery: &mut Delivery,
    ) -> Option<Range> {
        if !self.agreement.selective {
            return None;
        }
        let [first, second, _] = segment.options.blocks;
        let twice = first.filter(|first| {
            first.start.before(position) || second.is_some_and(|second| second.covers(*first))
        });
        if twice.is_some() {
            self.rack.arrived_twice(self.next);
        }
        let valid = |block: &&Range| {
            block.start.after(position)
                && block.start.before(block.end)
                && !block.end.after(self.next)
        };
        for block in segment.options.blocks.iter().flatten().filter(valid) {
            self.scoreboard.receive(*block, delivery);
        }
        twice
    }

    /// How long ago this side's clock was what the segment repeats, in milliseconds.
    fn answered_after_ms(&self, now_ns: u64, segment: &Segment) -> Option<u32> {
        let stamps = segment.options.timestamps.filter(|_| self.agreement.stamped)?;
        let age_ms = self.clock(now_ns).wrapping_sub(stamps.echo);
        (age_ms < LONGEST_MS).then_some(age_ms)
    }

    fn measure(&mut self, now_ns: u64, age_ms: Option<u32>, delivery: &Delivery) {
        // What arrives together with something that was sent again may have arrived long ago, and the answers to it were lost.
        if let Some(sent_ns) = delivery.first_sent_ns.filter(|_| !delivery.again) {
            self.round_trip.sample(now_ns, now_ns - sent_ns);
        } else if let Some(age_ms) = age_ms {
            // Sent more than once, but the answer says to which time it belongs.
            self.round_trip.sample(now_ns, u64::from(age_ms.max(1)) * MILLISECOND_NS);
        }
    }

    /// RFC 8985, section 7.4: if the end of the stream was sent again and did not arrive twice, it was lost the first time.
    fn check_probe(&mut self, position: Sequence, twice: Option<Range>) {
        let Some((end, again)) = self.probe else { return };
        if position.before(end) {
            return;
        }
        self.probe = None;
        if again && twice.is_none() && self.recovery.is_none() {
            self.reduce();
            self.congestion.set_window(self.congestion.threshold());
            self.recovery = None;
        }
    }

    fn find_losses(&mut self, now_ns: u64, age_ms: Option<u32>, delivery: &Delivery) {
        let least_ns = self.round_trip.least_ns();
        let echo_ns = age_ms.map(|age_ms| {
            // A clock of milliseconds does not know more.
            now_ns.saturating_sub(u64::from(age_ms) * MILLISECOND_NS) + MILLISECOND_NS
        });
        self.rack.update(now_ns, delivery, least_ns, echo_ns);
        self.look_for_losses(now_ns);
    }

    /// Takes for lost what was sent well before something that arrived.
    pub(super) fn look_for_losses(&mut self, now_ns: u64) {
        let trips = (self.round_trip.least_ns(), self.round_trip.smoothed_ns().unwrap_or(0));
        let (recovering, segment_bytes) = (self.recovery.is_some(), u32::from(self.segment_bytes));
        self.deadlines.reordering_ns = match self.scoreboard.received_bytes() > 0 || recovering {
            true => {
                self.rack.detect(now_ns, &mut self.scoreboard, recovering, segment_bytes, trips)
            }
            false => NEVER_NS,
        };
    }

    /// Without selective acknowledgments: NewReno (RFC 6582).
    fn count_repeated(&mut self, advanced: u32, repeats: bool) {
        let segment_bytes = u32::from(self.segment_bytes);
        if advanced > 0 {
            self.repeated = 0;
            self.scoreboard.acknowledge_unnamed(advanced);
            if self.recovery.as_ref().is_some_and(|recovery| !recovery.timeout)
                && self.unacknowledged.before(self.recovery_end())
            {
                // Something was mended, and the next gap begins here.
                self.scoreboard.lose_first(segment_bytes);
            }
        } else if repeats {
            self.repeated = self.repeated.saturating_add(1);
            self.scoreboard.receive_unnamed(segment_bytes);
            if self.repeated == REPEATED && self.recovery.is_none() {
                self.scoreboard.lose_first(segment_bytes);
            }
        }
    }

    fn recovery_end(&self) -> Sequence {
        self.recovery.as_ref().map_or(self.unacknowledged, |recovery| recovery.until)
    }

    /// Something was lost: there will be less on the way.
    pub(super) fn reduce(&mut self) {
        let on_the_way = self.next - self.unacknowledged;
        self.congestion.reduce(on_the_way);
        self.recovery = Some(Recovery::new(self.next, false, on_the_way));
        self.counters.recoveries += 1;
    }

    /// Sets how much may be on the way.
    fn steer(
        &mut self,
        now_ns: u64,
        advanced: u32,
        delivery: &Delivery,
        lost_more: bool,
        was_limited: bool,
        segment: &Segment,
    ) {
        let delivered = if self.agreement.selective { delivery.bytes } else { advanced };
        if advanced > 0 && self.was_in_vain(segment) {
            self.congestion.undo();
            self.scoreboard.find_all();
            self.recovery = None;
            self.counters.in_vain += 1;
        }
        let smoothed_ns = self.round_trip.smoothed_ns().unwrap_or(0);
        match &mut self.recovery {
            Some(recovery) if !self.unacknowledged.before(recovery.until) => {
                if !recovery.timeout {
                    self.congestion.set_window(self.congestion.threshold());
                }
                self.recovery = None;
                self.rack.recovered();
            }
            Some(recovery) if recovery.timeout => {
                self.congestion.grow(now_ns, delivered, smoothed_ns);
            }
            Some(recovery) => {
                let window = recovery.window(
                    delivered,
                    self.scoreboard.on_the_way(),
                    self.congestion.threshold(),
                    u32::from(self.segment_bytes),
                    advanced > 0 && !lost_more,
                );
                self.congestion.set_window(window);
            }
            None if was_limited && advanced > 0 => {
                self.congestion.grow(now_ns, delivered, smoothed_ns);
            }
            None => (),
        }
    }

    /// Whether the first answer after something was sent again belongs to the first transmission (RFC 3522): then it was only late.
    fn was_in_vain(&mut self, segment: &Segment) -> bool {
        let Some(recovery) = &mut self.recovery else { return false };
        let Doubt::SentAt(first_stamp) = recovery.doubt else { return false };
        recovery.doubt = Doubt::Settled;
        segment.options.timestamps.is_some_and(|stamps| {
            self.agreement.stamped && Sequence(stamps.echo).before(Sequence(first_stamp))
        })
    }

    /// Section 3.10.7.4, fifth: the other side has acknowledged this side's end.
    pub(super) fn advance(
        &mut self,
        settings: &Settings,
        now_ns: u64,
        output: &mut impl Output<B>,
    ) {
        let acknowledged = self.finish_was_sent() && self.unacknowledged == self.next;
        if !acknowledged {
            return;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.abandon_if_deaf(settings, now_ns);
            }
            State::Closing => self.wait_before_forgetting(settings, now_ns),
            State::LastAck => self.close(End::Finished, output),
            _ => (),
        }
    }
}
