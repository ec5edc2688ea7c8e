//! Both directions against a device that follows the rules, and one that does not.

use std::{vec, vec::Vec};

use proptest::prelude::*;
use warren_idl::{
    BUFFER_BYTES, CHECKSUM_FILL, CHECKSUM_GOOD, LinkCounts, OFFLOAD_CHECKSUM, OFFLOAD_SEGMENT_IPV4,
    Packet,
};
use warren_packets::{Bad, Buffers, Indices, testing::Plain as Packets};
use warren_virtio::queue::{Broken, Queue};
use warren_window::{Window, fake::Plain};

use crate::{
    header::HEADER_BYTES,
    receive::Receiver,
    transmit::{HEADER_STRIDE, Sender, header_of},
};

const ENTRIES: u16 = 32;
const BUFFERS: usize = 40;
/// Physical addresses of the packet memory and of the queue's memory.
const BASE: u64 = 0x10_0000;
const AREA: u64 = 0x80_0000;
const HEADERS: usize = Queue::bytes(ENTRIES).next_multiple_of(64);
const AREA_BYTES: usize = HEADERS + ENTRIES as usize * HEADER_STRIDE;

/// The other side of a queue.
struct Device {
    place: warren_virtio::QueuePlace,
    seen: u16,
    used: u16,
}

impl Device {
    fn new(queue: &Queue) -> Self {
        Device { place: queue.place(0), seen: 0, used: 0 }
    }

    /// The next chain: its name, and address and length of each piece.
    fn next(&mut self, area: &Plain) -> Option<(u16, Vec<(u64, usize)>)> {
        let available = self.place.available as usize;
        if self.seen == area.read16(available + 2) {
            return None;
        }
        let head = area.read16(available + 4 + 2 * usize::from(self.seen % ENTRIES));
        self.seen = self.seen.wrapping_add(1);
        let (mut chain, mut next) = (vec![], Some(head));
        while let Some(index) = next {
            let at = self.place.descriptors as usize + 16 * usize::from(index);
            chain.push((u64::from_le_bytes(area.at(at)), area.read32(at + 8) as usize));
            next = (area.read16(at + 12) & 1 != 0).then(|| area.read16(at + 14));
        }
        Some((head, chain))
    }

    /// Gives chains back, and shows them all at once.
    fn give_back(&mut self, area: &mut Plain, done: &[(u16, usize)]) {
        for (head, written) in done {
            let used = self.place.used as usize + 4 + 8 * usize::from(self.used % ENTRIES);
            area.write32(used, (*head).into());
            area.write32(used + 4, *written as u32);
            self.used = self.used.wrapping_add(1);
        }
        area.write16(self.place.used as usize + 2, self.used);
    }

    /// Fills buffers with a frame behind a header.
    fn receive(&mut self, area: &mut Plain, memory: &Buffers<Packets>, frame: &[u8], flags: u8) {
        let count = (frame.len() + HEADER_BYTES).div_ceil(BUFFER_BYTES);
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[0] = flags;
        bytes[10..].copy_from_slice(&(count as u16).to_le_bytes());
        bytes.extend(frame);
        let mut done = vec![];
        for part in bytes.chunks(BUFFER_BYTES) {
            let (head, chain) = self.next(area).expect("there is a buffer");
            let buffer = ((chain[0].0 - BASE) / BUFFER_BYTES as u64) as u32;
            let piece = Packet { buffer, bytes: part.len() as u16, ..Packet::default() };
            memory.write(&piece, 0, part).unwrap();
            done.push((head, part.len()));
        }
        self.give_back(area, &done);
    }
}

fn all() -> Indices {
    let mut indices = Indices::new();
    (0..BUFFERS as u32).for_each(|index| indices.push(index));
    indices
}

struct Bench {
    area: Plain,
    memory: Buffers<Packets>,
    receiver: Receiver,
    device: Device,
    fresh: Indices,
    spent: Indices,
    counts: LinkCounts,
}

impl Bench {
    fn new() -> Self {
        let receiver = Receiver::new(Queue::new(ENTRIES, 0), BASE);
        let device = Device::new(receiver.queue());
        let mut bench = Bench {
            area: Plain::new(AREA_BYTES),
            memory: Buffers::new(Packets::new(BUFFERS)),
            receiver,
            device,
            fresh: all(),
            spent: Indices::new(),
            counts: LinkCounts::default(),
        };
        bench.receiver.refill(&mut bench.area, &mut bench.fresh);
        bench
    }

    fn harvest(&mut self) -> Result<Vec<Vec<Packet>>, Broken> {
        let Bench { area, memory, spent, counts, .. } = self;
        let batch = self.receiver.harvest(area, memory, spent, counts)?;
        Ok(batch.packets().map(<[Packet]>::to_vec).collect())
    }

    fn bytes(&self, frame: &[Packet]) -> Vec<u8> {
        let total: usize = frame.iter().map(|piece| usize::from(piece.bytes)).sum();
        let mut bytes = vec![0; total];
        self.memory.gather(frame, 0, &mut bytes).unwrap();
        bytes
    }
}

fn frame(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 7 + at / 256) as u8).collect()
}

#[test]
fn frames_arrive_whole_whatever_their_length() {
    for bytes in [14, 60, 1514, 4084, 4085, 9014, 65_550] {
        let mut bench = Bench::new();
        let Bench { area, memory, device, .. } = &mut bench;
        device.receive(area, memory, &frame(bytes), 0);
        let frames = bench.harvest().unwrap();
        assert_eq!(frames.len(), 1);
        assert_eq!(bench.bytes(&frames[0]), frame(bytes), "{bytes}");
        assert_eq!(bench.spent.len(), frames[0].len());
        assert_eq!((bench.counts.received, bench.counts.received_bytes), (1, bytes as u64));
    }
}

#[test]
fn what_the_device_vouches_for_is_good() {
    for (flags, expected) in [(0, 0), (1, CHECKSUM_GOOD), (2, CHECKSUM_GOOD)] {
        let mut bench = Bench::new();
        let Bench { area, memory, device, .. } = &mut bench;
        device.receive(area, memory, &frame(60), flags);
        assert_eq!(bench.harvest().unwrap()[0][0].flags, expected);
    }
}

#[test]
fn buffers_go_round() {
    let mut bench = Bench::new();
    for round in 0..300 {
        let Bench { area, memory, device, .. } = &mut bench;
        device.receive(area, memory, &frame(100 + round), 0);
        device.receive(area, memory, &frame(5000 + round), 0);
        let frames = bench.harvest().unwrap();
        assert_eq!(bench.bytes(&frames[1]), frame(5000 + round));
        let mut spent = core::mem::take(&mut bench.spent);
        bench.fresh.append(&mut spent);
        bench.receiver.refill(&mut bench.area, &mut bench.fresh);
        assert_eq!(bench.receiver.filled(), usize::from(ENTRIES));
    }
}

#[test]
fn a_runt_is_dropped() {
    let mut bench = Bench::new();
    let Bench { area, memory, device, .. } = &mut bench;
    device.receive(area, memory, &frame(13), 0);
    assert_eq!(bench.harvest().unwrap(), Vec::<Vec<Packet>>::new());
    assert_eq!((bench.spent.len(), bench.counts.received_dropped), (1, 1));
}

#[test]
fn a_frame_whose_buffers_are_not_all_there_is_a_broken_device() {
    for (count, written) in [(0u16, 60), (3, 4096), (19, 4096), (u16::MAX, 4096), (1, 11)] {
        let mut bench = Bench::new();
        let (head, chain) = bench.device.next(&bench.area).unwrap();
        let buffer = ((chain[0].0 - BASE) / BUFFER_BYTES as u64) as u32;
        let piece = Packet { buffer, bytes: 12, ..Packet::default() };
        bench.memory.write(&piece, 10, &count.to_le_bytes()).unwrap();
        bench.device.give_back(&mut bench.area, &[(head, written)]);
        assert_eq!(bench.harvest(), Err(Broken), "{count} {written}");
    }
}

#[test]
fn frames_are_sent_with_their_headers() {
    let mut area = Plain::new(AREA_BYTES);
    let memory = Buffers::new(Packets::new(BUFFERS));
    let mut sender = Sender::new(Queue::new(ENTRIES, 0), HEADERS, AREA, BASE);
    let mut device = Device::new(sender.queue());
    let pieces = [
        Packet {
            buffer: 3,
            offset: 100,
            bytes: 54,
            more: 1,
            flags: CHECKSUM_FILL,
            checksum_start: 134,
            checksum_offset: 16,
            ..Packet::default()
        },
        Packet { buffer: 9, offset: 0, bytes: 4096, ..Packet::default() },
    ];
    for _ in 0..100 {
        let header = header_of(&memory, &pieces, OFFLOAD_CHECKSUM).unwrap();
        assert!(sender.push(&mut area, header, &pieces));
        sender.queue().publish(&mut area);
        let (head, chain) = device.next(&area).unwrap();
        assert_eq!(chain[0].1, HEADER_BYTES);
        let at = (chain[0].0 - AREA) as usize;
        assert_eq!(area.at::<12>(at), [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]);
        let expected = [(BASE + 3 * 4096 + 100, 54), (BASE + 9 * 4096, 4096)];
        assert_eq!(chain[1..], expected);
        device.give_back(&mut area, &[(head, 0)]);
        let mut spent = Indices::new();
        sender.reclaim(&area, &mut spent).unwrap();
        assert_eq!(spent.as_slice(), [3, 9]);
    }
}

#[test]
fn a_full_queue_takes_no_more_frames() {
    let mut area = Plain::new(AREA_BYTES);
    let mut sender = Sender::new(Queue::new(ENTRIES, 0), HEADERS, AREA, BASE);
    let piece = [Packet { bytes: 60, ..Packet::default() }];
    let taken = (0..100).take_while(|_| sender.push(&mut area, [0; 12], &piece)).count();
    assert_eq!(taken, usize::from(ENTRIES) / 2);
    let mut spent = Indices::new();
    sender.reset(&mut area, &mut spent);
    assert_eq!(spent.len(), taken);
    assert!(sender.push(&mut area, [0; 12], &piece));
}

#[test]
fn what_the_link_does_not_do_is_refused() {
    let memory = Buffers::new(Packets::new(2));
    let plain = Packet { offset: 100, bytes: 90, ..Packet::default() };
    let fill = Packet { flags: CHECKSUM_FILL, checksum_start: 134, checksum_offset: 16, ..plain };
    let cut = Packet { segment_bytes: 30, ..fill };
    memory.write(&cut, 34 + 12, &[0x50]).unwrap();
    let all = OFFLOAD_CHECKSUM | OFFLOAD_SEGMENT_IPV4;
    assert!(header_of(&memory, &[plain], 0).is_ok());
    assert_eq!(header_of(&memory, &[fill], 0), Err(Bad));
    assert_eq!(header_of(&memory, &[cut], OFFLOAD_CHECKSUM), Err(Bad));
    assert_eq!(header_of(&memory, &[cut], all).unwrap()[..4], [1, 1, 54, 0]);
    memory.write(&cut, 34 + 12, &[0xf0]).unwrap();
    assert_eq!(header_of(&memory, &[cut], all), Err(Bad), "TCP's header is longer than the piece");
    assert_eq!(header_of(&memory, &[Packet { buffer: 2, ..plain }], all), Err(Bad));
    assert_eq!(header_of(&memory, &[Packet { bytes: 0, ..plain }], all), Err(Bad));
    assert_eq!(header_of(&memory, &[plain; 19], all), Err(Bad));
}

proptest! {
    /// Whatever a device writes, frames lie in buffers that it had, and each buffer is in one place only.
    #[test]
    fn a_device_that_scribbles_gets_no_buffer_twice(
        steps in prop::collection::vec((0usize..4, any::<usize>(), any::<u8>()), 0..120),
    ) {
        let mut bench = Bench::new();
        for (kind, at, byte) in steps {
            match kind {
                0 => bench.area.0[at % Queue::bytes(ENTRIES)] = byte,
                // Where the used index and the first elements are.
                1 => bench.area.0[bench.device.place.used as usize + 2 + at % 24] = byte % 40,
                2 => {
                    let buffer = (at % BUFFERS) as u32;
                    let piece = Packet { buffer, bytes: 12, ..Packet::default() };
                    bench.memory.write(&piece, at % 12, &[byte % 4]).unwrap();
                }
                _ => match bench.harvest() {
                    Ok(frames) => for frame in frames {
                        prop_assert!(bench.memory.check(&frame).is_ok());
                        prop_assert_eq!(usize::from(frame[0].more) + 1, frame.len());
                    },
                    Err(Broken) => {
                        bench.receiver.reset(&mut bench.area, &mut bench.spent);
                        let mut spent = core::mem::take(&mut bench.spent);
                        bench.fresh.append(&mut spent);
                        bench.receiver.refill(&mut bench.area, &mut bench.fresh);
                    }
                },
            }
            let mut held: Vec<u32> = [bench.fresh.as_slice(), bench.spent.as_slice()].concat();
            prop_assert_eq!(held.len() + bench.receiver.filled(), BUFFERS);
            held.sort_unstable();
            held.dedup();
            prop_assert_eq!(held.len() + bench.receiver.filled(), BUFFERS);
        }
    }
}
