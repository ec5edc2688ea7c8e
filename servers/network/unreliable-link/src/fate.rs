//! What becomes of frames: drawn by chances from numbers that look random, and are the same ones for the same seed.

use fastrand::Rng;

/// What the chances are parts of.
pub const WHOLE: u32 = 1000;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Pass,
    /// It is lost.
    Lose,
    /// It goes on, and comes once more.
    Repeat,
    /// It goes on later, behind others that came after it.
    Delay,
}

/// How often, of a thousand frames, what becomes of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    /// Lost.
    pub lose: u32,
    /// Repeated.
    pub repeat: u32,
    /// Delayed.
    pub delay: u32,
}

impl Chances {
    /// Whether they are chances: of all frames not more can meet a fate than there are.
    pub fn are_possible(self) -> bool {
        let Chances { lose, repeat, delay } = self;
        [lose, repeat, delay]
            .iter()
            .try_fold(0, |sum: u32, it| sum.checked_add(*it))
            .is_some_and(|sum| sum <= WHOLE)
    }
}

/// The fates of frames in one direction, one after the other.
#[derive(Clone, Debug)]
pub struct Fates {
    chances: Chances,
    random: Rng,
}

impl Fates {
    /// Those that this seed leads to.
    pub fn new(chances: Chances, seed: u64) -> Self {
        Fates { chances, random: Rng::with_seed(seed) }
    }

    /// The next one.
    pub fn draw(&mut self) -> Fate {
        let Chances { lose, repeat, delay } = self.chances;
        let number = self.random.u32(..WHOLE);
        match number {
            _ if number < lose => Fate::Lose,
            _ if number < lose + repeat => Fate::Repeat,
            _ if number < lose + repeat + delay => Fate::Delay,
            _ => Fate::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const CHANCES: Chances = Chances { lose: 50, repeat: 20, delay: 10 };

    fn drawn(chances: Chances, seed: u64) -> Vec<Fate> {
        let mut fates = Fates::new(chances, seed);
        (0..100_000).map(|_| fates.draw()).collect()
    }

    #[test]
    fn fates_are_as_frequent_as_their_chances() {
        let all = drawn(CHANCES, 1);
        let count = |fate| all.iter().filter(|it| **it == fate).count();
        // Six standard deviations at most from what is expected.
        for (fate, expected, deviation) in
            [(Fate::Lose, 5000_usize, 69), (Fate::Repeat, 2000, 45), (Fate::Delay, 1000, 32)]
        {
            assert!(count(fate).abs_diff(expected) < 6 * deviation, "{fate:?}: {}", count(fate));
        }
    }

    #[test]
    fn the_same_seed_leads_to_the_same_fates() {
        assert_eq!(drawn(CHANCES, 7), drawn(CHANCES, 7));
        assert_ne!(drawn(CHANCES, 7), drawn(CHANCES, 8));
    }

    #[test]
    fn what_is_certain_happens() {
        let lost = drawn(Chances { lose: WHOLE, ..Chances::default() }, 1);
        assert!(lost.iter().all(|fate| *fate == Fate::Lose));
        assert!(drawn(Chances::default(), 1).iter().all(|fate| *fate == Fate::Pass));
    }

    #[test]
    fn more_than_all_frames_is_impossible() {
        assert!(CHANCES.are_possible());
        assert!(Chances { lose: 500, repeat: 300, delay: 200 }.are_possible());
        assert!(!Chances { lose: 500, repeat: 300, delay: 201 }.are_possible());
        assert!(!Chances { lose: u32::MAX, repeat: 1, delay: 0 }.are_possible());
    }
}
