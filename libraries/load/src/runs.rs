//! When a thread runs, seen by a thread that does nothing but look at the clock.

use alloc::vec::Vec;

/// Times at which a thread runs, and the gaps between them.
#[derive(Clone, Debug)]
pub struct Runs {
    /// Ticks between two looks from which on they are a gap.
    least_gap: u64,
    started: u64,
    last: u64,
    /// When the run began that is not over yet.
    begun: u64,
    /// Lengths of runs, each but the first with the gap before it.
    runs: Vec<u64>,
    gaps: Vec<u64>,
}

impl Runs {
    /// Room for runs, so that nothing is allocated while a thread looks.
    const ROOM: usize = 1024;

    /// The thread runs at this moment. Whatever keeps it from looking for so many ticks is a gap.
    pub fn new(least_gap: u64, now: u64) -> Self {
        Runs {
            least_gap,
            started: now,
            last: now,
            begun: now,
            runs: Vec::with_capacity(Self::ROOM),
            gaps: Vec::with_capacity(Self::ROOM),
        }
    }

    /// So it does at this one.
    pub fn look(&mut self, now: u64) {
        let passed = now - self.last;
        if passed >= self.least_gap {
            self.runs.push(self.last - self.begun);
            self.gaps.push(passed);
            self.begun = now;
        }
        self.last = now;
    }

    /// Ticks from the first look to the last one.
    pub fn length(&self) -> u64 {
        self.last - self.started
    }

    /// Length of the median run between two gaps; 0 if there was none.
    pub fn median_run(&self) -> u64 {
        median(&self.runs)
    }

    /// Length of the median gap but for the first; 0 if there was none.
    pub fn median_gap(&self) -> u64 {
        median(&self.gaps)
    }
}

/// The median but for the first, which began before anybody looked.
fn median(lengths: &[u64]) -> u64 {
    let mut lengths = lengths.get(1..).unwrap_or_default().to_vec();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(moments: &[u64]) -> Runs {
        let mut runs = Runs::new(300, moments[0]);
        moments[1..].iter().for_each(|now| runs.look(*now));
        runs
    }

    #[test]
    fn whoever_is_never_preempted_sees_no_gap() {
        let runs = seen(&[100, 110, 120, 130]);
        assert_eq!((runs.median_gap(), runs.median_run(), runs.length()), (0, 0, 30));
    }

    #[test]
    fn the_first_gap_and_what_was_before_it_do_not_count() {
        let runs = seen(&[0, 10, 9_000, 9_010, 9_040, 10_040, 10_060, 13_060]);
        assert_eq!(runs.median_run(), 40);
        assert_eq!(runs.median_gap(), 3000);
    }
}
