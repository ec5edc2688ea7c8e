//! Whether a server that died comes back, and when, as its plan says: so often within a time at once, and from then on, if at all, after a pause that
//! doubles each time until the server has lived for as long as that time.

use alloc::vec::Vec;

use crate::plan::Restart;

/// What becomes of a server that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It comes back at once.
    Now,
    /// It comes back when the clock shows so many nanoseconds.
    At(u64),
    /// It stays dead.
    Never,
}

/// The deaths of one server of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deaths {
    /// All of them.
    total: u32,
    /// When those happened that are within the plan's time, in nanoseconds.
    recent_ns: Vec<u64>,
    /// Pauses since it last lived for as long as the plan's time.
    pauses: u32,
    /// When the last pause ended, in nanoseconds.
    paused_until_ns: u64,
}

impl Deaths {
    /// How often it died.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Notes a death at `now_ns`.
    pub fn note(&mut self, now_ns: u64, restart: Restart) -> Return {
        self.total = self.total.saturating_add(1);
        let window_ns = u64::from(restart.window_ms) * NS_PER_MS;
        let since_ns = if restart.window_ms == 0 { 0 } else { now_ns.saturating_sub(window_ns) };
        self.recent_ns.retain(|time| *time >= since_ns);
        if self.paused_until_ns < since_ns {
            self.pauses = 0;
        }
        // No more than may come back at once are remembered, so the list stays as short as the plan says.
        if self.pauses == 0 && self.recent_ns.len() < restart.times as usize {
            self.recent_ns.push(now_ns);
            return Return::Now;
        }
        if restart.pause_ms == 0 {
            return Return::Never;
        }
        let longest_ms = u64::from(restart.window_ms.max(restart.pause_ms));
        let pause_ms = u64::from(restart.pause_ms) << self.pauses.min(u32::BITS);
        self.pauses = self.pauses.saturating_add(1);
        self.paused_until_ns = now_ns.saturating_add(pause_ms.min(longest_ms) * NS_PER_MS);
        Return::At(self.paused_until_ns)
    }

    /// Notes that the server could not be launched again at `now_ns` for want of something that may be there later. That counts as a death, but it never
    /// comes back at once: it pauses twice as long each time.
    pub fn note_want(&mut self, now_ns: u64, restart: Restart) -> Return {
        match self.note(now_ns, restart) {
            Return::Now => {
                let doubled = (self.recent_ns.len() as u32).min(MOST_DOUBLED);
                Return::At(now_ns.saturating_add((WANT_MS * NS_PER_MS) << doubled))
            }
            later => later,
        }
    }
}

/// Half of the first pause of a server that wants something which is not there, where the plan says none; and how often it is doubled at most.
const WANT_MS: u64 = 50;
const MOST_DOUBLED: u32 = 7;

const NS_PER_MS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const TWICE_A_SECOND: Restart = Restart { times: 2, window_ms: 1000, pause_ms: 0 };

    fn answers(restart: Restart, times_ms: &[u64]) -> Vec<Return> {
        let mut deaths = Deaths::default();
        times_ms.iter().map(|time| deaths.note(time * NS_PER_MS, restart)).collect()
    }

    fn at_ms(time: u64) -> Return {
        Return::At(time * NS_PER_MS)
    }

    use Return::{Never, Now};

    #[test]
    fn a_server_comes_back_so_often_and_then_stays_dead() {
        assert_eq!(answers(TWICE_A_SECOND, &[10, 20, 30, 40]), [Now, Now, Never, Never]);
    }

    #[test]
    fn deaths_before_the_window_do_not_count() {
        assert_eq!(
            answers(TWICE_A_SECOND, &[10, 500, 900, 1200, 1600]),
            [Now, Now, Never, Now, Now]
        );
    }

    #[test]
    fn without_a_window_all_deaths_count() {
        let restart = Restart { times: 1, ..Restart::default() };
        assert_eq!(answers(restart, &[10, 1_000_000]), [Now, Never]);
    }

    #[test]
    fn a_server_whose_plan_does_not_say_so_never_comes_back() {
        assert_eq!(answers(Restart::default(), &[10]), [Never]);
    }

    #[test]
    fn who_dies_too_often_pauses_twice_as_long_each_time_and_at_most_for_the_window() {
        let restart = Restart { pause_ms: 300, ..TWICE_A_SECOND };
        assert_eq!(
            answers(restart, &[10, 20, 30, 340, 1000, 2100]),
            [Now, Now, at_ms(330), at_ms(940), at_ms(2000), at_ms(3100)]
        );
    }

    #[test]
    fn who_has_lived_for_the_window_after_a_pause_comes_back_at_once_again() {
        let restart = Restart { pause_ms: 300, ..TWICE_A_SECOND };
        assert_eq!(
            answers(restart, &[10, 20, 30, 1331, 1332, 1333]),
            [Now, Now, at_ms(330), Now, Now, at_ms(1633)]
        );
    }

    #[test]
    fn pauses_stay_finite_whatever_the_plan_says() {
        let restart = Restart { times: 0, window_ms: 0, pause_ms: u32::MAX };
        let longest_ns = u64::from(u32::MAX) * NS_PER_MS;
        let mut deaths = Deaths::default();
        for _ in 0..70 {
            assert_eq!(deaths.note(7, restart), Return::At(longest_ns + 7));
        }
    }

    #[test]
    fn who_wants_something_pauses_and_is_tried_as_often_as_who_dies() {
        let wants = |restart: Restart, times_ms: &[u64]| -> Vec<Return> {
            let mut deaths = Deaths::default();
            times_ms.iter().map(|time| deaths.note_want(time * NS_PER_MS, restart)).collect()
        };
        assert_eq!(wants(TWICE_A_SECOND, &[10, 110, 310]), [at_ms(110), at_ms(310), Never]);
        let restart = Restart { pause_ms: 300, ..TWICE_A_SECOND };
        assert_eq!(wants(restart, &[10, 110, 310]), [at_ms(110), at_ms(310), at_ms(610)]);
        let often = Restart { times: 100, ..TWICE_A_SECOND };
        assert_eq!(wants(often, &[1; 100]).last(), Some(&at_ms(1 + 50 * 128)));
        assert_eq!(wants(Restart::default(), &[10]), [Never]);
    }

    #[test]
    fn every_death_is_in_the_total() {
        let mut deaths = Deaths::default();
        for time in 0..5 {
            deaths.note(time * NS_PER_MS, TWICE_A_SECOND);
        }
        assert_eq!(deaths.total(), 5);
    }
}
