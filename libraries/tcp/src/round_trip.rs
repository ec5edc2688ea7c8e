//! How long an answer takes, and when one is overdue (RFC 6298).

use crate::time::{MILLISECOND_NS, SECOND_NS};

/// The shortest timeout. RFC 6298 says a second; like all that are in use, this one is nearer to delayed acknowledgments.
pub const SHORTEST_NS: u64 = 200 * MILLISECOND_NS;
/// The longest one (RFC 6298, section 2.5).
pub const LONGEST_NS: u64 = 60 * SECOND_NS;
/// The first one (RFC 6298, section 2.1).
pub const FIRST_NS: u64 = SECOND_NS;
/// For how long the least round trip is believed (as RFC 8985, section 6.2, proposes).
const LEAST_AGE_NS: u64 = 300 * SECOND_NS;

/// Estimates of the round trip's time, in nanoseconds.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    /// The smoothed one (SRTT); 0 before the first sample.
    smoothed_ns: u64,
    /// How much it varies (RTTVAR).
    variation_ns: u64,
    least_ns: u64,
    least_at_ns: u64,
    /// How often the timeout has been doubled.
    backoff: u8,
}

impl RoundTrip {
    /// Nothing is known.
    pub fn new() -> Self {
        RoundTrip {
            smoothed_ns: 0,
            variation_ns: 0,
            least_ns: u64::MAX,
            least_at_ns: 0,
            backoff: 0,
        }
    }

    /// Takes a sample. Samples of what was sent twice must not come here (Karn's algorithm).
    pub fn sample(&mut self, now_ns: u64, sample_ns: u64) {
        let sample_ns = sample_ns.max(1);
        if sample_ns <= self.least_ns || now_ns.saturating_sub(self.least_at_ns) > LEAST_AGE_NS {
            (self.least_ns, self.least_at_ns) = (sample_ns, now_ns);
        }
        (self.smoothed_ns, self.variation_ns) = match self.smoothed_ns {
            0 => (sample_ns, sample_ns / 2),
            smoothed_ns => (
                (7 * smoothed_ns + sample_ns) / 8,
                (3 * self.variation_ns + smoothed_ns.abs_diff(sample_ns)) / 4,
            ),
        };
        self.backoff = 0;
    }

    /// The smoothed time, if there was a sample.
    pub fn smoothed_ns(&self) -> Option<u64> {
        (self.smoothed_ns != 0).then_some(self.smoothed_ns)
    }

    /// How much it varies.
    pub fn variation_ns(&self) -> u64 {
        self.variation_ns
    }

    /// The least of the last five minutes; 0 before the first sample.
    pub fn least_ns(&self) -> u64 {
        if self.least_ns == u64::MAX { 0 } else { self.least_ns }
    }

    /// After how long without an answer something is sent again (RTO).
    pub fn timeout_ns(&self) -> u64 {
        let timeout_ns = match self.smoothed_ns {
            0 => FIRST_NS,
            smoothed_ns => (smoothed_ns + 4 * self.variation_ns).max(SHORTEST_NS),
        };
        timeout_ns.saturating_mul(1 << self.backoff.min(16)).min(LONGEST_NS)
    }

    /// Doubles the timeout, because it passed without an answer.
    pub fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// Something new was acknowledged: the path works.
    pub fn end_backoff(&mut self) {
        self.backoff = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_sets_everything() {
        let mut round_trip = RoundTrip::new();
        assert_eq!(round_trip.timeout_ns(), FIRST_NS);
        round_trip.sample(0, 100 * MILLISECOND_NS);
        assert_eq!(round_trip.timeout_ns(), 300 * MILLISECOND_NS);
        assert_eq!(round_trip.smoothed_ns(), Some(100 * MILLISECOND_NS));
    }

    #[test]
    fn steady_round_trips_bring_the_shortest_timeout() {
        let mut round_trip = RoundTrip::new();
        for count in 0..100 {
            round_trip.sample(count, MILLISECOND_NS);
        }
        assert_eq!(round_trip.timeout_ns(), SHORTEST_NS);
    }

    #[test]
    fn the_timeout_doubles_up_to_a_minute_until_an_answer_comes() {
        let mut round_trip = RoundTrip::new();
        round_trip.back_off();
        assert_eq!(round_trip.timeout_ns(), 2 * FIRST_NS);
        for _ in 0..300 {
            round_trip.back_off();
        }
        assert_eq!(round_trip.timeout_ns(), LONGEST_NS);
        round_trip.end_backoff();
        assert_eq!(round_trip.timeout_ns(), FIRST_NS);
    }

    #[test]
    fn the_least_is_forgotten_after_five_minutes() {
        let mut round_trip = RoundTrip::new();
        round_trip.sample(0, 5);
        round_trip.sample(1, 9);
        assert_eq!(round_trip.least_ns(), 5);
        round_trip.sample(LEAST_AGE_NS + 1, 9);
        assert_eq!(round_trip.least_ns(), 9);
    }
}
