//! Frames for the controller: a ring of descriptors, one for each piece, and one in front of a frame whose checksum is to be filled in that says how (section 3.3).

use alloc::collections::VecDeque;

use warren_idl::{CHECKSUM_FILL, Packet};
use warren_link::{
    controller,
    ring::{Ring, address},
};
use warren_packets::{Bad, Buffers, Bytes, Indices};
use warren_window::Window;

use crate::receive::{ENTRIES, MOST};

/// Where in a descriptor the word with the status is.
const STATUS: usize = 12;

const KIND_DATA: u32 = 1 << 20;
const END: u32 = 1 << 24;
const CHECK_SEQUENCE: u32 = 1 << 25;
const REPORT: u32 = 1 << 27;
const EXTENDED: u32 = 1 << 29;
/// In the word with the status: the checksum is to be filled in as the context says.
const FILL: u32 = 1 << 9;
const STATUS_DONE: u32 = 1;

/// A frame that the controller has.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Where its last descriptor is.
    last: usize,
    /// How many it has.
    descriptors: usize,
}

/// The ring.
#[derive(Debug)]
pub struct Sender {
    ring: Ring,
    frames: VecDeque<Frame>,
    /// What the controller was told last of how to fill checksums in.
    context: Option<(u8, u8)>,
    /// Physical address of the packet memory.
    packets: u64,
}

impl Sender {
    fn write(&mut self, area: &mut impl Window, words: [u32; 4], buffer: Option<u32>) {
        let place = self.ring.place(self.ring.behind(0));
        for (at, word) in (place..).step_by(4).zip(words) {
            area.write32(at, word);
        }
        self.ring.push(buffer);
    }
}

impl controller::Sender for Sender {
    const ZEROES: usize = 0;

    fn new(at: usize, packets: u64, _zeroes: u64) -> Self {
        let ring = Ring::new(at, ENTRIES, MOST);
        Sender { ring, frames: VecDeque::with_capacity(ENTRIES), context: None, packets }
    }

    fn check<M: Bytes>(_packets: &Buffers<M>, frame: &[Packet]) -> Result<(), Bad> {
        fill(frame).map(drop)
    }

    fn tail(&self) -> usize {
        self.ring.behind(0)
    }

    fn push(&mut self, area: &mut impl Window, frame: &[Packet]) -> bool {
        let Ok(fill) = fill(frame) else { return false };
        let context = fill.filter(|fill| self.context != Some(*fill));
        let descriptors = frame.len() + usize::from(context.is_some());
        if descriptors > self.ring.room() {
            return false;
        }
        if let Some((start, place)) = context {
            // Sum from `start` to the end, and put the sum to `place`.
            let words = [0, u32::from(start) | u32::from(place) << 8, EXTENDED, 0];
            self.write(area, words, None);
            self.context = context;
        }
        let last = self.ring.place(self.ring.behind(frame.len() - 1));
        for (number, piece) in frame.iter().enumerate() {
            let address = address(self.packets, piece);
            let is_last = number + 1 == frame.len();
            let end = if is_last { END | REPORT } else { 0 };
            let command = u32::from(piece.bytes) | KIND_DATA | CHECK_SEQUENCE | EXTENDED | end;
            let options = if fill.is_some() { FILL } else { 0 };
            let words = [address as u32, (address >> 32) as u32, command, options];
            self.write(area, words, Some(piece.buffer));
        }
        self.frames.push_back(Frame { last, descriptors });
        true
    }

    fn reclaim(&mut self, area: &impl Window, spent: &mut Indices) {
        while let Some(Frame { last, descriptors }) = self.frames.front().copied() {
            if area.read32(last + STATUS) & STATUS_DONE == 0 {
                break;
            }
            self.frames.pop_front();
            for buffer in (0..descriptors).filter_map(|_| self.ring.pop()) {
                spent.push(buffer);
            }
        }
    }

    fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        self.ring.reset(area, spent);
        self.frames.clear();
        self.context = None;
    }
}

/// How the checksum of a frame is to be filled in, if it is: from where, and to where.
fn fill(pieces: &[Packet]) -> Result<Option<(u8, u8)>, Bad> {
    let first = pieces.first().ok_or(Bad)?;
    if first.flags & CHECKSUM_FILL == 0 {
        return Ok(None);
    }
    let start = first.checksum_start.checked_sub(first.offset).ok_or(Bad)?;
    let place = start.checked_add(first.checksum_offset).ok_or(Bad)?;
    let byte = |at: u16| u8::try_from(at).map_err(|_| Bad);
    Ok(Some((byte(start)?, byte(place)?)))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_link::{
        controller::{Sender as _, check},
        ring::DESCRIPTOR_BYTES,
    };
    use warren_packets::testing::Plain as Packets;
    use warren_window::fake::Plain;

    use super::*;

    const BASE: u64 = 0x1_0000_0000;

    fn piece(buffer: u32, offset: u16, bytes: u16) -> Packet {
        Packet { buffer, offset, bytes, ..Packet::default() }
    }

    fn filled(buffer: u32, start: u16) -> Packet {
        let it = piece(buffer, 100, 60);
        Packet { flags: CHECKSUM_FILL, checksum_start: start, checksum_offset: 16, ..it }
    }

    fn words(area: &Plain, place: usize) -> [u32; 4] {
        [0, 4, 8, 12].map(|at| area.read32(place * DESCRIPTOR_BYTES + at))
    }

    #[test]
    fn pieces_are_descriptors_and_the_last_one_reports() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        assert!(sender.push(&mut area, &[piece(1, 100, 54), piece(2, 0, 1000)]));
        assert_eq!(words(&area, 0), [4096 + 100, 1, 0x2210_0000 | 54, 0]);
        assert_eq!(words(&area, 1), [8192, 1, 0x2b10_0000 | 1000, 0]);
        let mut spent = Indices::new();
        sender.reclaim(&area, &mut spent);
        assert!(spent.is_empty());
        area.write32(DESCRIPTOR_BYTES + STATUS, STATUS_DONE);
        sender.reclaim(&area, &mut spent);
        assert_eq!((spent.as_slice(), sender.ring.room()), (&[1, 2][..], ENTRIES - 1));
    }

    #[test]
    fn how_to_fill_checksums_in_is_said_when_it_changes() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        for frame in [filled(1, 134), filled(2, 134), piece(3, 100, 60), filled(4, 154)] {
            assert!(sender.push(&mut area, &[frame]));
        }
        assert_eq!(words(&area, 0), [0, 34 | 50 << 8, EXTENDED, 0]);
        assert_eq!(words(&area, 1)[3], FILL);
        assert_eq!((words(&area, 2)[3], words(&area, 3)[3]), (FILL, 0));
        assert_eq!(words(&area, 4), [0, 54 | 70 << 8, EXTENDED, 0]);
        assert_eq!(sender.tail(), 6);
        let mut spent = Indices::new();
        sender.reset(&mut area, &mut spent);
        assert_eq!(spent.as_slice(), [1, 2, 3, 4]);
        assert!(sender.push(&mut area, &[filled(5, 154)]));
        assert_eq!(sender.tail(), 2, "a controller that was reset has forgotten it");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let memory = Buffers::new(Packets::new(4));
        assert_eq!(check::<Sender, _>(&memory, &[filled(1, 134)]), Ok(()));
        for (why, frame) in [
            ("a buffer that is none", piece(4, 0, 60)),
            ("beyond a buffer", piece(0, 4090, 60)),
            ("empty", piece(0, 100, 0)),
            ("to be cut", Packet { segment_bytes: 1000, ..filled(0, 134) }),
            ("summed from before it starts", filled(0, 99)),
            ("summed from far behind", filled(0, 400)),
        ] {
            assert_eq!(check::<Sender, _>(&memory, &[frame]), Err(Bad), "{why}");
        }
        assert_eq!(check::<Sender, _>(&memory, &[]), Err(Bad));
    }

    proptest! {
        #[test]
        fn every_buffer_comes_back_once(
            frames in prop::collection::vec((1usize..6, prop::option::of(100u16..110), 0usize..4), 1..200),
        ) {
            let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
            let mut sender = Sender::new(0, BASE, 0);
            let (mut pushed, mut spent, mut next) = (0..0, Indices::new(), 0);
            for (pieces, start, done) in frames {
                let mut frame: Vec<_> = (next..).take(pieces).map(|it| piece(it, 100, 60)).collect();
                if let Some(start) = start {
                    frame[0] = filled(next, start);
                }
                let room = sender.ring.room();
                if sender.push(&mut area, &frame) {
                    next += pieces as u32;
                    pushed.end = next;
                } else {
                    prop_assert!(room <= pieces);
                }
                for frame in sender.frames.iter().take(done) {
                    area.write32(frame.last + STATUS, STATUS_DONE);
                }
                sender.reclaim(&area, &mut spent);
            }
            sender.reset(&mut area, &mut spent);
            prop_assert_eq!(spent.as_slice().to_vec(), pushed.collect::<Vec<_>>());
        }
    }
}
