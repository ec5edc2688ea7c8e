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
    #[track_caller]
    #[inline]
    pub fn read_u8(&self, offset: usize) -> u8 {
        self.read(offset)
    }

    /// Reads the two bytes at `offset`.
    #[track_caller]
    #[inline]
    pub fn read_u16(&self, offset: usize) -> u16 {
        self.read(offset)
    }

    /// Reads the four bytes at `offset`.
    #[track_caller]
    #[inline]
    pub fn read_u32(&self, offset: usize) -> u32 {
        self.read(offset)
    }

    /// Reads the eight bytes at `offset`.
    #[track_caller]
    #[inline]
    pub fn read_u64(&self, offset: usize) -> u64 {
        self.read(offset)
    }

    /// Writes the byte at `offset`.
    #[track_caller]
    #[inline]
    pub fn write_u8(&self, offset: usize, value: u8) {
        self.write(offset, value);
    }

    /// Writes the two bytes at `offset`.
    #[track_caller]
    #[inline]
    pub fn write_u16(&self, offset: usize, value: u16) {
        self.write(offset, value);
    }

    /// Writes the four bytes at `offset`.
    #[track_caller]
    #[inline]
    pub fn write_u32(&self, offset: usize, value: u32) {
        self.write(offset, value);
    }

    /// Writes the eight bytes at `offset`.
    #[track_caller]
    #[inline]
    pub fn write_u64(&self, offset: usize, value: u64) {
        self.write(offset, value);
    }

    /// Copies `bytes` into the mapping, from `offset` on. For memory, not for registers.
    #[track_caller]
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) {
        let place = self.range(offset, bytes.len());
        // SAFETY: the range is inside the mapping (M1), and nothing of ours lies there.
        unsafe { copy(place.as_ptr(), bytes.as_ptr(), bytes.len()) };
    }

    /// Copies out of the mapping, from `offset` on, into all of `bytes`. For memory, not for registers.
    #[track_caller]
    pub fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        self.copy_to(offset, &mut Out::from(bytes));
    }

    /// Copies out of the mapping, from `offset` on, into all of a caller's buffer.
    #[track_caller]
    pub fn copy_to(&self, offset: usize, out: &mut Out<'_>) {
        let place = self.range(offset, out.len());
        // SAFETY: the range is inside the mapping (M1), and the buffer is as long and writable (O1).
        unsafe { copy(out.about_to_write(0, out.len()).as_ptr(), place.as_ptr(), out.len()) };
    }

    /// The sum of a range in words of eight bytes, each with its first byte lowest, the last one filled up with zeroes; carries are added in
    /// again. That is what Internet checksums are made of. For memory, not for registers.
    #[track_caller]
    pub fn sum(&self, offset: usize, bytes: usize) -> u64 {
        let place = self.range(offset, bytes);
        // SAFETY: the range is inside the mapping (M1).
        unsafe { sum(place.as_ptr(), bytes) }
    }

    /// Address of a range.
    #[track_caller]
    #[inline]
    fn range(&self, offset: usize, length: usize) -> NonNull<u8> {
        if offset > self.bytes || length > self.bytes - offset {
            self.outside(offset, length);
        }
        // SAFETY: the offset was checked, so the address is inside the mapping or at its end (M1).
        unsafe { self.start.add(offset) }
    }

    /// A range that is not in the mapping.
    #[track_caller]
    #[cold]
    #[inline(never)]
    fn outside(&self, offset: usize, length: usize) -> ! {
        panic!("{length} bytes at {offset} are outside of a mapping of {}", self.bytes);
    }

    /// Address of the value of type `T` at `offset`.
    #[track_caller]
    #[inline]
    fn place<T>(&self, offset: usize) -> NonNull<T> {
        if !offset.is_multiple_of(size_of::<T>()) {
            misaligned(offset);
        }
        self.range(offset, size_of::<T>()).cast()
    }

    #[track_caller]
    #[inline]
    fn read<T: Copy>(&self, offset: usize) -> T {
        let place = self.place(offset);
        // SAFETY: the place is inside the mapping and aligned, because a mapping starts at a page (M1); only
        // integers are read, which any bytes are.
        unsafe { place.read_volatile() }
    }

    #[track_caller]
    #[inline]
    fn write<T: Copy>(&self, offset: usize, value: T) {
        let place = self.place(offset);
        // SAFETY: the place is inside the mapping and aligned, because a mapping starts at a page (M1).
        unsafe { place.write_volatile(value) };
    }
}

/// An offset that is no multiple of the width.
#[track_caller]
#[cold]
#[inline(never)]
fn misaligned(offset: usize) -> ! {
    panic!("{offset} is not aligned");
}

/// Copies bytes that others may change meanwhile.
///
/// Assembly, because the compiler takes it that nobody does while it copies.
///
/// # Safety
///
/// `to` can be written and `from` read for so many bytes, and the ranges do not overlap.
unsafe fn copy(to: *mut u8, from: *const u8, bytes: usize) {
    // SAFETY: eight bytes at a time and then one at a time are `bytes` in all. The direction flag is clear,
    // as the ABI has it.
    unsafe {
        core::arch::asm!(
            "rep movsq",
            "mov ecx, {rest:e}",
            "rep movsb",
            rest = in(reg) bytes % 8,
            inout("rcx") bytes / 8 => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
}

/// Sums bytes that others may change meanwhile, each of which is read once: see [`Mapping::sum`].
///
/// Assembly for the same reason, and for the carries.
///
/// # Safety
///
/// `from` can be read for so many bytes.
unsafe fn sum(from: *const u8, bytes: usize) -> u64 {
    let (mut sum, at): (u64, *const u8);
    // SAFETY: rounds of sixteen words, and then single words, are all words of `bytes`. Each loop begins without carry, `lea` and `dec` leave it, and
    // after two additions of it there is none.
    unsafe {
        core::arch::asm!(
            "xor {sum:e}, {sum:e}",
            "test {rounds}, {rounds}",
            "jz 3f",
            "2:",
            "adc {sum}, [{at}]",
            "adc {sum}, [{at} + 8]",
            "adc {sum}, [{at} + 16]",
            "adc {sum}, [{at} + 24]",
            "adc {sum}, [{at} + 32]",
            "adc {sum}, [{at} + 40]",
            "adc {sum}, [{at} + 48]",
            "adc {sum}, [{at} + 56]",
            "adc {sum}, [{at} + 64]",
            "adc {sum}, [{at} + 72]",
            "adc {sum}, [{at} + 80]",
            "adc {sum}, [{at} + 88]",
            "adc {sum}, [{at} + 96]",
            "adc {sum}, [{at} + 104]",
            "adc {sum}, [{at} + 112]",
            "adc {sum}, [{at} + 120]",
            "lea {at}, [{at} + 128]",
            "dec {rounds}",
            "jnz 2b",
            "adc {sum}, 0",
            "adc {sum}, 0",
            "3:",
            "test {words}, {words}",
            "jz 5f",
            "4:",
            "adc {sum}, [{at}]",
            "lea {at}, [{at} + 8]",
            "dec {words}",
            "jnz 4b",
            "adc {sum}, 0",
            "adc {sum}, 0",
            "5:",
            sum = out(reg) sum,
            at = inout(reg) from => at,
            rounds = inout(reg) bytes / 128 => _,
            words = inout(reg) bytes % 128 / 8 => _,
            options(nostack, readonly),
        );
    }
    let mut last = [0; 8];
    // SAFETY: `at` is behind the last whole word, and so many bytes are left.
    unsafe { copy(last.as_mut_ptr(), at, bytes % 8) };
    let carry;
    (sum, carry) = sum.overflowing_add(u64::from_le_bytes(last));
    sum + u64::from(carry)
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::sum;

    /// The same as `sum`, by long numbers.
    fn plain(bytes: &[u8]) -> u64 {
        let byte = |word, byte: &u8| word << 8 | u128::from(*byte);
        let word = |part: &[u8]| part.iter().rev().fold(0, byte);
        let mut all: u128 = bytes.chunks(8).map(word).sum();
        while all >> 64 != 0 {
            all = (all >> 64) + (all & u128::from(u64::MAX));
        }
        all as u64
    }

    #[test]
    fn bytes_are_summed_wherever_they_begin_and_however_many_there_are() {
        let many: Vec<u8> = (0..400u32).map(|at| (at * at % 251) as u8).collect();
        for start in 0..9 {
            for end in start..many.len() {
                let part = &many[start..end];
                // SAFETY: the bytes are those of a slice.
                let found = unsafe { sum(part.as_ptr(), part.len()) };
                assert_eq!(found, plain(part), "{start} to {end}");
            }
        }
    }

    #[test]
    fn no_carry_is_lost() {
        for bytes in 0..300 {
            let part = vec![0xff; bytes];
            // SAFETY: the bytes are those of a slice.
            let found = unsafe { sum(part.as_ptr(), part.len()) };
            assert_eq!(found, plain(&part), "{bytes}");
        }
    }
}
