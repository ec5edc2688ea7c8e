//! Whether a server that died comes back: so often within a time, as its plan says.

use alloc::vec::Vec;

use crate::plan::Restart;

/// The deaths of one server of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deaths {
    /// All of them.
    total: u32,
    /// When those happened that are within the plan's time, in nanoseconds.
    recent_ns: Vec<u64>,
}

impl Deaths {
    /// How often it died.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Notes a death at `now_ns`; `true` if the server is to come back.
    pub fn note(&mut self, now_ns: u64, restart: Restart) -> bool {
        self.total = self.total.saturating_add(1);
        let window_ns = u64::from(restart.window_ms) * 1_000_000;
        let since = if restart.window_ms == 0 { 0 } else { now_ns.saturating_sub(window_ns) };
        self.recent_ns.retain(|time| *time >= since);
        // No more than may come back are remembered, so the list stays as short as the plan says.
        let comes_back = self.recent_ns.len() < restart.times as usize;
        if comes_back {
            self.recent_ns.push(now_ns);
        }
        comes_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWICE_A_SECOND: Restart = Restart { times: 2, window_ms: 1000 };
    const MS: u64 = 1_000_000;

    fn answers(restart: Restart, times_ms: &[u64]) -> Vec<bool> {
        let mut deaths = Deaths::default();
        times_ms.iter().map(|time| deaths.note(time * MS, restart)).collect()
    }

    #[test]
    fn a_server_comes_back_so_often_and_then_stays_dead() {
        assert_eq!(answers(TWICE_A_SECOND, &[10, 20, 30, 40]), [true, true, false, false]);
    }

    #[test]
    fn deaths_before_the_window_do_not_count() {
        assert_eq!(
            answers(TWICE_A_SECOND, &[10, 500, 900, 1200, 1600]),
            [true, true, false, true, true]
        );
    }

    #[test]
    fn without_a_window_all_deaths_count() {
        let restart = Restart { times: 1, window_ms: 0 };
        assert_eq!(answers(restart, &[10, 1_000_000]), [true, false]);
    }

    #[test]
    fn a_server_whose_plan_does_not_say_so_never_comes_back() {
        assert_eq!(answers(Restart::default(), &[10]), [false]);
    }

    #[test]
    fn every_death_is_in_the_total() {
        let mut deaths = Deaths::default();
        for time in 0..5 {
            deaths.note(time * MS, TWICE_A_SECOND);
        }
        assert_eq!(deaths.total(), 5);
    }
}
