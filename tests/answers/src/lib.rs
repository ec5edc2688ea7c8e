//! What test servers make of values and buffers. Their callers compute the same and compare.
#![no_std]
#![forbid(unsafe_code)]

use warren_idl::EchoRecord;

/// The sum of narrow numbers, negated if asked.
pub fn narrow(a: u8, b: i16, c: i32, negate: bool) -> i32 {
    let sum = c.wrapping_add(i32::from(a)).wrapping_add(i32::from(b));
    if negate { sum.wrapping_neg() } else { sum }
}

/// The sum of each number times its place, counted from 1.
pub fn many(numbers: [u64; 11]) -> u64 {
    let weighted = (1..).zip(numbers).map(|(place, number)| number.wrapping_mul(place));
    weighted.fold(0, u64::wrapping_add)
}

/// The sum of the bytes.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// `seed`, `seed + 1`, and so on.
pub fn fill(seed: u8, buffer: &mut [u8]) {
    for (at, byte) in buffer.iter_mut().enumerate() {
        *byte = seed.wrapping_add(at as u8);
    }
}

/// Inverts each byte.
pub fn invert(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = !*byte;
    }
}

/// Adds to the widest field and reverses the bytes of each.
pub fn reverse(record: EchoRecord, by: u64) -> EchoRecord {
    let mut small = record.small;
    small.reverse();
    EchoRecord {
        wide: record.wide.wrapping_add(by).swap_bytes(),
        narrow: record.narrow.swap_bytes(),
        small,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanged_arguments_change_the_sum() {
        let first = many([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(first, 506);
        assert_ne!(first, many([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10]));
    }

    #[test]
    fn a_record_reversed_twice_is_the_same() {
        let record = EchoRecord { wide: 0x0102, narrow: 3, small: *b"abcd" };
        let once = reverse(record, 0);
        assert_eq!(once.small, *b"dcba");
        assert_eq!(once.wide, 0x0201 << 48);
        assert_eq!(reverse(once, 0), record);
    }
}
