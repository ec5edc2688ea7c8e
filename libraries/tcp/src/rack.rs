//! Which transmissions are lost: those that were sent well before one that has arrived (RACK, RFC 8985).
//!
//! "Well before" allows for packets that overtake each other: nothing at first, until it is seen that they do, then a part of the
//! round trip, which grows each time that something was sent again in vain.

use crate::{
    scoreboard::{Delivery, Scoreboard, Sent, sent_after},
    sequence::Sequence,
    time::NEVER_NS,
};

/// Segments that arrived behind a gap, after which packets that were overtaken are not waited for (DupThresh).
const ENOUGH_SEGMENTS: u32 = 3;
/// Recoveries after which packets are again believed to arrive in order.
const RECOVERIES: u8 = 16;

/// What was sent last among all that arrived.
#[derive(Clone, Debug)]
pub struct Rack {
    at_ns: u64,
    end: Sequence,
    round_trip_ns: u64,
    /// The farthest position that arrived.
    farthest: Sequence,
    /// Whether something arrived after what was sent later.
    reordering: bool,
    /// Quarters of the least round trip for which overtaken packets are waited for.
    quarters: u8,
    /// Recoveries until `quarters` is 1 again.
    recoveries: u8,
    /// Until this is acknowledged, transmissions in vain count as one.
    round_end: Option<Sequence>,
}

impl Rack {
    /// Nothing was sent; the first position will be `first`.
    pub fn new(first: Sequence) -> Self {
        Rack {
            at_ns: 0,
            end: first,
            round_trip_ns: 0,
            farthest: first,
            reordering: false,
            quarters: 1,
            recoveries: 0,
            round_end: None,
        }
    }

    /// Takes news of an acknowledgment (steps 2 and 3). `echo_ns` is the time of the transmission that it answers, if timestamps tell it.
    pub fn update(
        &mut self,
        now_ns: u64,
        delivery: &Delivery,
        least_ns: u64,
        echo_ns: Option<u64>,
    ) {
        if let Some(once) = delivery.once {
            self.reordering |= once.start.before(self.farthest);
            self.farthest = self.farthest.max(once.end);
        }
        let Some((at_ns, end, again)) = delivery.newest else { return };
        let round_trip_ns = now_ns - at_ns;
        // It may be the first transmission that arrived, and not the second.
        let doubtful = echo_ns.is_some_and(|echo_ns| echo_ns < at_ns) || round_trip_ns < least_ns;
        if again && doubtful {
            return;
        }
        self.round_trip_ns = round_trip_ns;
        if sent_after((at_ns, end), (self.at_ns, self.end)) {
            (self.at_ns, self.end) = (at_ns, end);
        }
    }

    /// Something arrived twice, so it was sent again in vain; `next` is the position that will be sent next (step 4).
    pub fn arrived_twice(&mut self, next: Sequence) {
        if self.round_end.is_none() {
            self.round_end = Some(next);
            self.quarters = self.quarters.saturating_add(1);
            self.recoveries = RECOVERIES;
        }
    }

    /// Everything before `position` is acknowledged.
    pub fn acknowledged(&mut self, position: Sequence) {
        if self.round_end.is_some_and(|end| !position.before(end)) {
            self.round_end = None;
        }
    }

    /// A recovery is over.
    pub fn recovered(&mut self) {
        self.recoveries = self.recoveries.saturating_sub(1);
        if self.recoveries == 0 {
            self.quarters = 1;
        }
    }

    /// For how long overtaken packets are waited for, beyond the round trip.
    fn patience_ns(&self, pressing: bool, least_ns: u64, smoothed_ns: u64) -> u64 {
        if !self.reordering && pressing {
            return 0;
        }
        (u64::from(self.quarters) * least_ns / 4).min(smoothed_ns)
    }

    /// Finds what is lost (step 5). Returns when to look again, or never.
    pub fn detect(
        &self,
        now_ns: u64,
        scoreboard: &mut Scoreboard,
        recovering: bool,
        segment_bytes: u32,
        (least_ns, smoothed_ns): (u64, u64),
    ) -> u64 {
        let pressing = recovering || scoreboard.received_bytes() >= ENOUGH_SEGMENTS * segment_bytes;
        let allowed_ns = self.round_trip_ns + self.patience_ns(pressing, least_ns, smoothed_ns);
        let mut again_ns = 0;
        scoreboard.lose(|sent: &Sent| {
            if !sent_after((self.at_ns, self.end), (sent.at_ns, sent.range.end)) {
                // What follows was sent still later, unless this was sent more than once.
                return sent.again.then_some(false);
            }
            let lost_at_ns = sent.at_ns + allowed_ns;
            if lost_at_ns > now_ns {
                again_ns = again_ns.max(lost_at_ns);
            }
            Some(lost_at_ns <= now_ns)
        });
        if again_ns == 0 { NEVER_NS } else { again_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sequence::Range, time::MILLISECOND_NS};

    const FIRST: Sequence = Sequence(u32::MAX - 150);
    const ROUND_TRIP_NS: u64 = 100 * MILLISECOND_NS;

    fn range(start: u32, end: u32) -> Range {
        Range { start: FIRST + start, end: FIRST + end }
    }

    /// Ten segments with 100 bytes each, one in each millisecond, of which those in `arrived` have, in this order, after a round trip.
    /// Returns what is lost then, and when to look again.
    fn after(rack: &mut Rack, arrived: &[u32]) -> (u32, u64) {
        let mut scoreboard = Scoreboard::default();
        for n in 0..10 {
            scoreboard.push(range(n * 100, n * 100 + 100), u64::from(n) * MILLISECOND_NS);
        }
        let mut again_ns = NEVER_NS;
        for n in arrived {
            let now_ns = u64::from(*n) * MILLISECOND_NS + ROUND_TRIP_NS;
            let mut delivery = Delivery::default();
            scoreboard.receive(range(n * 100, n * 100 + 100), &mut delivery);
            rack.update(now_ns, &delivery, ROUND_TRIP_NS, None);
            let trips = (ROUND_TRIP_NS, ROUND_TRIP_NS);
            again_ns = rack.detect(now_ns, &mut scoreboard, false, 100, trips);
        }
        (scoreboard.lost_bytes(), again_ns)
    }

    #[test]
    fn three_segments_behind_a_gap_are_enough() {
        assert_eq!(after(&mut Rack::new(FIRST), &[1, 2]), (0, ROUND_TRIP_NS * 5 / 4));
        assert_eq!(after(&mut Rack::new(FIRST), &[1, 2, 3]), (100, NEVER_NS));
    }

    #[test]
    fn overtaken_packets_are_waited_for_once_that_was_seen() {
        let mut rack = Rack::new(FIRST);
        after(&mut rack, &[1, 2, 0]);
        let mut rack = Rack { at_ns: 0, end: FIRST, farthest: FIRST, ..rack };
        assert_eq!(after(&mut rack, &[1, 2, 3, 4]), (0, ROUND_TRIP_NS * 5 / 4));
    }

    #[test]
    fn each_round_of_transmissions_in_vain_brings_more_patience() {
        let mut rack = Rack::new(FIRST);
        rack.arrived_twice(FIRST + 100);
        rack.arrived_twice(FIRST + 200);
        assert_eq!(rack.patience_ns(false, 100, 1000), 50);
        rack.acknowledged(FIRST + 100);
        rack.arrived_twice(FIRST + 200);
        assert_eq!(rack.patience_ns(false, 100, 1000), 75);
        (0..RECOVERIES).for_each(|_| rack.recovered());
        assert_eq!(rack.patience_ns(false, 100, 1000), 25);
    }
}
