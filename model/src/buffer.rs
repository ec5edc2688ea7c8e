//! The caller's buffer that a function fills.
#![expect(unsafe_code, reason = "write-only memory has no type in Rust, only a pointer")]

use core::{marker::PhantomData, ptr::NonNull};

use warren_abi::call::COUNTED;

/// A buffer of the caller that is only written.
///
/// Its contents are not the callee's to see: depending on the placement they are the caller's old
/// bytes or leftovers of another call. So there is no way to read it before it was written.
///
/// What lies behind the last byte that was written stays with the caller as it was. What was passed over before that is either
/// as it was, or zero.
///
/// O1: the `length` bytes from `start` on are writable, and reached by nobody else, for `'a`.
///
/// O2: if there is a `count`, the buffer is a part of a copy that begins [`COUNT`] bytes behind it, and is as much ours as that part. As many
/// bytes as it says from that beginning on have been written.
pub struct Out<'a> {
    start: NonNull<u8>,
    length: usize,
    count: Option<NonNull<usize>>,
    memory: PhantomData<&'a mut [u8]>,
}

/// Bytes of a count.
const COUNT: usize = size_of::<usize>();

impl<'a> Out<'a> {
    /// The buffer of a call.
    ///
    /// # Safety
    ///
    /// O1 and O2 hold; `start` may be anything if `length` is 0. There is a count if the length is [`COUNTED`].
    #[doc(hidden)]
    #[inline]
    pub unsafe fn from_words(start: *mut u8, length: usize) -> Self {
        let count = match length & COUNTED {
            0 => None,
            _ => NonNull::new(start.wrapping_sub(COUNT).cast()),
        };
        let length = length & !COUNTED;
        let (start, length) = NonNull::new(start).map_or((NonNull::dangling(), 0), |s| (s, length));
        Out { start, length, count, memory: PhantomData }
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
            let target = self.about_to_write(offset, count);
            // SAFETY: the bytes are inside the buffer, and ours alone (O1), so that `bytes` are others.
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
        Some(Out { start, length, count: self.count, memory: PhantomData })
    }

    /// Zeroes the buffer and gives it as a slice, to hand it on to a further call.
    pub fn zeroed(&mut self) -> &mut [u8] {
        let start = self.about_to_write(0, self.length);
        // SAFETY: all of the buffer is writable (O1).
        unsafe { start.write_bytes(0, self.length) };
        // SAFETY: it is initialised now, and borrowed from `self`, which is the only way to it (O1).
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), self.length) }
    }

    /// Where the bytes from `offset` on lie, `length` of which the caller writes next. They must be inside the buffer.
    pub(crate) fn about_to_write(&mut self, offset: usize, length: usize) -> NonNull<u8> {
        debug_assert!(offset <= self.length && length <= self.length - offset);
        // SAFETY: the offset is inside the buffer, or its end.
        let target = unsafe { self.start.add(offset) };
        if let Some(count) = self.count {
            // SAFETY: the count lies right before the copy (O2).
            let first = unsafe { count.add(1) }.cast::<u8>();
            // SAFETY: the buffer is a part of that copy (O2).
            let before = unsafe { target.offset_from_unsigned(first) };
            // SAFETY: the count is ours (O2).
            let written = unsafe { count.read() };
            if before > written {
                // SAFETY: the end of what was written lies in the copy (O2).
                let end = unsafe { first.add(written) };
                // SAFETY: so do the bytes from there to the target (O2).
                unsafe { end.write_bytes(0, before - written) };
            }
            if before + length > written {
                // SAFETY: the count is ours (O2).
                unsafe { count.write(before + length) };
            }
        }
        target
    }
}

impl<'a> From<&'a mut [u8]> for Out<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Out {
            start: NonNull::from(&mut *bytes).cast(),
            length: bytes.len(),
            count: None,
            memory: PhantomData,
        }
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

    /// What is there, and how much of it counts, after `write` has written to a copy of seven bytes.
    fn counted(write: impl FnOnce(Out<'_>)) -> ([u8; 7], usize) {
        #[repr(C)]
        struct Copy {
            count: usize,
            bytes: [u8; 8],
        }
        let mut copy = Copy { count: 0, bytes: *b"leftover" };
        let start = (&raw mut copy).cast::<u8>().wrapping_add(COUNT);
        // SAFETY: seven bytes are ours, and the count before them.
        write(unsafe { Out::from_words(start, 7 | COUNTED) });
        let Copy { count, bytes: [bytes @ .., last] } = copy;
        assert_eq!(last, b'r');
        (bytes, count)
    }

    #[test]
    fn of_a_copy_as_much_counts_as_was_written() {
        let nothing = counted(|mut out| assert_eq!((out.len(), out.write(7, b"x")), (7, 0)));
        assert_eq!(nothing, (*b"leftove", 0));
        let three = counted(|mut out| assert_eq!(out.fill_from(b"abc"), 3));
        assert_eq!(three, (*b"abctove", 3));
        let more = counted(|mut out| {
            out.fill_from(b"abc");
            out.write(1, b"x");
            out.write(2, b"yz");
        });
        assert_eq!(more, (*b"axyzove", 4));
        let all = counted(|mut out| assert_eq!(out.fill_from(b"abcdefghi"), 7));
        assert_eq!(all, (*b"abcdefg", 7));
    }

    #[test]
    fn what_is_passed_over_is_zero_in_a_copy() {
        let gap = counted(|mut out| {
            out.fill_from(b"a");
            out.write(3, b"d");
        });
        assert_eq!(gap, (*b"a\0\0dove", 4));
        let part = counted(|mut out| {
            let mut part = out.part(2, 4).unwrap();
            part.part(1, 2).unwrap().fill_from(b"xyz");
            part.write(0, b"c");
        });
        assert_eq!(part, (*b"\0\0cxyve", 5));
        let all = counted(|mut out| {
            out.part(1, 3).unwrap().zeroed()[1] = b'x';
        });
        assert_eq!(all, (*b"\0\0x\0ove", 4));
    }
}
