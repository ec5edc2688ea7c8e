//! Memory that a device shares: its registers, or main memory that it reads and writes by itself.
//!
//! Every access is one access of that width, neither merged nor left out, because the other side
//! acts on it. Nothing that is read is trusted: the device may change it between any two reads.
//! Offsets are constants or computed from checked indices, so one outside the window is a defect of
//! this server and not the device's doing.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
extern crate alloc;

use warren::Mapping;

/// A window onto shared memory.
pub trait Window {
    /// Reads one byte.
    fn read8(&self, offset: usize) -> u8;
    /// Reads two bytes.
    fn read16(&self, offset: usize) -> u16;
    /// Reads four bytes.
    fn read32(&self, offset: usize) -> u32;
    /// Writes one byte.
    fn write8(&mut self, offset: usize, value: u8);
    /// Writes two bytes.
    fn write16(&mut self, offset: usize, value: u16);
    /// Writes four bytes.
    fn write32(&mut self, offset: usize, value: u32);

    /// Writes eight bytes as two halves, as the registers of PCI devices want them.
    #[inline]
    fn write64(&mut self, offset: usize, value: u64) {
        self.write32(offset, value as u32);
        self.write32(offset + 4, (value >> 32) as u32);
    }
}

impl Window for Mapping {
    #[inline]
    fn read8(&self, offset: usize) -> u8 {
        self.read_u8(offset)
    }
    #[inline]
    fn read16(&self, offset: usize) -> u16 {
        self.read_u16(offset)
    }
    #[inline]
    fn read32(&self, offset: usize) -> u32 {
        self.read_u32(offset)
    }
    #[inline]
    fn write8(&mut self, offset: usize, value: u8) {
        self.write_u8(offset, value);
    }
    #[inline]
    fn write16(&mut self, offset: usize, value: u16) {
        self.write_u16(offset, value);
    }
    #[inline]
    fn write32(&mut self, offset: usize, value: u32) {
        self.write_u32(offset, value);
    }
}

#[cfg(any(test, feature = "testing"))]
pub mod fake {
    //! Plain memory in the place of shared memory.

    use alloc::{vec, vec::Vec};

    use super::Window;

    /// Memory of a test.
    pub struct Plain(pub Vec<u8>);

    impl Plain {
        /// Zeroed memory.
        pub fn new(bytes: usize) -> Self {
            Plain(vec![0; bytes])
        }

        /// The bytes at an offset.
        pub fn at<const N: usize>(&self, offset: usize) -> [u8; N] {
            self.0[offset..offset + N].try_into().unwrap()
        }

        /// Overwrites bytes.
        pub fn put(&mut self, offset: usize, bytes: &[u8]) {
            self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    impl Window for Plain {
        fn read8(&self, offset: usize) -> u8 {
            self.0[offset]
        }
        fn read16(&self, offset: usize) -> u16 {
            u16::from_le_bytes(self.at(offset))
        }
        fn read32(&self, offset: usize) -> u32 {
            u32::from_le_bytes(self.at(offset))
        }
        fn write8(&mut self, offset: usize, value: u8) {
            self.put(offset, &[value]);
        }
        fn write16(&mut self, offset: usize, value: u16) {
            self.put(offset, &value.to_le_bytes());
        }
        fn write32(&mut self, offset: usize, value: u32) {
            self.put(offset, &value.to_le_bytes());
        }
    }
}
