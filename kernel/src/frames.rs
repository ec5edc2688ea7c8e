//! Which frames of physical memory are free: one bit each.
//!
//! The bits lie in memory that the caller hands in, because there is no heap yet when it is made.
//! Everything is taken at first; the caller frees what the boot loader calls usable and takes
//! away again what is not.

use crate::information::Range;

/// Bytes of a frame.
pub const FRAME: u64 = 4096;

/// The frames below some address, each free or taken.
#[derive(Debug, Default)]
pub struct Frames<'a> {
    /// A set bit is a free frame.
    free: &'a mut [u64],
    /// No word before this one has a free frame.
    first: usize,
    free_count: u64,
}

impl<'a> Frames<'a> {
    /// Bytes of bits that frames below `end` need.
    pub fn bytes_for(end: u64) -> u64 {
        end.div_ceil(FRAME * 64) * 8
    }

    /// All frames that there are bits for, taken.
    pub fn new(bits: &'a mut [u64]) -> Self {
        bits.fill(0);
        Frames { free: bits, first: 0, free_count: 0 }
    }

    /// Frees the frames that lie completely in a range.
    pub fn free_range(&mut self, range: Range) {
        let end = (range.end / FRAME).min(self.free.len() as u64 * 64);
        for frame in range.start.div_ceil(FRAME)..end {
            self.set(frame, true);
        }
    }

    /// Takes the frames that lie in a range with at least one byte.
    pub fn take_range(&mut self, range: Range) {
        let end = range.end.div_ceil(FRAME).min(self.free.len() as u64 * 64);
        for frame in range.start / FRAME..end {
            self.set(frame, false);
        }
    }

    /// Takes one frame and returns its address.
    pub fn take(&mut self) -> Option<u64> {
        let behind = self.free.get(self.first..)?;
        self.first += behind.iter().position(|&word| word != 0).unwrap_or(behind.len());
        let frame = self.first as u64 * 64 + u64::from(self.free.get(self.first)?.trailing_zeros());
        self.set(frame, false);
        Some(frame * FRAME)
    }

    /// Takes `count` frames in a row that end at or below `limit`, and returns the address of the first.
    pub fn take_row(&mut self, count: u64, limit: u64) -> Option<u64> {
        let end = (limit / FRAME).min(self.free.len() as u64 * 64);
        let mut start = self.first as u64 * 64;
        let mut length = 0;
        while length < count {
            let frame = start + length;
            if frame >= end {
                return None;
            }
            if self.is_free(frame) {
                length += 1;
            } else {
                start = frame + 1;
                length = 0;
            }
        }
        for frame in start..start + count {
            self.set(frame, false);
        }
        Some(start * FRAME)
    }

    /// Gives a frame back.
    pub fn give(&mut self, address: u64) {
        let frame = address / FRAME;
        debug_assert!(!self.is_free(frame), "frame {address:#x} is free already");
        self.set(frame, true);
    }

    /// How many are free.
    pub fn free_count(&self) -> u64 {
        self.free_count
    }

    fn is_free(&self, frame: u64) -> bool {
        self.free[(frame / 64) as usize] & (1 << (frame % 64)) != 0
    }

    fn set(&mut self, frame: u64, free: bool) {
        if self.is_free(frame) == free {
            return;
        }
        let word = (frame / 64) as usize;
        self.free[word] ^= 1 << (frame % 64);
        if free {
            self.free_count += 1;
            self.first = self.first.min(word);
        } else {
            self.free_count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, count: u64) -> Range {
        Range { start: first * FRAME, end: (first + count) * FRAME }
    }

    #[test]
    fn every_free_frame_is_taken_once() {
        let mut bits = [0; 4];
        let mut frames = Frames::new(&mut bits);
        frames.free_range(range(60, 10));
        for expected in 60..70 {
            assert_eq!(frames.take(), Some(expected * FRAME));
        }
        assert_eq!(frames.take(), None);
        frames.give(63 * FRAME);
        assert_eq!((frames.free_count(), frames.take()), (1, Some(63 * FRAME)));
    }

    #[test]
    fn partial_frames_are_never_free() {
        let mut bits = [0; 1];
        let mut frames = Frames::new(&mut bits);
        frames.free_range(Range { start: 1, end: 3 * FRAME + 1 });
        assert_eq!(frames.free_count(), 2);
        frames.take_range(Range { start: 2 * FRAME - 1, end: 2 * FRAME });
        assert_eq!(frames.take(), Some(2 * FRAME));
    }

    #[test]
    fn a_row_passes_over_gaps_and_keeps_below_its_limit() {
        let mut bits = [0; 4];
        let mut frames = Frames::new(&mut bits);
        frames.free_range(range(1, 3));
        frames.free_range(range(5, 100));
        assert_eq!(frames.take_row(4, 8 * FRAME), None);
        assert_eq!(frames.take_row(4, 9 * FRAME), Some(5 * FRAME));
        assert_eq!(frames.take_row(3, u64::MAX), Some(FRAME));
        assert_eq!(frames.take_row(97, u64::MAX), None);
        assert_eq!(frames.free_count(), 96);
    }

    #[test]
    fn ranges_beyond_the_bits_are_ignored() {
        let mut bits = [0; 1];
        let mut frames = Frames::new(&mut bits);
        frames.free_range(Range { start: 63 * FRAME, end: u64::MAX });
        assert_eq!(frames.free_count(), 1);
    }
}
