//! The caller's buffer that a function fills.
#![expect(unsafe_code, reason = "write-only memory has no type in Rust, only a pointer")]

use core::{marker::PhantomData, ptr::NonNull};

/// A buffer of the caller that is only written.
///
/// Its contents are not the callee's to see: depending on the placement they are the caller's old
/// bytes or leftovers of another call. So there is no way to read it before it was written.
///
/// O1: the `length` bytes from `start` on are writable, and reached by nobody else, for `'a`.
pub struct Out<'a> {
    start: NonNull<u8>,
    length: usize,
    memory: PhantomData<&'a mut [u8]>,
}

impl<'a> Out<'a> {
    /// The buffer of a call.
    ///
    /// # Safety
    ///
    /// O1 holds; `start` may be anything if `length` is 0.
    #[doc(hidden)]
    #[inline]
    pub unsafe fn from_words(start: *mut u8, length: usize) -> Self {
        let (start, length) = NonNull::new(start).map_or((NonNull::dangling(), 0), |s| (s, length));
        Out { start, length, memory: PhantomData }
    }

    /// The address.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Bytes that fit.
    #[inline]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing fits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Writes bytes from `offset` on, as many as fit, and returns how many that were.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.length.saturating_sub(offset));
        if count > 0 {
            // SAFETY: `offset` is below `length`, so the address is inside the buffer (O1).
            let target = unsafe { self.start.add(offset) };
            // SAFETY: `count` bytes fit behind `offset` and are ours alone (O1), so that `bytes` are others.
            unsafe { target.copy_from_nonoverlapping(NonNull::from(bytes).cast(), count) };
        }
        count
    }

    /// Writes bytes from the start on, as many as fit, and returns how many that were.
    pub fn fill_from(&mut self, bytes: &[u8]) -> usize {
        self.write(0, bytes)
    }

    /// The part of `length` bytes from `offset` on, if that lies inside.
    pub fn part(&mut self, offset: usize, length: usize) -> Option<Out<'_>> {
        if length > self.length.checked_sub(offset)? {
            return None;
        }
        // SAFETY: `offset` is at most `length`, so the address is inside the buffer or at its end (O1).
        let start = unsafe { self.start.add(offset) };
        Some(Out { start, length, memory: PhantomData })
    }

    /// Zeroes the buffer and gives it as a slice, to hand it on to a further call.
    pub fn zeroed(&mut self) -> &mut [u8] {
        // SAFETY: all of the buffer is writable (O1).
        unsafe { self.start.write_bytes(0, self.length) };
        // SAFETY: it is initialised now, and borrowed from `self`, which is the only way to it (O1).
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl<'a> From<&'a mut [u8]> for Out<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Out { start: NonNull::from(&mut *bytes).cast(), length: bytes.len(), memory: PhantomData }
    }
}

impl core::fmt::Debug for Out<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "Out({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut bytes = *b"......";
        let mut out = Out::from(&mut bytes[..5]);
        assert_eq!(out.write(3, b"abc"), 2);
        assert_eq!(out.write(5, b"abc"), 0);
        assert_eq!(out.write(usize::MAX, b"abc"), 0);
        assert_eq!(out.fill_from(b"xy"), 2);
        assert_eq!(&bytes, b"xy.ab.");
    }

    #[test]
    fn a_part_ends_where_it_says() {
        let mut bytes = *b"......";
        let mut out = Out::from(&mut bytes[..]);
        assert_eq!(out.part(2, 3).unwrap().fill_from(b"abcd"), 3);
        assert_eq!(out.part(6, 0).unwrap().len(), 0);
        assert!(out.part(4, 3).is_none());
        assert!(out.part(7, 0).is_none());
        assert!(out.part(1, usize::MAX).is_none());
        assert_eq!(&bytes, b"..abc.");
    }

    #[test]
    fn a_buffer_that_is_handed_on_is_zeroed_before() {
        let mut bytes = *b"secret";
        assert_eq!(Out::from(&mut bytes[..]).zeroed(), [0; 6]);
    }

    #[test]
    fn an_empty_buffer_may_have_any_address() {
        // SAFETY: no bytes are claimed.
        let mut out = unsafe { Out::from_words(core::ptr::null_mut(), 0) };
        assert!(out.is_empty());
        assert_eq!(out.fill_from(b"x"), 0);
    }
}
