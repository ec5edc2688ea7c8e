//! Reading little-endian numbers from bytes that may be too short, at any alignment.

/// Physical memory, as far as it can be read.
pub trait PhysicalBytes {
    /// The bytes from `address` on; `None` if not all of them can be read.
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]>;

    /// A text that ends with a zero byte, without it, cut at `limit` bytes.
    fn text(&self, address: u64, limit: usize) -> Option<&[u8]> {
        let mut length = 0;
        while length < limit && self.bytes(address, length + 1)?[length] != 0 {
            length += 1;
        }
        self.bytes(address, length)
    }
}

/// The `u16` at `offset`.
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

/// The `u32` at `offset`.
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

/// The `u64` at `offset`.
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// Bytes at one physical address, for tests.
#[cfg(test)]
pub(crate) struct Image {
    pub base: u64,
    pub bytes: std::vec::Vec<u8>,
}

#[cfg(test)]
impl PhysicalBytes for Image {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(address.checked_sub(self.base)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}
