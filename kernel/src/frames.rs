//! Which frames of physical memory are free, and who pays for those that are not: one bit and one byte each.
//!
//! They lie in memory that the caller hands in, because there is no heap yet when it is made.
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
    /// Who pays for each taken frame.
    owners: &'a mut [u8],
    /// No word before this one has a free frame.
    first: usize,
    free_count: u64,
}

impl<'a> Frames<'a> {
    /// Words of bits that frames below `end` need; for each there are 64 owners.
    pub fn words_for(end: u64) -> u64 {
        end.div_ceil(FRAME * 64)
    }

    /// All frames that there are bits and owners for, taken by principal 0.
    pub fn new(bits: &'a mut [u64], owners: &'a mut [u8]) -> Self {
        assert!(owners.len() >= bits.len() * 64, "each frame has an owner");
        bits.fill(0);
        owners.fill(0);
        Frames { free: bits, owners, first: 0, free_count: 0 }
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

    /// Takes one frame for `owner` and returns its address.
    pub fn take(&mut self, owner: u8) -> Option<u64> {
        let behind = self.free.get(self.first..)?;
        self.first += behind.iter().position(|&word| word != 0).unwrap_or(behind.len());
        let frame = self.first as u64 * 64 + u64::from(self.free.get(self.first)?.trailing_zeros());
        self.set(frame, false);
        self.owners[frame as usize] = owner;
        Some(frame * FRAME)
    }

    /// Takes `count` frames in a row for `owner` that end at or below `limit`, and returns the address of the first.
    pub fn take_row(&mut self, count: u64, limit: u64, owner: u8) -> Option<u64> {
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
            self.owners[frame as usize] = owner;
        }
        Some(start * FRAME)
    }

    /// Gives a frame back, and returns whose it was.
    pub fn give(&mut self, address: u64) -> u8 {
        let frame = address / FRAME;
        debug_assert!(!self.is_free(frame), "frame {address:#x} is free already");
        self.set(frame, true);
        self.owners[frame as usize]
    }

    /// Lets a frame that is taken belong to another, and returns whose it was.
    pub fn hand_over(&mut self, address: u64, owner: u8) -> u8 {
        core::mem::replace(&mut self.owners[(address / FRAME) as usize], owner)
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
        let (mut bits, mut owners) = ([0; 4], [0; 64 * 4]);
        let mut frames = Frames::new(&mut bits, &mut owners);
        frames.free_range(range(60, 10));
        for expected in 60..70 {
            assert_eq!(frames.take(1), Some(expected * FRAME));
        }
        assert_eq!(frames.take(1), None);
        assert_eq!(frames.hand_over(63 * FRAME, 2), 1);
        assert_eq!(frames.give(63 * FRAME), 2);
        assert_eq!((frames.free_count(), frames.take(1)), (1, Some(63 * FRAME)));
    }

    #[test]
    fn partial_frames_are_never_free() {
        let (mut bits, mut owners) = ([0; 1], [0; 64]);
        let mut frames = Frames::new(&mut bits, &mut owners);
        frames.free_range(Range { start: 1, end: 3 * FRAME + 1 });
        assert_eq!(frames.free_count(), 2);
        frames.take_range(Range { start: 2 * FRAME - 1, end: 2 * FRAME });
        assert_eq!(frames.take(1), Some(2 * FRAME));
    }

    #[test]
    fn a_row_passes_over_gaps_and_keeps_below_its_limit() {
        let (mut bits, mut owners) = ([0; 4], [0; 64 * 4]);
        let mut frames = Frames::new(&mut bits, &mut owners);
        frames.free_range(range(1, 3));
        frames.free_range(range(5, 100));
        assert_eq!(frames.take_row(4, 8 * FRAME, 1), None);
        assert_eq!(frames.take_row(4, 9 * FRAME, 1), Some(5 * FRAME));
        assert_eq!(frames.take_row(3, u64::MAX, 1), Some(FRAME));
        assert_eq!(frames.take_row(97, u64::MAX, 1), None);
        assert_eq!(frames.free_count(), 96);
    }

    #[test]
    fn ranges_beyond_the_bits_are_ignored() {
        let (mut bits, mut owners) = ([0; 1], [0; 64]);
        let mut frames = Frames::new(&mut bits, &mut owners);
        frames.free_range(Range { start: 63 * FRAME, end: u64::MAX });
        assert_eq!(frames.free_count(), 1);
    }
}
