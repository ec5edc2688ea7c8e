//! Numbers in bytes from a disk. What lies beyond the end reads as zero: lengths are checked where
//! they mean something, not at each number.

/// The `N` bytes at `offset`.
pub fn array<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut array = [0; N];
    if let Some(found) = bytes.get(offset..).and_then(|rest| rest.first_chunk()) {
        array = *found;
    }
    array
}

/// Little-endian number of two bytes.
pub fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(array(bytes, offset))
}

/// Little-endian number of four bytes.
pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(array(bytes, offset))
}

/// Number of eight bytes in two halves that lie apart.
pub fn u64_of(bytes: &[u8], low: usize, high: usize) -> u64 {
    u64::from(u32_at(bytes, high)) << 32 | u64::from(u32_at(bytes, low))
}
