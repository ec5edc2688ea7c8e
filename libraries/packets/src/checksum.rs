//! The Internet checksum (RFC 1071), of bytes that come in pieces, and its change when a word changes (RFC 1624).

/// The sum of some bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// As [`sum`] has it.
    sum: u64,
    /// Whether the number of bytes is odd: then the next one is the second of its word.
    odd: bool,
}

/// The sum of words of eight bytes, each with its first byte lowest, the last one filled up with zeroes or cut into shorter ones; carries are added in again.
///
/// The sum does not care where its carries come from, nor how long words are and in which order their bytes, as long as it is the same for all (RFC 1071, section 2).
#[inline]
pub fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let whole = words.iter().fold(0, |sum, word| plus(sum, u64::from_le_bytes(*word)));
    let (half, rest) = rest.as_chunks::<4>();
    let half: u64 = half.iter().map(|half| u64::from(u32::from_le_bytes(*half))).sum();
    let last = rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
    plus(whole, half + last)
}

/// The sum of two sums.
#[inline]
pub fn plus(one: u64, other: u64) -> u64 {
    let (sum, carry) = one.overflowing_add(other);
    sum + u64::from(carry)
}

impl Sum {
    /// Adds the bytes that follow.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        self.append(sum(bytes), bytes.len());
    }

    /// Adds the `count` bytes that follow, whose [`sum`] is known.
    #[inline]
    pub fn append(&mut self, sum: u64, count: usize) {
        self.sum = plus(self.sum, if self.odd { sum.rotate_left(8) } else { sum });
        self.odd ^= count % 2 == 1;
    }

    /// The checksum: the complement of the sum, folded to two bytes.
    #[inline]
    pub fn finish(self) -> u16 {
        (!fold(self.sum)).swap_bytes()
    }
}

/// The sum of two bytes' words, with the carries added in again: twice, the halves are added, and again what that carries.
#[inline]
fn fold(sum: u64) -> u16 {
    let half = (sum.wrapping_add(sum.rotate_left(32)) >> 32) as u32;
    (half.wrapping_add(half.rotate_left(16)) >> 16) as u16
}

/// A checksum after one of the words that it is of has changed (RFC 1624, equation 3).
pub fn changed(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn checksum(bytes: &[u8]) -> u16 {
        let mut sum = Sum::default();
        sum.add(bytes);
        sum.finish()
    }

    #[test]
    fn the_example_of_the_standard_is_right() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
    }

    proptest! {
        #[test]
        fn pieces_sum_up_to_the_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut sum = Sum::default();
            pieces.iter().for_each(|piece| sum.add(piece));
            let whole: Vec<u8> = pieces.concat();
            prop_assert_eq!(sum.finish(), checksum(&whole));
            let plain = whole.chunks(2).fold(0u64, |sum, word| {
                sum + u64::from(word[0]) * 256 + word.get(1).map_or(0, |byte| u64::from(*byte))
            });
            prop_assert_eq!(sum.finish(), !fold(plain));
        }

        #[test]
        fn folding_adds_carries_in_again(sum: u64, shift in 0u32..64) {
            let (sum, mut plain) = (sum >> shift, sum >> shift);
            while plain > 0xffff {
                plain = (plain & 0xffff) + (plain >> 16);
            }
            prop_assert_eq!(u64::from(fold(sum)), plain);
        }

        #[test]
        fn a_change_is_what_summing_again_would_give(mut bytes in prop::collection::vec(any::<u8>(), 4..20), new: u16) {
            // All zero has two sums.
            bytes[2] = 1;
            let (before, old) = (checksum(&bytes), u16::from_be_bytes([bytes[0], bytes[1]]));
            bytes[..2].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(changed(before, old, new), checksum(&bytes));
        }
    }
}
