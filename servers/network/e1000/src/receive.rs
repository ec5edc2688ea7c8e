//! Frames from the controller: what stands in the descriptors of buffers that it fills (section 3.2.3).

use warren_link::receiver::{Arrived, Descriptors};
use warren_packets::Bad;
use warren_window::Window;

/// Buffers in the ring. The manual wants a multiple of 8.
pub const ENTRIES: usize = 256;
/// How many of them the controller has at most: full and empty rings are told apart by one place that always stays empty.
pub const MOST: usize = ENTRIES - 1;

/// Where in a descriptor the parts are: the length in the lower half of the word behind the address; status and errors in the next one.
const LENGTH: usize = 8;
const STATUS: usize = 12;

const STATUS_DONE: u32 = 1 << 0;
const STATUS_END: u32 = 1 << 1;
const STATUS_IGNORE_CHECKSUM: u32 = 1 << 2;
const STATUS_TRANSPORT_CHECKED: u32 = 1 << 5;
const ERROR_TRANSPORT: u32 = 1 << (8 + 5);
/// Errors of the frame itself, and not of a packet in it.
const ERRORS_FRAME: u32 = (1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 7) << 8;

/// What stands in a descriptor.
#[derive(Debug)]
pub struct Descriptor;

impl Descriptors for Descriptor {
    const ENTRIES: usize = ENTRIES;
    const MOST: usize = MOST;

    fn give(area: &mut impl Window, place: usize, _is_end: bool, buffer: u64) {
        area.write64(place, buffer);
        area.write32(place + LENGTH, 0);
        area.write32(place + STATUS, 0);
    }

    fn arrived(area: &impl Window, place: usize) -> Option<Result<Arrived, Bad>> {
        let status = area.read32(place + STATUS);
        if status & STATUS_DONE == 0 {
            return None;
        }
        if status & STATUS_END == 0 || status & ERRORS_FRAME != 0 {
            return Some(Err(Bad));
        }
        let bytes = usize::from(area.read32(place + LENGTH) as u16);
        let sums = STATUS_IGNORE_CHECKSUM | STATUS_TRANSPORT_CHECKED | ERROR_TRANSPORT;
        Some(Ok(Arrived { bytes, checksum_good: status & sums == STATUS_TRANSPORT_CHECKED }))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_idl::{BUFFER_BYTES, CHECKSUM_GOOD, LinkCounts};
    use warren_link::ring::DESCRIPTOR_BYTES as DESCRIPTOR;
    use warren_packets::Indices;
    use warren_window::fake::Plain;

    use super::*;

    type Receiver = warren_link::receiver::Receiver<Descriptor>;

    const BASE: u64 = 0x1_0000_0000;

    fn ring() -> (Plain, Receiver, Indices) {
        let mut area = Plain::new(ENTRIES * DESCRIPTOR);
        let mut receiver = Receiver::new(0, BASE);
        let mut fresh = Indices::new();
        (0..300).for_each(|buffer| fresh.push(buffer));
        assert!(receiver.refill(&mut area, &mut fresh));
        (area, receiver, fresh)
    }

    fn done(area: &mut Plain, place: usize, bytes: u16, status: u32) {
        area.write32(place * DESCRIPTOR + LENGTH, bytes.into());
        area.write32(place * DESCRIPTOR + STATUS, status);
    }

    #[test]
    fn buffers_are_shown_by_their_addresses() {
        let (area, receiver, fresh) = ring();
        assert_eq!((receiver.filled(), receiver.tail(), fresh.len()), (255, 255, 45));
        assert_eq!((area.read32(0), area.read32(4)), (299 * 4096, 1));
    }

    #[test]
    fn frames_come_out_in_order_until_one_is_not_done() {
        let (mut area, mut receiver, mut fresh) = ring();
        let whole = STATUS_DONE | STATUS_END;
        done(&mut area, 0, 60, whole);
        done(&mut area, 1, 1514, whole | STATUS_TRANSPORT_CHECKED);
        done(&mut area, 2, 61, whole | STATUS_TRANSPORT_CHECKED | ERROR_TRANSPORT);
        done(&mut area, 4, 60, whole);
        let (mut spent, mut counts) = (Indices::new(), LinkCounts::default());
        let frames = receiver.harvest(&area, &mut spent, &mut counts);
        let seen: Vec<_> =
            frames.records().iter().map(|it| (it.buffer, it.bytes, it.flags)).collect();
        assert_eq!(seen, [(299, 60, 0), (298, 1514, CHECKSUM_GOOD), (297, 61, 0)]);
        assert_eq!((spent.len(), receiver.filled(), counts.received_bytes), (3, 252, 1635));
        assert!(receiver.refill(&mut area, &mut fresh));
        assert_eq!(receiver.tail(), 2, "the ring has wrapped around");
    }

    #[test]
    fn what_cannot_be_used_is_dropped() {
        let (mut area, mut receiver, _) = ring();
        let whole = STATUS_DONE | STATUS_END;
        done(&mut area, 0, 4096, STATUS_DONE);
        done(&mut area, 1, 60, whole | 1 << 8);
        done(&mut area, 2, 13, whole);
        done(&mut area, 3, 4097, whole);
        let (mut spent, mut counts) = (Indices::new(), LinkCounts::default());
        assert!(receiver.harvest(&area, &mut spent, &mut counts).is_empty());
        assert_eq!((spent.len(), counts.received_dropped), (4, 4));
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
            prop_assert_eq!(all, (0..300).collect::<Vec<u32>>());
        }
    }
}
