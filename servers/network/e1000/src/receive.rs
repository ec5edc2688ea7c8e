//! Frames from the controller: a ring of buffers that it fills (section 3.2.3).
//!
//! A frame fits into one buffer. What the controller says is checked: it cannot name a buffer, nor bytes beyond one.

use alloc::{boxed::Box, vec};

use warren_idl::{BUFFER_BYTES, CHECKSUM_GOOD, LinkCounts, Packet};
use warren_packets::{Batch, Indices};
use warren_window::Window;

/// Buffers in the ring. The manual wants a multiple of 8.
pub const ENTRIES: usize = 256;
/// Bytes of a descriptor.
pub const DESCRIPTOR: usize = 16;

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

/// Shortest frame: a header of Ethernet.
const LEAST_FRAME: usize = 14;

/// The ring.
#[derive(Debug)]
pub struct Receiver {
    /// Where in the shared memory it starts.
    at: usize,
    /// The buffer behind each descriptor.
    buffers: Box<[u32]>,
    /// The next descriptor that the controller fills, and the first that it does not have.
    next: usize,
    tail: usize,
    /// Physical address of the packet memory.
    base: u64,
}

impl Receiver {
    /// An empty ring at this offset of the shared memory; the packet memory is at the physical address `base`.
    pub fn new(at: usize, base: u64) -> Self {
        Receiver { at, buffers: vec![0; ENTRIES].into(), next: 0, tail: 0, base }
    }

    /// How many buffers the controller has. One place always stays empty: full and empty rings are told apart by that.
    pub fn filled(&self) -> usize {
        (self.tail + ENTRIES - self.next) % ENTRIES
    }

    /// The first place that the controller does not have.
    pub fn tail(&self) -> usize {
        self.tail
    }

    /// Puts buffers out of `fresh` into the ring, as many as there is room for. Whether there were any.
    pub fn refill(&mut self, area: &mut impl Window, fresh: &mut Indices) -> bool {
        let before = self.tail;
        while self.filled() < ENTRIES - 1 {
            let Some(buffer) = fresh.pop() else { break };
            let place = self.at + self.tail * DESCRIPTOR;
            area.write64(place, self.base + u64::from(buffer) * BUFFER_BYTES as u64);
            area.write32(place + LENGTH, 0);
            area.write32(place + STATUS, 0);
            self.buffers[self.tail] = buffer;
            self.tail = (self.tail + 1) % ENTRIES;
        }
        self.tail != before
    }

    /// Takes frames that have arrived, as many as a batch has room for. Their buffers are added to `spent`.
    pub fn harvest(
        &mut self,
        area: &impl Window,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Batch {
        let mut frames = Batch::new();
        while frames.room() > 0 && self.filled() > 0 {
            let place = self.at + self.next * DESCRIPTOR;
            let status = area.read32(place + STATUS);
            if status & STATUS_DONE == 0 {
                break;
            }
            let bytes = area.read32(place + LENGTH) as u16;
            let buffer = self.buffers[self.next];
            spent.push(buffer);
            self.next = (self.next + 1) % ENTRIES;
            let fits = (LEAST_FRAME..=BUFFER_BYTES).contains(&usize::from(bytes));
            if status & STATUS_END == 0 || status & ERRORS_FRAME != 0 || !fits {
                counts.received_dropped += 1;
                continue;
            }
            let good = status
                & (STATUS_IGNORE_CHECKSUM | STATUS_TRANSPORT_CHECKED | ERROR_TRANSPORT)
                == STATUS_TRANSPORT_CHECKED;
            let flags = if good { CHECKSUM_GOOD } else { 0 };
            counts.received += 1;
            counts.received_bytes += u64::from(bytes);
            // There is room.
            frames.push(Packet { buffer, bytes, flags, ..Packet::default() }).ok();
        }
        frames
    }

    /// Takes back all buffers, after the controller was reset.
    pub fn reset(&mut self, spent: &mut Indices) {
        while self.next != self.tail {
            spent.push(self.buffers[self.next]);
            self.next = (self.next + 1) % ENTRIES;
        }
        (self.next, self.tail) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_window::fake::Plain;

    use super::*;

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
            receiver.reset(&mut fresh);
            let mut all = fresh.as_slice().to_vec();
            all.sort_unstable();
            prop_assert_eq!(all, (0..300).collect::<Vec<u32>>());
        }
    }
}
