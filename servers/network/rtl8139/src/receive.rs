//! Frames from the controller: what stands in the descriptors of buffers that it fills (RTL8139C+ datasheet, section 9.2.2).

use warren_idl::BUFFER_BYTES;
use warren_link::receiver::{Arrived, Descriptors};
use warren_packets::Bad;
use warren_window::Window;

/// Buffers in the ring: the most that the controller knows.
pub const ENTRIES: usize = 64;
/// Where in a descriptor the address is, behind two words with what it says.
pub const ADDRESS: usize = 8;

/// The controller has the descriptor.
pub const OWN: u32 = 1 << 31;
/// It is the ring's last one.
pub const RING_END: u32 = 1 << 30;
const FIRST: u32 = 1 << 29;
const LAST: u32 = 1 << 28;
const ERROR: u32 = 1 << 20;
/// Which checksums were looked at: those of TCP, of UDP, or none; and what was found.
const KIND: u32 = 3 << 16;
const KIND_TCP: u32 = 1 << 16;
const KIND_UDP: u32 = 2 << 16;
const BAD_UDP: u32 = 1 << 15;
const BAD_TCP: u32 = 1 << 14;
/// Bytes of the frame.
const BYTES: u32 = 0x1fff;

/// Bytes of the check sequence behind each frame.
const CHECK_SEQUENCE: usize = 4;

/// What stands in a descriptor.
#[derive(Debug)]
pub struct Descriptor;

impl Descriptors for Descriptor {
    const ENTRIES: usize = ENTRIES;
    const MOST: usize = ENTRIES;

    fn give(area: &mut impl Window, place: usize, is_end: bool, buffer: u64) {
        area.write64(place + ADDRESS, buffer);
        area.write32(place + 4, 0);
        let end = if is_end { RING_END } else { 0 };
        // With this word the controller has it.
        area.write32(place, OWN | end | BUFFER_BYTES as u32);
    }

    fn arrived(area: &impl Window, place: usize) -> Option<Result<Arrived, Bad>> {
        let status = area.read32(place);
        if status & OWN != 0 {
            return None;
        }
        if status & (FIRST | LAST | ERROR) != FIRST | LAST {
            return Some(Err(Bad));
        }
        let bytes = ((status & BYTES) as usize).saturating_sub(CHECK_SEQUENCE);
        let checksum_good = match status & KIND {
            KIND_TCP => status & BAD_TCP == 0,
            KIND_UDP => status & BAD_UDP == 0,
            _ => false,
        };
        Some(Ok(Arrived { bytes, checksum_good }))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_idl::{CHECKSUM_GOOD, LinkCounts};
    use warren_link::ring::DESCRIPTOR_BYTES as DESCRIPTOR;
    use warren_packets::Indices;
    use warren_window::fake::Plain;

    use super::*;

    type Receiver = warren_link::receiver::Receiver<Descriptor>;

    const BASE: u64 = 0x1_0000_0000;
    const WHOLE: u32 = FIRST | LAST;

    fn ring() -> (Plain, Receiver, Indices) {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR);
        let mut receiver = Receiver::new(0, BASE);
        let mut fresh = Indices::new();
        (0..100).for_each(|buffer| fresh.push(buffer));
        receiver.refill(&mut area, &mut fresh);
        (area, receiver, fresh)
    }

    #[test]
    fn buffers_are_shown_by_their_addresses_and_the_ring_ends() {
        let (area, receiver, fresh) = ring();
        assert_eq!((receiver.filled(), fresh.len()), (64, 36));
        assert_eq!([area.read32(0), area.read32(8), area.read32(12)], [OWN | 4096, 99 * 4096, 1]);
        assert_eq!(area.read32(63 * DESCRIPTOR), OWN | RING_END | 4096);
    }

    #[test]
    fn frames_come_out_in_order_until_one_is_not_done() {
        let (mut area, mut receiver, mut fresh) = ring();
        for (place, status) in [
            (0, WHOLE | 64),
            (1, WHOLE | KIND_TCP | 1518),
            (2, WHOLE | KIND_UDP | BAD_UDP | 65),
            (4, WHOLE | 64),
        ] {
            area.write32(place * DESCRIPTOR, status);
        }
        let (mut spent, mut counts) = (Indices::new(), LinkCounts::default());
        let frames = receiver.harvest(&area, &mut spent, &mut counts);
        let seen: Vec<_> =
            frames.records().iter().map(|it| (it.buffer, it.bytes, it.flags)).collect();
        assert_eq!(seen, [(99, 60, 0), (98, 1514, CHECKSUM_GOOD), (97, 61, 0)]);
        assert_eq!((spent.len(), receiver.filled(), counts.received_bytes), (3, 61, 1635));
        receiver.refill(&mut area, &mut fresh);
        assert_eq!(receiver.filled(), 64);
        assert_eq!(area.read32(8), 35 * 4096, "the ring has wrapped around");
    }

    #[test]
    fn what_cannot_be_used_is_dropped() {
        let (mut area, mut receiver, _) = ring();
        for (place, status) in [
            (0, FIRST | 64),
            (1, WHOLE | ERROR | 64),
            (2, WHOLE | 17),
            (3, WHOLE | 4101),
            (4, WHOLE),
        ] {
            area.write32(place * DESCRIPTOR, status);
        }
        let (mut spent, mut counts) = (Indices::new(), LinkCounts::default());
        assert!(receiver.harvest(&area, &mut spent, &mut counts).is_empty());
        assert_eq!((spent.len(), counts.received_dropped), (5, 5));
    }

    proptest! {
        #[test]
        fn no_buffer_is_lost_or_doubled_whatever_the_controller_writes(
            rounds in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..300), 1..8),
        ) {
            let (mut area, mut receiver, mut fresh) = ring();
            let mut counts = LinkCounts::default();
            for words in rounds {
                for (at, word) in words.into_iter().enumerate() {
                    area.write32(at * 4 % (ENTRIES * DESCRIPTOR), word);
                }
                let mut spent = Indices::new();
                let frames = receiver.harvest(&area, &mut spent, &mut counts);
                for frame in frames.records() {
                    prop_assert!(spent.as_slice().contains(&frame.buffer));
                    prop_assert!(usize::from(frame.bytes) <= BUFFER_BYTES);
                }
                fresh.append(&mut spent);
                receiver.refill(&mut area, &mut fresh);
            }
            receiver.reset(&mut area, &mut fresh);
            let mut all = fresh.as_slice().to_vec();
            all.sort_unstable();
            prop_assert_eq!(all, (0..100).collect::<Vec<u32>>());
        }
    }
}
