//! Numbers without pattern from a range, the same ones in each run: when the timer interrupts next, if it is to do so in places where it
//! seldom would.

/// The range, and where drawing begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    least: u32,
    /// How many numbers there are.
    count: u32,
    seed: u64,
}

impl Jitter {
    /// From a text like `200-4000` or `200-4000:7`: the least and the greatest number, and the seed, which is 0 if it is not said. `None` if that
    /// is no range above 0.
    pub fn parse(text: &str) -> Option<Self> {
        let (range, seed) = text.split_once(':').unwrap_or((text, "0"));
        let (least, greatest) = range.split_once('-')?;
        let (least, greatest): (u32, u32) = (least.parse().ok()?, greatest.parse().ok()?);
        let count = greatest.checked_sub(least)?.checked_add(1)?;
        let seed = seed.parse().ok()?;
        (least > 0).then_some(Jitter { least, count, seed })
    }

    /// One of several sequences, by its number: where it begins.
    pub fn sequence(&self, number: usize) -> u64 {
        mixed(self.seed.wrapping_add(mixed(number as u64)))
    }

    /// The next number of a sequence.
    pub fn draw(&self, sequence: &mut u64) -> u32 {
        *sequence = sequence.wrapping_add(STEP);
        let drawn = mixed(*sequence) as u32;
        self.least + ((u64::from(drawn) * u64::from(self.count)) >> 32) as u32
    }
}

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::Jitter;

    fn draw(text: &str, sequence: usize, count: usize) -> Vec<u32> {
        let jitter = Jitter::parse(text).unwrap();
        let mut sequence = jitter.sequence(sequence);
        (0..count).map(|_| jitter.draw(&mut sequence)).collect()
    }

    #[test]
    fn numbers_lie_in_the_range_and_reach_both_ends() {
        let mut seen = [0; 10];
        draw("3-6", 0, 1000).into_iter().for_each(|number| seen[number as usize] += 1);
        assert!(seen[3..=6].iter().all(|times| (200..300).contains(times)), "{seen:?}");
        assert_eq!(seen[3..=6].iter().sum::<i32>(), 1000);
    }

    #[test]
    fn a_range_of_one_number_has_that_number() {
        assert_eq!(draw("7-7", 0, 2), [7, 7]);
        let greatest = u32::MAX;
        assert!(draw(&std::format!("1-{greatest}"), 0, 1)[0] > 0);
    }

    #[test]
    fn seeds_and_sequences_differ_and_are_the_same_each_time() {
        let first = draw("1-1000000", 0, 10);
        assert_eq!(first, draw("1-1000000:0", 0, 10));
        assert_ne!(first, draw("1-1000000:1", 0, 10));
        assert_ne!(first, draw("1-1000000", 1, 10));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "5", "5-", "-5", "6-5", "0-5", "1-4294967296", "1-2-3", "a-b", "1-2:x"] {
            assert_eq!(Jitter::parse(text), None, "{text}");
        }
    }
}
