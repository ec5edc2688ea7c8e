//! Small frames, which are copied.
//!
//! A frame's buffers are to be held until it has left, and to hold them is a call to the packet memory. To copy a small frame costs less. So the driver keeps buffers for that, which come back to it
//! when their frames have left, without a call; a frame that finds none is held as a longer one.

use alloc::boxed::Box;

use warren_idl::{BUFFER_BYTES, Packet};
use warren_packets::{Batch, Buffers, Bytes, Indices, batch::length};

/// Bytes of a frame that is copied, at most: an acknowledgment, a datagram of a few words, and all headers before them.
pub const SMALL_BYTES: usize = 128;
/// Most buffers that are kept for copies.
pub const MOST: usize = 64;
/// One in so many of all buffers is kept.
const PART: usize = 64;

/// How many buffers are kept for copies if there are so many in all.
pub fn kept(buffers: usize) -> usize {
    (buffers / PART).min(MOST)
}

/// The buffers for copies.
#[derive(Debug)]
pub struct Copies {
    free: Indices,
    /// Which of all buffers are kept for copies, by index; empty if none are.
    is_kept: Box<[bool]>,
}

impl Copies {
    /// Keeps these, of so many in all.
    pub fn new(mut free: Indices, buffers: usize) -> Self {
        if free.is_empty() {
            return Copies { free, is_kept: Box::default() };
        }
        let mut is_kept = alloc::vec![false; buffers].into_boxed_slice();
        // Whoever answers names buffers, and might name one that is none.
        free.retain_from(0, |index| match is_kept.get_mut(index as usize) {
            Some(is_kept) => !core::mem::replace(is_kept, true),
            None => false,
        });
        Copies { free, is_kept }
    }

    /// Whether there are some, and all are in use.
    pub fn are_used_up(&self) -> bool {
        self.free.is_empty() && !self.is_kept.is_empty()
    }

    /// Copies the small ones of frames that were checked, as far as there are buffers for them: all frames as they are to be sent.
    pub fn replace<M: Bytes>(&mut self, packets: &Buffers<M>, frames: Batch) -> Batch {
        let mut all = Batch::new();
        let worth_it = !self.free.is_empty() && frames.packets().any(is_small);
        if !worth_it || all.reserve(frames.records().len()).is_err() {
            return frames;
        }
        for frame in frames.packets() {
            // There is room for as many.
            match self.copy(packets, frame) {
                Some(copy) => all.push(copy).ok(),
                None => all.push_packet(frame).ok(),
            };
        }
        all
    }

    /// The copy of a frame, if it is small and there is a buffer for it. What its records say of places in it is true of the copy.
    fn copy<M: Bytes>(&mut self, packets: &Buffers<M>, frame: &[Packet]) -> Option<Packet> {
        let first = frame.first().filter(|_| is_small(frame))?;
        let buffer = self.free.pop()?;
        let bytes = length(frame);
        let copy = Packet { buffer, bytes: bytes as u16, more: 0, ..*first };
        let mut chunk = [0; SMALL_BYTES];
        let read = packets.gather(frame, 0, &mut chunk[..bytes]);
        if read.and_then(|()| packets.write(&copy, 0, &chunk[..bytes])).is_err() {
            self.free.push(buffer);
            return None;
        }
        Some(copy)
    }

    /// Whether a piece is in one of these buffers.
    pub fn has(&self, piece: &Packet) -> bool {
        has(&self.is_kept, piece.buffer)
    }

    /// The buffers of pieces that are not in one of these.
    pub fn others(&self, pieces: &[Packet]) -> Indices {
        let mut others = Indices::with_room(pieces.len());
        pieces.iter().filter(|piece| !self.has(piece)).for_each(|piece| others.push(piece.buffer));
        others
    }

    /// Takes those that are kept out of `spent`, whose first ones, so many as `known`, are none.
    pub fn recover(&mut self, spent: &mut Indices, known: usize) {
        let Copies { free, is_kept } = self;
        spent.retain_from(known, |index| {
            let is_mine = has(is_kept, index);
            if is_mine {
                free.push(index);
            }
            !is_mine
        });
    }

    /// All that are free, which are not kept any more.
    pub fn end(&mut self) -> Indices {
        core::mem::take(&mut self.free)
    }
}

fn has(is_kept: &[bool], buffer: u32) -> bool {
    is_kept.get(buffer as usize).is_some_and(|is_kept| *is_kept)
}

/// Whether a frame is small, and fits into one buffer at the place where it starts.
fn is_small(frame: &[Packet]) -> bool {
    let bytes = length(frame);
    bytes <= SMALL_BYTES
        && frame.first().is_some_and(|first| {
            first.segment_bytes == 0 && usize::from(first.offset) + bytes <= BUFFER_BYTES
        })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use warren_packets::testing::Plain;

    use super::*;

    fn piece(buffer: u32, offset: u16, bytes: u16, more: u16) -> Packet {
        Packet { buffer, offset, bytes, more, checksum_start: 7, ..Packet::default() }
    }

    fn indices(all: &[u32]) -> Indices {
        let mut indices = Indices::new();
        all.iter().for_each(|index| indices.push(*index));
        indices
    }

    fn batch(records: &[Packet]) -> Batch {
        let mut batch = Batch::new();
        records.iter().for_each(|record| batch.push(*record).unwrap());
        batch
    }

    #[test]
    fn small_frames_are_copied_and_others_stay() {
        let packets = Buffers::new(Plain::new(8));
        let small = [piece(0, 100, 3, 1), piece(1, 0, 2, 0)];
        packets.write(&small[0], 0, b"one").unwrap();
        packets.write(&small[1], 0, b"23").unwrap();
        let long = [piece(2, 0, 128, 1), piece(3, 0, 1, 0)];
        let cut = [Packet { segment_bytes: 100, ..piece(4, 0, 100, 0) }];
        let at_end = [piece(5, BUFFER_BYTES as u16 - 3, 3, 1), piece(6, 0, 1, 0)];
        let mut copies = Copies::new(indices(&[7]), 8);
        let all = batch(&[&small[..], &long, &cut, &at_end].concat());
        let sent = copies.replace(&packets, all);
        let sent: Vec<_> = sent.packets().collect();
        assert_eq!(sent, [&[piece(7, 100, 5, 0)][..], &long, &cut, &at_end]);
        assert_eq!(&packets.header::<5>(&sent[0][0]).unwrap(), b"one23");
    }

    #[test]
    fn who_finds_no_buffer_is_not_copied_until_one_has_left() {
        let packets = Buffers::new(Plain::new(4));
        let frames = batch(&[piece(0, 0, 1, 0), piece(1, 0, 1, 0)]);
        let mut copies = Copies::new(indices(&[3]), 4);
        let sent = copies.replace(&packets, frames.clone());
        assert_eq!(Indices::of(sent.records()), indices(&[3, 1]));
        assert!(copies.has(&sent.records()[0]));
        assert_eq!(copies.others(sent.records()), indices(&[1]));
        let mut spent = indices(&[2, 3, 1]);
        copies.recover(&mut spent, 1);
        assert_eq!(spent, indices(&[2, 1]));
        let sent = copies.replace(&packets, frames);
        assert_eq!(Indices::of(sent.records()), indices(&[3, 1]));
    }

    #[test]
    fn only_buffers_that_there_are_are_kept_and_each_once() {
        let mut copies = Copies::new(indices(&[1, 9, 1, u32::MAX]), 4);
        assert_eq!(copies.end(), indices(&[1]));
        assert_eq!([kept(63), kept(256), kept(4096), kept(1 << 20)], [0, 4, 64, 64]);
        let none = Copies::new(Indices::new(), 0);
        assert!(!none.has(&piece(0, 0, 1, 0)));
    }
}
