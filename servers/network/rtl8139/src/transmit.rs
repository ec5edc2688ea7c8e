//! Frames for the controller: a ring of descriptors, one for each piece (RTL8139C+ datasheet, section 9.2.1).
//!
//! Nobody is told when a frame has left: what the controller has done with is taken back when the next one is sent.

use alloc::{boxed::Box, vec};

use warren_idl::{BUFFER_BYTES, CHECKSUM_FILL, PIECES, Packet};
use warren_packets::{Bad, Buffers, Bytes, Indices};
use warren_window::Window;

use crate::receive::{DESCRIPTOR, ENTRIES, OWN, RING_END};

const ADDRESS: usize = 8;

const FIRST: u32 = 1 << 29;
const LAST: u32 = 1 << 28;
const FILL_UDP: u32 = 1 << 17;
const FILL_TCP: u32 = 1 << 16;

/// Where in the headers of UDP and TCP the checksum is: the controller looks for them by itself, in packets of IPv4.
const UDP_CHECKSUM: u16 = 6;
const TCP_CHECKSUM: u16 = 16;
/// Where in a frame its kind is, and that of IPv4.
const FRAME_KIND: usize = 12;
const IPV4: [u8; 2] = [0x08, 0x00];

/// Shortest frame without its check sequence. The controller does not make shorter ones longer.
const LEAST_FRAME: usize = 60;

/// The ring.
#[derive(Debug)]
pub struct Sender {
    /// Where in the shared memory it starts.
    at: usize,
    /// The buffer behind each descriptor.
    buffers: Box<[u32]>,
    /// The first descriptor that the controller still has, and how many it has.
    first: usize,
    filled: usize,
    /// Physical address of the packet memory, and of bytes that short frames are made longer with.
    base: u64,
    padding: u64,
}

/// No buffer is behind a descriptor.
const NONE: u32 = u32::MAX;

impl Sender {
    /// An empty ring at this offset of the shared memory. The packet memory is at the physical address `base`, and [`LEAST_FRAME`] zeroes are
    /// at `padding`.
    pub fn new(at: usize, base: u64, padding: u64) -> Self {
        let buffers = vec![NONE; ENTRIES].into();
        Sender { at, buffers, first: 0, filled: 0, base, padding }
    }

    /// Puts a frame into the ring, whose buffers are held from now on; `false` if there is no room, or it cannot be sent.
    pub fn push(&mut self, area: &mut impl Window, pieces: &[Packet]) -> bool {
        let Ok(fill) = fill(pieces) else { return false };
        let bytes: usize = pieces.iter().map(|piece| usize::from(piece.bytes)).sum();
        let padding = LEAST_FRAME.saturating_sub(bytes);
        let descriptors = pieces.len() + usize::from(padding > 0);
        if descriptors > ENTRIES - self.filled {
            return false;
        }
        let start = (self.first + self.filled) % ENTRIES;
        for number in (0..descriptors).rev() {
            let index = (start + number) % ENTRIES;
            let (address, bytes, buffer) = match pieces.get(number) {
                Some(piece) => {
                    let at = u64::from(piece.buffer) * BUFFER_BYTES as u64;
                    let address = self.base + at + u64::from(piece.offset);
                    (address, piece.bytes.into(), piece.buffer)
                }
                None => (self.padding, padding as u32, NONE),
            };
            let mut command = OWN | fill | bytes;
            for (bit, is_set) in [
                (FIRST, number == 0),
                (LAST, number + 1 == descriptors),
                (RING_END, index + 1 == ENTRIES),
            ] {
                command |= if is_set { bit } else { 0 };
            }
            let place = self.at + index * DESCRIPTOR;
            area.write64(place + ADDRESS, address);
            area.write32(place + 4, 0);
            // The controller has the frame when it has the first one, which is written last.
            area.write32(place, command);
            self.buffers[index] = buffer;
        }
        self.filled += descriptors;
        true
    }

    /// Takes back the buffers that the controller has done with.
    pub fn reclaim(&mut self, area: &impl Window, spent: &mut Indices) {
        while self.filled > 0 && area.read32(self.at + self.first * DESCRIPTOR) & OWN == 0 {
            self.take_back(spent);
        }
    }

    fn take_back(&mut self, spent: &mut Indices) {
        let buffer = core::mem::replace(&mut self.buffers[self.first], NONE);
        if buffer != NONE {
            spent.push(buffer);
        }
        self.first = (self.first + 1) % ENTRIES;
        self.filled -= 1;
    }

    /// Takes back all buffers, after the controller was reset.
    pub fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        while self.filled > 0 {
            self.take_back(spent);
        }
        self.first = 0;
        (0..ENTRIES).for_each(|index| area.write32(self.at + index * DESCRIPTOR, 0));
    }
}

/// How the checksum of a frame is to be filled in, if it is.
fn fill(pieces: &[Packet]) -> Result<u32, Bad> {
    let first = pieces.first().ok_or(Bad)?;
    match (first.flags & CHECKSUM_FILL, first.checksum_offset) {
        (0, _) => Ok(0),
        (_, TCP_CHECKSUM) => Ok(FILL_TCP),
        (_, UDP_CHECKSUM) => Ok(FILL_UDP),
        _ => Err(Bad),
    }
}

/// Whether a frame can be sent.
///
/// # Errors
///
/// Its pieces are empty, too many, or not in buffers, or it asks for what the controller does not do.
pub fn check<M: Bytes>(memory: &Buffers<M>, pieces: &[Packet]) -> Result<(), Bad> {
    memory.check(pieces)?;
    if fill(pieces)? != 0 {
        let mut kind = [0; 2];
        memory.read(pieces.first().ok_or(Bad)?, FRAME_KIND, &mut kind)?;
        if kind != IPV4 {
            return Err(Bad);
        }
    }
    let empty = pieces.iter().any(|piece| piece.bytes == 0);
    let cut = pieces.iter().any(|piece| piece.segment_bytes != 0);
    if empty || cut || pieces.len() > PIECES { Err(Bad) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_packets::testing::Plain as Packets;
    use warren_window::fake::Plain;

    use super::*;

    const BASE: u64 = 0x1_0000_0000;
    const PADDING: u64 = 0x7000;

    fn piece(buffer: u32, offset: u16, bytes: u16) -> Packet {
        Packet { buffer, offset, bytes, ..Packet::default() }
    }

    fn filled(offset: u16) -> Packet {
        Packet { flags: CHECKSUM_FILL, checksum_offset: offset, ..piece(0, 100, 60) }
    }

    fn words(area: &Plain, place: usize) -> [u32; 3] {
        [0, 8, 12].map(|at| area.read32(place * DESCRIPTOR + at))
    }

    #[test]
    fn pieces_are_descriptors_and_short_frames_are_made_longer() {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR);
        let mut sender = Sender::new(0, BASE, PADDING);
        assert!(sender.push(&mut area, &[piece(1, 100, 54), piece(2, 0, 1000)]));
        assert_eq!(words(&area, 0), [OWN | FIRST | 54, 4096 + 100, 1]);
        assert_eq!(words(&area, 1), [OWN | LAST | 1000, 8192, 1]);
        assert!(sender.push(&mut area, &[piece(3, 0, 42)]));
        assert_eq!(words(&area, 3), [OWN | LAST | 18, PADDING as u32, 0]);
        let mut spent = Indices::new();
        area.write32(0, 0);
        sender.reclaim(&area, &mut spent);
        assert_eq!(spent.as_slice(), [1]);
        sender.reset(&mut area, &mut spent);
        assert_eq!((spent.as_slice(), area.read32(16)), (&[1, 2, 3][..], 0));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let memory = Buffers::new(Packets::new(4));
        assert_eq!(check(&memory, &[filled(16)]), Err(Bad), "no packet of IPv4");
        memory.write(&filled(16), FRAME_KIND, &IPV4).unwrap();
        assert_eq!(check(&memory, &[filled(16)]), Ok(()));
        assert_eq!((fill(&[filled(16)]), fill(&[filled(6)])), (Ok(FILL_TCP), Ok(FILL_UDP)));
        for (why, frame) in [
            ("a buffer that is none", piece(4, 0, 60)),
            ("beyond a buffer", piece(0, 4090, 60)),
            ("empty", piece(0, 100, 0)),
            ("to be cut", Packet { segment_bytes: 1000, ..filled(16) }),
            ("a checksum of another protocol", filled(2)),
        ] {
            assert_eq!(check(&memory, &[frame]), Err(Bad), "{why}");
        }
        assert_eq!(check(&memory, &[]), Err(Bad));
    }

    proptest! {
        #[test]
        fn every_buffer_comes_back_once(
            frames in prop::collection::vec((1usize..6, 1u16..80, 0usize..8), 1..200),
        ) {
            let mut area = Plain::new(ENTRIES * DESCRIPTOR);
            let mut sender = Sender::new(0, BASE, PADDING);
            let (mut pushed, mut spent, mut next) = (0..0, Indices::new(), 0);
            for (pieces, bytes, done) in frames {
                let frame: Vec<_> = (next..).take(pieces).map(|it| piece(it, 100, bytes)).collect();
                let room = ENTRIES - sender.filled;
                if sender.push(&mut area, &frame) {
                    next += pieces as u32;
                    pushed.end = next;
                } else {
                    prop_assert!(room <= pieces);
                }
                for index in (sender.first..).take(done.min(sender.filled)) {
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
