//! Memory that a device or another server may change at any time.
#![expect(unsafe_code, reason = "volatile accesses go through raw pointers")]

use core::ptr::NonNull;

use warren_abi::system::{MAPPINGS_AFTER_HEAP, MAPPINGS_BYTES, PAGE_BYTES};

use crate::{Out, raw::calls};

/// A mapped data space: registers of a device, or memory shared with one or with other servers.
///
/// Whoever else has the data space may change the bytes at any time, a device by itself too. So every
/// access is a volatile one of exactly the width that it says, there are no references into the
/// memory, and *what is read is not trusted*: check it as you would a stranger's argument.
///
/// Offsets and ranges are checked as those of a slice are: one outside of the mapping, or a register
/// that is not aligned to its width, is an error of the driver's and panics. An offset that came out of
/// such memory has to be checked before.
///
/// M1: `start` to `bytes` after it lies in the part of the instance's region where the engine maps data
/// spaces. Nothing that Rust knows of lies there, and what is mapped there stays mapped; an access
/// where nothing is mapped is a fault, which kills this instance and harms nobody else.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory is the same for every thread (M1).
unsafe impl Send for Mapping {}

/// Width of a word-wise copy.
const WORD: usize = size_of::<u64>();

impl Mapping {
    /// The mapping of `bytes` bytes at `address`, as the system's address space answered; `None` if that
    /// is not where it maps data spaces.
    ///
    /// Servers call the address space through the function that the services' crate has for it.
    #[doc(hidden)]
    pub fn at(address: u64, bytes: u64) -> Option<Self> {
        let first = (&raw const calls::HEAP).addr() as u64 + MAPPINGS_AFTER_HEAP;
        let offset = address.checked_sub(first)?;
        let end = offset.checked_add(bytes)?;
        if end > MAPPINGS_BYTES || !address.is_multiple_of(PAGE_BYTES) {
            return None;
        }
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(address as usize))?;
        Some(Mapping { start, bytes: bytes as usize })
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Reads the byte at `offset`.
    pub fn read_u8(&self, offset: usize) -> u8 {
        self.read(offset)
    }

    /// Reads the two bytes at `offset`.
    pub fn read_u16(&self, offset: usize) -> u16 {
        self.read(offset)
    }

    /// Reads the four bytes at `offset`.
    pub fn read_u32(&self, offset: usize) -> u32 {
        self.read(offset)
    }

    /// Reads the eight bytes at `offset`.
    pub fn read_u64(&self, offset: usize) -> u64 {
        self.read(offset)
    }

    /// Writes the byte at `offset`.
    pub fn write_u8(&self, offset: usize, value: u8) {
        self.write(offset, value);
    }

    /// Writes the two bytes at `offset`.
    pub fn write_u16(&self, offset: usize, value: u16) {
        self.write(offset, value);
    }

    /// Writes the four bytes at `offset`.
    pub fn write_u32(&self, offset: usize, value: u32) {
        self.write(offset, value);
    }

    /// Writes the eight bytes at `offset`.
    pub fn write_u64(&self, offset: usize, value: u64) {
        self.write(offset, value);
    }

    /// Copies `bytes` into the mapping, from `offset` on. For memory, not for registers.
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        let (head, words) = self.head(offset, bytes.len());
        let (before, rest) = bytes.split_at(head);
        let (middle, after) = rest.as_chunks::<WORD>();
        let mut at = offset;
        for byte in before {
            self.write(at, *byte);
            at += 1;
        }
        debug_assert_eq!(middle.len(), words);
        for word in middle {
            self.write(at, u64::from_ne_bytes(*word));
            at += WORD;
        }
        for byte in after {
            self.write(at, *byte);
            at += 1;
        }
    }

    /// Copies out of the mapping, from `offset` on, into all of `bytes`. For memory, not for registers.
    pub fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        self.copy_to(offset, &mut Out::from(bytes));
    }

    /// Copies out of the mapping, from `offset` on, into all of a caller's buffer.
    pub fn copy_to(&self, offset: usize, out: &mut Out<'_>) {
        let length = out.len();
        self.check(offset, length);
        let (head, words) = self.head(offset, length);
        for at in 0..head {
            out.write(at, &[self.read_u8(offset + at)]);
        }
        for at in (head..).step_by(WORD).take(words) {
            out.write(at, &self.read_u64(offset + at).to_ne_bytes());
        }
        for at in head + words * WORD..length {
            out.write(at, &[self.read_u8(offset + at)]);
        }
    }

    /// Bytes before the first aligned word of a range, and words that follow.
    fn head(&self, offset: usize, length: usize) -> (usize, usize) {
        let head = (offset.next_multiple_of(WORD) - offset).min(length);
        (head, (length - head) / WORD)
    }

    #[track_caller]
    fn check(&self, offset: usize, length: usize) {
        let fits = offset.checked_add(length).is_some_and(|end| end <= self.bytes);
        assert!(fits, "{length} bytes at {offset} are outside of a mapping of {}", self.bytes);
    }

    /// Address of the value of type `T` at `offset`.
    #[track_caller]
    fn place<T>(&self, offset: usize) -> NonNull<T> {
        self.check(offset, size_of::<T>());
        assert!(offset.is_multiple_of(size_of::<T>()), "{offset} is not aligned");
        // SAFETY: the offset was checked, so the address is inside the mapping (M1).
        unsafe { self.start.add(offset) }.cast()
    }

    #[track_caller]
    fn read<T: Copy>(&self, offset: usize) -> T {
        let place = self.place(offset);
        // SAFETY: the place is inside the mapping and aligned, because a mapping starts at a page (M1); only
        // integers are read, which any bytes are.
        unsafe { place.read_volatile() }
    }

    #[track_caller]
    fn write<T: Copy>(&self, offset: usize, value: T) {
        let place = self.place(offset);
        // SAFETY: the place is inside the mapping and aligned, because a mapping starts at a page (M1).
        unsafe { place.write_volatile(value) };
    }
}
