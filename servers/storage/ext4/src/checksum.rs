//! CRC-32C, the checksum of ext4's metadata (polynomial of Castagnoli, reflected, not inverted at
//! the end).

const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = index as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (POLYNOMIAL & 0u32.wrapping_sub(sum & 1));
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};

/// Where a checksum starts.
pub const START: u32 = !0;

/// The checksum over further bytes.
pub fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| (sum >> 8) ^ TABLE[usize::from(sum as u8 ^ byte)])
}

/// The checksum over further bytes, of which those at `field` count as zero.
pub fn checksum_without(sum: u32, bytes: &[u8], field: core::ops::Range<usize>) -> u32 {
    let sum = checksum(sum, &bytes[..field.start]);
    let sum = field.clone().fold(sum, |sum, _| checksum(sum, &[0]));
    checksum(sum, &bytes[field.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(!checksum(START, b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_field_counts_as_zero() {
        let sum = checksum_without(START, b"1234", 1..3);
        assert_eq!(sum, checksum(START, b"1\0\x004"));
    }
}
