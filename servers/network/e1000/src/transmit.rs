//! Frames for the controller: a ring of descriptors (section 3.3.6), one for each piece, and one in front of a frame whose checksum is to be filled in, or which is to be cut
//! into segments, that says how: [`work`](crate::work).

use alloc::collections::VecDeque;

use warren_idl::{BUFFER_BYTES, Packet};
use warren_link::{
    controller,
    ring::{Ring, address},
};
use warren_packets::{Bad, Buffers, Bytes, Indices};
use warren_window::Window;

use crate::{
    receive::{ENTRIES, MOST},
    work::{Division, EXTENDED, SEGMENTS_AT_A_TIME, Work, cut_context, prepare},
};

/// Where in a descriptor the word with the status is.
const STATUS: usize = 12;

const KIND_DATA: u32 = 1 << 20;
const END: u32 = 1 << 24;
const CHECK_SEQUENCE: u32 = 1 << 25;
const REPORT: u32 = 1 << 27;
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
    /// A frame was cut, and none with one descriptor has followed.
    has_cut: bool,
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

    /// Whether the controller knows how to do this without being told.
    fn knows(&self, work: Work) -> bool {
        match work {
            Work::Nothing => true,
            Work::Fill(start, place) => self.context == Some((start, place)),
            Work::Cut(_) => false,
        }
    }

    /// Tells the controller how to do this with the frames behind.
    fn tell(&mut self, area: &mut impl Window, work: Work) {
        let (words, context) = match work {
            Work::Nothing => return,
            Work::Fill(start, place) => {
                let words = [0, u32::from(start) | u32::from(place) << 8, EXTENDED, 0];
                (words, Some((start, place)))
            }
            // Whether it remembers the other one depends on the controller.
            Work::Cut(cut) => (cut_context(&cut), None),
        };
        self.write(area, words, None);
        self.context = context;
    }
}

impl controller::Sender for Sender {
    const ZEROES: usize = 0;

    fn new(at: usize, packets: u64, _zeroes: u64) -> Self {
        let (ring, frames) = (Ring::new(at, ENTRIES, MOST), VecDeque::with_capacity(ENTRIES));
        Sender { ring, frames, context: None, has_cut: false, packets }
    }

    fn check<M: Bytes>(packets: &Buffers<M>, frame: &[Packet]) -> Result<(), Bad> {
        Work::of(packets, frame).map(drop)
    }

    fn tail(&self) -> usize {
        self.ring.behind(0)
    }

    fn push<M: Bytes>(
        &mut self,
        area: &mut impl Window,
        packets: &Buffers<M>,
        frame: &[Packet],
    ) -> bool {
        let Ok(work) = Work::of(packets, frame) else { return false };
        let follows_cut = self.has_cut && frame.len() == 1;
        let division = match work {
            Work::Cut(cut) => Division {
                most: SEGMENTS_AT_A_TIME * usize::from(cut.segment_bytes),
                has_tail: true,
            },
            _ => Division { most: BUFFER_BYTES, has_tail: follows_cut },
        };
        let descriptors = division.count(frame) + usize::from(!self.knows(work));
        if descriptors > self.ring.room() {
            return false;
        }
        if let (Work::Cut(cut), [first, ..]) = (work, frame) {
            if prepare(packets, first, &cut).is_err() {
                return false;
            }
            self.has_cut = true;
        } else if follows_cut {
            self.has_cut = false;
        }
        if !self.knows(work) {
            self.tell(area, work);
        }
        let (mut last, (command, options)) = (0, work.words());
        for (number, piece) in frame.iter().enumerate() {
            let (start, bytes) = (address(self.packets, piece), usize::from(piece.bytes));
            let is_last = number + 1 == frame.len();
            for part in division.parts(bytes, is_last) {
                let address = start + part.start as u64;
                // The buffer comes back when the last of its descriptors does.
                let buffer = (part.end == bytes).then_some(piece.buffer);
                let end = if is_last && part.end == bytes { END | REPORT } else { 0 };
                let command =
                    part.len() as u32 | KIND_DATA | CHECK_SEQUENCE | EXTENDED | command | end;
                last = self.ring.place(self.ring.behind(0));
                let words = [address as u32, (address >> 32) as u32, command, options];
                self.write(area, words, buffer);
            }
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
        self.has_cut = false;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_idl::{CHECKSUM_FILL, OFFLOAD_CHECKSUM, OFFLOAD_SEGMENT_IPV4, PIECES};
    use warren_link::{
        controller::{self, Sender as _},
        ring::DESCRIPTOR_BYTES,
        segments::LEAST_BYTES,
    };
    use warren_packets::testing::Plain as Packets;
    use warren_window::fake::Plain;

    use super::*;
    use crate::work::FILL;

    const BASE: u64 = 0x1_0000_0000;

    fn check(memory: &Buffers<Packets>, frame: &[Packet]) -> Result<(), Bad> {
        controller::check::<Sender, _>(memory, frame, OFFLOAD_SEGMENT_IPV4)
    }

    fn piece(buffer: u32, offset: u16, bytes: u16) -> Packet {
        Packet { buffer, offset, bytes, ..Packet::default() }
    }

    fn filled(buffer: u32, start: u16) -> Packet {
        let it = piece(buffer, 100, 60);
        Packet { flags: CHECKSUM_FILL, checksum_start: start, checksum_offset: 16, ..it }
    }

    /// Memory, and the first piece of a frame that can be cut, whose headers are there.
    fn memory() -> (Buffers<Packets>, Packet) {
        let memory = Buffers::new(Packets::new(4));
        let first = with_headers(&memory, Packet { segment_bytes: 1000, ..filled(1, 134) });
        (memory, first)
    }

    fn with_headers(memory: &Buffers<Packets>, first: Packet) -> Packet {
        memory.write(&first, 12, &[8, 0, 0x45, 0, 0x21, 0x20]).unwrap();
        memory.write(&first, 23, &[6, 0xaa, 0xaa, 10, 9, 0, 2, 10, 9, 0, 1]).unwrap();
        memory.write(&first, 46, &[0x50]).unwrap();
        first
    }

    fn words(area: &Plain, place: usize) -> [u32; 4] {
        [0, 4, 8, 12].map(|at| area.read32(place * DESCRIPTOR_BYTES + at))
    }

    #[test]
    fn pieces_are_descriptors_and_the_last_one_reports() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        let (memory, _) = memory();
        assert!(sender.push(&mut area, &memory, &[piece(1, 100, 54), piece(2, 0, 1000)]));
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
        let (memory, _) = memory();
        for frame in [filled(1, 134), filled(2, 134), piece(3, 100, 60), filled(4, 154)] {
            assert!(sender.push(&mut area, &memory, &[frame]));
        }
        assert_eq!(words(&area, 0), [0, 34 | 50 << 8, EXTENDED, 0]);
        assert_eq!(words(&area, 1)[3], FILL);
        assert_eq!((words(&area, 2)[3], words(&area, 3)[3]), (FILL, 0));
        assert_eq!(words(&area, 4), [0, 54 | 70 << 8, EXTENDED, 0]);
        assert_eq!(sender.tail(), 6);
        let mut spent = Indices::new();
        sender.reset(&mut area, &mut spent);
        assert_eq!(spent.as_slice(), [1, 2, 3, 4]);
        assert!(sender.push(&mut area, &memory, &[filled(5, 154)]));
        assert_eq!(sender.tail(), 2, "a controller that was reset has forgotten it");
    }

    #[test]
    fn how_a_frame_is_cut_is_said_in_front_of_it() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        let (memory, first) = memory();
        let frame = [first, piece(2, 0, 4096), piece(3, 8, 3000)];
        assert_eq!(check(&memory, &frame), Ok(()));
        let older = controller::check::<Sender, _>(&memory, &frame, OFFLOAD_CHECKSUM);
        assert_eq!(older, Err(Bad), "a controller that does not cut");
        for round in [0, 6] {
            assert!(sender.push(&mut area, &memory, &frame));
            // From 14 on, to 24, up to 33; from 34 on, to 50; 6 bytes behind 54 are the first piece's.
            let context = [14 | 24 << 8 | 33 << 16, 34 | 50 << 8, 0x2700_0000 | 7102, 0x03e8_3600];
            assert_eq!(words(&area, round), context);
            // No descriptor has more than four segments, and the last one only a tail.
            let data = 0x2610_0000;
            for (place, expected) in (round + 1..).zip([
                [4096 + 100, 1, data | 60, 0x300],
                [8192, 1, data | 4000, 0x300],
                [8192 + 4000, 1, data | 96, 0x300],
                [12_288 + 8, 1, data | 2996, 0x300],
                [12_288 + 3004, 1, data | END | REPORT | 4, 0x300],
            ]) {
                assert_eq!(words(&area, place), expected, "{place}");
            }
        }
        let mut spent = Indices::new();
        area.write32(5 * DESCRIPTOR_BYTES + STATUS, STATUS_DONE);
        sender.reclaim(&area, &mut spent);
        assert_eq!(spent.as_slice(), [1, 2, 3], "once each");
    }

    #[test]
    fn headers_of_a_frame_that_is_cut_are_what_the_controller_goes_out_from() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        let (memory, first) = memory();
        let frame = [first, piece(2, 0, 4000)];
        let header = || memory.header::<54>(&first).unwrap();
        let before = header();
        assert!(sender.push(&mut area, &memory, &frame));
        let after = header();
        assert_eq!((&after[16..18], &after[24..26]), (&[0; 2][..], &[0; 2][..]));
        assert_eq!(after[50..52], [0x14, 0x1b]);
        for at in (0..54).filter(|at| ![16, 17, 24, 25, 50, 51].contains(at)) {
            assert_eq!(before[at], after[at], "{at}");
        }
        assert!(sender.push(&mut area, &memory, &frame));
        assert_eq!(header(), after, "a second time changes nothing");
        while sender.push(&mut area, &memory, &frame) {}
        memory.write(&first, 16, &[0x21]).unwrap();
        assert!(!sender.push(&mut area, &memory, &frame));
        assert_eq!(header()[16], 0x21, "nor does a frame that finds no room");
    }

    #[test]
    fn behind_a_frame_that_is_cut_all_is_said_again_and_one_has_a_tail() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        let (memory, first) = memory();
        assert!(sender.push(&mut area, &memory, &[filled(0, 134)]));
        assert!(sender.push(&mut area, &memory, &[first, piece(2, 0, 8)]));
        assert_eq!(sender.tail(), 2 + 3, "eight bytes have no tail");
        assert!(sender.push(&mut area, &memory, &[filled(0, 134)]));
        assert_eq!(words(&area, 5), [0, 34 | 50 << 8, EXTENDED, 0]);
        assert_eq!(words(&area, 6)[2..], [0x2210_0000 | 56, FILL]);
        assert_eq!(words(&area, 7), [100 + 56, 1, 0x2b10_0000 | 4, FILL]);
        assert!(sender.push(&mut area, &memory, &[filled(0, 134)]));
        assert_eq!(words(&area, 8)[2..], [0x2b10_0000 | 60, FILL]);
    }

    #[test]
    fn the_longest_frame_with_the_shortest_segments_finds_room() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
        let mut sender = Sender::new(0, BASE, 0);
        let (memory, first) = memory();
        let mut frame = [piece(2, 0, 4040); PIECES];
        (frame[0], frame[PIECES - 1].bytes) =
            (Packet { segment_bytes: LEAST_BYTES, ..first }, 65_535 - 60 - 16 * 4040);
        assert_eq!(check(&memory, &frame), Ok(()));
        assert!(sender.push(&mut area, &memory, &frame));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let memory = Buffers::new(Packets::new(4));
        assert_eq!(check(&memory, &[filled(1, 134)]), Ok(()));
        for (why, frame) in [
            ("a buffer that is none", piece(4, 0, 60)),
            ("beyond a buffer", piece(0, 4090, 60)),
            ("empty", piece(0, 100, 0)),
            ("longer than a frame", piece(0, 100, 1515)),
            ("to be cut, and no frame of TCP", Packet { segment_bytes: 1000, ..filled(0, 134) }),
            ("summed from before it starts", filled(0, 99)),
            ("summed from far behind", filled(0, 400)),
        ] {
            assert_eq!(check(&memory, &[frame]), Err(Bad), "{why}");
        }
        assert_eq!(check(&memory, &[]), Err(Bad));
    }

    proptest! {
        #[test]
        fn every_buffer_comes_back_once(
            frames in prop::collection::vec(
                (
                    (1usize..6, 12u16..900),
                    prop::option::of(100u16..110),
                    prop::option::of(LEAST_BYTES..1000),
                    0usize..4,
                ),
                1..200,
            ),
        ) {
            let mut area = Plain::new(ENTRIES * DESCRIPTOR_BYTES);
            let mut sender = Sender::new(0, BASE, 0);
            let memory = Buffers::new(Packets::new(6 * frames.len()));
            let (mut pushed, mut spent, mut next) = (0..0, Indices::new(), 0);
            for ((pieces, bytes), start, segment, done) in frames {
                let mut frame: Vec<_> =
                    (next..).take(pieces).map(|it| piece(it, 100, bytes)).collect();
                if let Some(start) = start {
                    frame[0] = filled(next, start);
                }
                if let Some(segment_bytes) = segment.filter(|_| pieces > 1) {
                    let first = Packet { segment_bytes, ..filled(next, 134) };
                    frame[0] = with_headers(&memory, first);
                }
                let room = sender.ring.room();
                if sender.push(&mut area, &memory, &frame) {
                    next += pieces as u32;
                    pushed.end = next;
                } else {
                    // A context, four parts of each piece, a tail.
                    prop_assert!(room < 4 * pieces + 2);
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
