//! When what is due in a test.

use crate::{
    line::{PATIENCE_NS, Trouble},
    protocol::Plan,
};

/// How long nothing may go through the streams of a test.
const SILENCE_NS: u64 = 60_000_000_000;
/// A second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// The times of a test.
pub struct Times {
    /// When it began.
    pub start_ns: u64,
    /// What goes through counts from then on; nothing, once it does.
    counting_ns: Option<u64>,
    /// The client is to have said by then that it is over.
    end_ns: u64,
    /// Something is to have gone through by then.
    silent_ns: u64,
}

impl Times {
    /// Of a test that begins now.
    pub fn new(plan: Plan, now_ns: u64) -> Self {
        let after = |seconds: u32| now_ns + u64::from(seconds) * SECOND_NS;
        Times {
            start_ns: now_ns,
            counting_ns: (plan.omitted_seconds > 0).then(|| after(plan.omitted_seconds)),
            end_ns: if plan.seconds > 0 { after(plan.seconds) + PATIENCE_NS } else { u64::MAX },
            silent_ns: now_ns + SILENCE_NS,
        }
    }

    /// When to look at the clock at the latest.
    pub fn look_ns(&self) -> u64 {
        self.end_ns.min(self.silent_ns).min(self.counting_ns.unwrap_or(u64::MAX))
    }

    /// Something went through.
    pub fn moved(&mut self, now_ns: u64) {
        self.silent_ns = now_ns + SILENCE_NS;
    }

    /// Whether what goes through counts from now on, and did not before.
    ///
    /// # Errors
    ///
    /// `Silent` if the test has not ended, though it should have.
    pub fn count_from(&mut self, now_ns: u64) -> Result<bool, Trouble> {
        if now_ns >= self.end_ns.min(self.silent_ns) {
            return Err(Trouble::Silent);
        }
        Ok(self.counting_ns.take_if(|counting_ns| *counting_ns <= now_ns).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seconds: u32, omitted_seconds: u32) -> Plan {
        Plan {
            incoming: 1,
            outgoing: 0,
            piece: 1,
            seconds,
            omitted_seconds,
            no_delay: false,
            datagrams: None,
        }
    }

    #[test]
    fn what_was_before_is_left_out_once() {
        let mut times = Times::new(plan(5, 2), 0);
        assert_eq!(times.look_ns(), 2 * SECOND_NS);
        assert_eq!(times.count_from(2 * SECOND_NS - 1), Ok(false));
        assert_eq!(times.count_from(2 * SECOND_NS), Ok(true));
        assert_eq!(times.count_from(2 * SECOND_NS), Ok(false));
        assert_eq!(times.look_ns(), 5 * SECOND_NS + PATIENCE_NS);
    }

    #[test]
    fn a_test_that_does_not_end_is_ended() {
        let (still, ended) = (Ok(false), Err(Trouble::Silent));
        let mut times = Times::new(plan(100, 0), 0);
        assert_eq!([SILENCE_NS - 1, SILENCE_NS].map(|ns| times.count_from(ns)), [still, ended]);
        times.moved(90 * SECOND_NS);
        assert_eq!([100, 110].map(|at| times.count_from(at * SECOND_NS)), [still, ended]);
        let mut endless = Times::new(plan(0, 0), 0);
        endless.moved(1000 * SECOND_NS);
        assert_eq!([1059, 1060].map(|at| endless.count_from(at * SECOND_NS)), [still, ended]);
    }
}
