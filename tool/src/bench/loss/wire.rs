//! A bad wire: which frames it loses, delivers late, and delivers twice. Time is a parameter, and the same seed gives the same fates.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// For how long a frame is kept that is to be late.
pub const DELAY: Duration = Duration::from_millis(5);
/// Chances are of so many.
const MILLION: u64 = 1_000_000;

/// What goes wrong, of a million frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    /// Frames that are lost.
    pub lost: u32,
    /// Frames that are late, so that others overtake them.
    pub late: u32,
    /// Frames that arrive twice.
    pub doubled: u32,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Late,
    Doubled,
    Unharmed,
}

/// One direction.
pub struct OneWay {
    chances: Chances,
    /// The state of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
    random: u64,
    /// Frames that are late, and when each is due, the first first.
    late: VecDeque<(Instant, Vec<u8>)>,
}

impl OneWay {
    /// A wire on which nothing goes wrong.
    pub fn good() -> Self {
        OneWay { chances: Chances::default(), random: 0, late: VecDeque::new() }
    }

    /// From now on so much goes wrong, by the numbers that begin with the seed. What is late already stays so.
    pub fn become_bad(&mut self, chances: Chances, seed: u64) {
        (self.chances, self.random) = (chances, seed);
    }

    /// Takes a frame; how often it leaves at once.
    pub fn carry(&mut self, now: Instant, frame: &[u8]) -> usize {
        match self.fate() {
            Fate::Lost => 0,
            Fate::Late => {
                self.late.push_back((now + DELAY, frame.to_vec()));
                0
            }
            Fate::Doubled => 2,
            Fate::Unharmed => 1,
        }
    }

    /// A frame whose time has come.
    pub fn due(&mut self, now: Instant) -> Option<Vec<u8>> {
        let is_due = self.next_due().is_some_and(|due| due <= now);
        is_due.then(|| self.late.pop_front())?.map(|(_, frame)| frame)
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.late.front().map(|(due, _)| *due)
    }

    fn fate(&mut self) -> Fate {
        let Chances { lost, late, doubled } = self.chances;
        let number = self.number() % MILLION;
        let fates = [(lost, Fate::Lost), (late, Fate::Late), (doubled, Fate::Doubled)];
        let mut end = 0;
        for (chance, fate) in fates {
            end += u64::from(chance);
            if number < end {
                return fate;
            }
        }
        Fate::Unharmed
    }

    fn number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: Chances = Chances { lost: 5_000, late: 10_000, doubled: 5_000 };

    fn fates(chances: Chances, seed: u64, count: usize) -> Vec<Fate> {
        let mut wire = OneWay::good();
        wire.become_bad(chances, seed);
        (0..count).map(|_| wire.fate()).collect()
    }

    #[test]
    fn each_fate_is_as_frequent_as_its_chance() {
        let fates = fates(MIXED, 7, 1_000_000);
        let parts = [(Fate::Lost, 5_000), (Fate::Late, 10_000), (Fate::Doubled, 5_000)];
        for (fate, expected) in parts {
            let count = fates.iter().filter(|one| **one == fate).count() as i64;
            // Five times the spread of such a count.
            assert!((count - expected).abs() < 500, "{fate:?}: {count}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_fates_again_and_another_one_others() {
        let lossy = Chances { lost: 50_000, ..Chances::default() };
        assert_eq!(fates(lossy, 1, 1000), fates(lossy, 1, 1000));
        assert_ne!(fates(lossy, 1, 1000), fates(lossy, 2, 1000));
    }

    #[test]
    fn nothing_goes_wrong_on_a_good_wire() {
        let now = Instant::now();
        let mut wire = OneWay::good();
        assert!((0..10_000).all(|_| wire.carry(now, b"frame") == 1));
        assert_eq!(wire.next_due(), None);
    }

    #[test]
    fn what_is_late_leaves_when_it_is_due_and_not_before() {
        let now = Instant::now();
        let mut wire = OneWay::good();
        wire.become_bad(Chances { late: 1_000_000, ..Chances::default() }, 1);
        assert_eq!(wire.carry(now, b"first"), 0);
        assert_eq!(wire.carry(now + DELAY / 2, b"second"), 0);
        assert_eq!(wire.next_due(), Some(now + DELAY));
        assert_eq!(wire.due(now + DELAY - Duration::from_nanos(1)), None);
        assert_eq!(wire.due(now + DELAY).as_deref(), Some(&b"first"[..]));
        assert_eq!(wire.due(now + DELAY), None);
        wire.become_bad(Chances::default(), 1);
        assert_eq!(wire.due(now + 2 * DELAY).as_deref(), Some(&b"second"[..]));
    }

    #[test]
    fn what_is_doubled_leaves_twice_and_what_is_lost_never() {
        let now = Instant::now();
        let mut wire = OneWay::good();
        wire.become_bad(Chances { doubled: 1_000_000, ..Chances::default() }, 1);
        assert_eq!(wire.carry(now, b"frame"), 2);
        wire.become_bad(Chances { lost: 1_000_000, ..Chances::default() }, 1);
        assert_eq!(wire.carry(now, b"frame"), 0);
        assert_eq!(wire.next_due(), None);
    }
}
