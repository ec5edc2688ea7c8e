//! Sets of small numbers, from which the lowest free one is handed out: regions, stacks, slots.

/// The numbers below `64 × WORDS`, each free or taken.
#[derive(Clone, Debug)]
pub struct Numbers<const WORDS: usize> {
    taken: [u64; WORDS],
}

impl<const WORDS: usize> Default for Numbers<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize> Numbers<WORDS> {
    /// All free.
    pub const fn new() -> Self {
        Numbers { taken: [0; WORDS] }
    }

    /// Takes the lowest free number.
    pub fn take(&mut self) -> Option<usize> {
        let word = self.taken.iter().position(|&word| word != u64::MAX)?;
        let bit = self.taken[word].trailing_ones() as usize;
        self.taken[word] |= 1 << bit;
        Some(word * 64 + bit)
    }

    /// Gives a number back.
    pub fn give(&mut self, number: usize) {
        self.taken[number / 64] &= !(1 << (number % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_taken() {
        let mut numbers = Numbers::<2>::new();
        for expected in 0..128 {
            assert_eq!(numbers.take(), Some(expected));
        }
        assert_eq!(numbers.take(), None);
        numbers.give(70);
        numbers.give(3);
        assert_eq!((numbers.take(), numbers.take(), numbers.take()), (Some(3), Some(70), None));
    }
}
