//! Frames for the controller: a ring of descriptors, one for each piece (RTL8139C+ datasheet, section 9.2.1).
//!
//! What the controller cuts into segments it reads by itself, out of headers that say how long the whole is, and sums by itself: nothing in them has to be
//! changed for it. It knows only IPv4.

use warren_idl::{CHECKSUM_FILL, PIECES, Packet};
use warren_link::{
    controller,
    ring::{Ring, address},
    segments::TCP_CHECKSUM,
};
use warren_packets::{Bad, Buffers, Bytes, Indices, batch::length};
use warren_window::Window;

use crate::receive::{ADDRESS, ENTRIES, OWN, RING_END};

const FIRST: u32 = 1 << 29;
const LAST: u32 = 1 << 28;
/// The frame is to be cut into segments, with so many bytes each. The bits of checksums are part of that number then.
const LARGE: u32 = 1 << 27;
const SEGMENT_SHIFT: u32 = 16;
const MOST_SEGMENT: u32 = (1 << 11) - 1;
const FILL_UDP: u32 = 1 << 17;
const FILL_TCP: u32 = 1 << 16;

/// Where in the header of UDP the checksum is: the controller looks for it and for TCP's by itself, in packets of IPv4.
const UDP_CHECKSUM: u16 = 6;
/// Where in a frame its kind is, and that of IPv4.
const FRAME_KIND: usize = 12;
const IPV4: [u8; 2] = [0x08, 0x00];

/// Shortest frame without its check sequence. The controller does not make shorter ones longer.
const LEAST_FRAME: usize = 60;

/// The number of bytes of the longest segment that a frame can have has room in a descriptor.
const _: () = assert!(controller::MTU <= MOST_SEGMENT);
/// A frame of all pieces finds room in an empty ring.
const _: () = assert!(PIECES <= ENTRIES);

/// The ring.
#[derive(Debug)]
pub struct Sender {
    ring: Ring,
    /// Physical address of the packet memory, and of bytes that short frames are made longer with.
    packets: u64,
    padding: u64,
}

impl controller::Sender for Sender {
    const ZEROES: usize = LEAST_FRAME;

    fn new(at: usize, packets: u64, zeroes: u64) -> Self {
        Sender { ring: Ring::new(at, ENTRIES, ENTRIES), packets, padding: zeroes }
    }

    fn check<M: Bytes>(packets: &Buffers<M>, frame: &[Packet]) -> Result<(), Bad> {
        if work(frame)? != 0 {
            let mut kind = [0; 2];
            packets.read(frame.first().ok_or(Bad)?, FRAME_KIND, &mut kind)?;
            if kind != IPV4 {
                return Err(Bad);
            }
        }
        Ok(())
    }

    fn tail(&self) -> usize {
        self.ring.behind(0)
    }

    fn push<M: Bytes>(
        &mut self,
        area: &mut impl Window,
        _packets: &Buffers<M>,
        frame: &[Packet],
    ) -> bool {
        let Ok(work) = work(frame) else { return false };
        let padding = LEAST_FRAME.saturating_sub(length(frame));
        let descriptors = frame.len() + usize::from(padding > 0);
        if descriptors > self.ring.room() {
            return false;
        }
        for number in (0..descriptors).rev() {
            let descriptor = self.ring.behind(number);
            let (address, bytes) = match frame.get(number) {
                Some(piece) => (address(self.packets, piece), piece.bytes.into()),
                None => (self.padding, padding as u32),
            };
            // What is done with a frame stands in each of its descriptors.
            let mut command = OWN | work | bytes;
            for (bit, is_set) in [
                (FIRST, number == 0),
                (LAST, number + 1 == descriptors),
                (RING_END, self.ring.is_end(descriptor)),
            ] {
                command |= if is_set { bit } else { 0 };
            }
            let place = self.ring.place(descriptor);
            area.write64(place + ADDRESS, address);
            area.write32(place + 4, 0);
            // The controller has the frame when it has the first one, which is written last.
            area.write32(place, command);
        }
        (0..descriptors).for_each(|at| self.ring.push(frame.get(at).map(|piece| piece.buffer)));
        true
    }

    fn reclaim(&mut self, area: &impl Window, spent: &mut Indices) {
        while let Some(place) = self.ring.first()
            && area.read32(place) & OWN == 0
        {
            self.ring.pop().into_iter().for_each(|buffer| spent.push(buffer));
        }
    }

    fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        self.ring.reset(area, spent);
    }
}

/// What the controller is to do with a frame before it sends it, if anything: to fill the checksum in, or to cut it.
fn work(pieces: &[Packet]) -> Result<u32, Bad> {
    let first = pieces.first().ok_or(Bad)?;
    match (first.flags & CHECKSUM_FILL, first.checksum_offset) {
        (0, _) => Ok(0),
        (_, TCP_CHECKSUM) if first.segment_bytes != 0 => {
            Ok(LARGE | u32::from(first.segment_bytes) << SEGMENT_SHIFT)
        }
        (_, TCP_CHECKSUM) => Ok(FILL_TCP),
        (_, UDP_CHECKSUM) => Ok(FILL_UDP),
        _ => Err(Bad),
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_idl::OFFLOAD_SEGMENT_IPV4;
    use warren_link::{
        controller::{self, Sender as _},
        ring::DESCRIPTOR_BYTES as DESCRIPTOR,
    };
    use warren_packets::testing::Plain as Packets;
    use warren_window::fake::Plain;

    use super::*;

    const BASE: u64 = 0x1_0000_0000;
    const PADDING: u64 = 0x7000;

    fn check(memory: &Buffers<Packets>, frame: &[Packet]) -> Result<(), Bad> {
        controller::check::<Sender, _>(memory, frame, OFFLOAD_SEGMENT_IPV4)
    }

    fn piece(buffer: u32, offset: u16, bytes: u16) -> Packet {
        Packet { buffer, offset, bytes, ..Packet::default() }
    }

    fn filled(offset: u16) -> Packet {
        Packet { flags: CHECKSUM_FILL, checksum_offset: offset, ..piece(0, 100, 60) }
    }

    /// Memory, and the first piece of a frame that can be cut, whose headers are there.
    fn memory() -> (Buffers<Packets>, Packet) {
        let memory = Buffers::new(Packets::new(4));
        let first = Packet { checksum_start: 134, segment_bytes: 1000, ..filled(16) };
        memory.write(&first, FRAME_KIND, &[8, 0, 0x45]).unwrap();
        memory.write(&first, 23, &[6]).unwrap();
        memory.write(&first, 46, &[0x50]).unwrap();
        (memory, first)
    }

    fn words(area: &Plain, place: usize) -> [u32; 3] {
        [0, 8, 12].map(|at| area.read32(place * DESCRIPTOR + at))
    }

    #[test]
    fn pieces_are_descriptors_and_short_frames_are_made_longer() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR);
        let mut sender = Sender::new(0, BASE, PADDING);
        let (memory, _) = memory();
        assert!(sender.push(&mut area, &memory, &[piece(1, 100, 54), piece(2, 0, 1000)]));
        assert_eq!(words(&area, 0), [OWN | FIRST | 54, 4096 + 100, 1]);
        assert_eq!(words(&area, 1), [OWN | LAST | 1000, 8192, 1]);
        assert!(sender.push(&mut area, &memory, &[piece(3, 0, 42)]));
        assert_eq!(words(&area, 3), [OWN | LAST | 18, PADDING as u32, 0]);
        let mut spent = Indices::new();
        area.write32(0, 0);
        sender.reclaim(&area, &mut spent);
        assert_eq!(spent.as_slice(), [1]);
        sender.reset(&mut area, &mut spent);
        assert_eq!((spent.as_slice(), area.read32(16)), (&[1, 2, 3][..], 0));
    }

    #[test]
    fn each_descriptor_of_a_frame_that_is_to_be_cut_says_so() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR);
        let mut sender = Sender::new(0, BASE, PADDING);
        let (memory, first) = memory();
        let frame = [first, piece(2, 0, 4096), piece(3, 0, 4000)];
        assert_eq!(check(&memory, &frame), Ok(()));
        assert!(sender.push(&mut area, &memory, &frame));
        let cut = OWN | LARGE | 1000 << 16;
        assert_eq!(words(&area, 0)[0], cut | FIRST | 60);
        assert_eq!(words(&area, 1)[0], cut | 4096);
        assert_eq!(words(&area, 2)[0], cut | LAST | 4000);
        assert!(sender.push(&mut area, &memory, &[filled(16)]));
        assert_eq!(words(&area, 3)[0], OWN | FIRST | LAST | FILL_TCP | 60, "the next is not cut");
        let bytes = |segment_bytes| [Packet { segment_bytes, ..first }, frame[1], frame[2]];
        assert_eq!(check(&memory, &bytes(1460)), Ok(()));
        assert_eq!(check(&memory, &bytes(1461)), Err(Bad), "longer than a frame");
        assert_eq!(check(&memory, &bytes(1)), Err(Bad), "mostly headers");
        let inner = Packet { segment_bytes: 1000, ..frame[1] };
        assert_eq!(check(&memory, &[first, inner]), Err(Bad), "a piece is no frame");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let memory = Buffers::new(Packets::new(4));
        assert_eq!(check(&memory, &[filled(16)]), Err(Bad), "no packet of IPv4");
        memory.write(&filled(16), FRAME_KIND, &IPV4).unwrap();
        assert_eq!(check(&memory, &[filled(16)]), Ok(()));
        assert_eq!((work(&[filled(16)]), work(&[filled(6)])), (Ok(FILL_TCP), Ok(FILL_UDP)));
        for (why, frame) in [
            ("a buffer that is none", piece(4, 0, 60)),
            ("beyond a buffer", piece(0, 4090, 60)),
            ("empty", piece(0, 100, 0)),
            ("longer than a frame", piece(0, 100, 1515)),
            (
                "to be cut, and nothing behind the headers",
                Packet { segment_bytes: 1000, ..filled(16) },
            ),
            ("a checksum of another protocol", filled(2)),
        ] {
            assert_eq!(check(&memory, &[frame]), Err(Bad), "{why}");
        }
        assert_eq!(check(&memory, &[]), Err(Bad));
    }

    proptest! {
        #[test]
        fn every_buffer_comes_back_once(
            frames in prop::collection::vec((1usize..=PIECES, 1u16..80, any::<bool>(), 0usize..24), 1..200),
        ) {
            let mut area = Plain::new(ENTRIES * DESCRIPTOR);
            let mut sender = Sender::new(0, BASE, PADDING);
            let (memory, first) = memory();
            let (mut pushed, mut spent, mut next) = (0..0, Indices::new(), 0);
            for (pieces, bytes, is_cut, done) in frames {
                let mut frame: Vec<_> = (next..).take(pieces).map(|it| piece(it, 100, bytes)).collect();
                if is_cut {
                    frame[0] = Packet { buffer: next, ..first };
                }
                let room = sender.ring.room();
                if sender.push(&mut area, &memory, &frame) {
                    next += pieces as u32;
                    pushed.end = next;
                } else {
                    prop_assert!(room <= pieces);
                }
                let first = sender.ring.first().unwrap_or(0) / DESCRIPTOR;
                for index in (first..).take(done.min(sender.ring.filled())) {
                    let place = index % ENTRIES * DESCRIPTOR;
                    let command = area.read32(place);
                    area.write32(place, command & !OWN);
                }
                sender.reclaim(&area, &mut spent);
            }
            sender.reset(&mut area, &mut spent);
            prop_assert_eq!(spent.as_slice().to_vec(), pushed.collect::<Vec<_>>());
        }
    }
}
