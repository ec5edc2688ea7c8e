use std::{collections::VecDeque, vec, vec::Vec};

use proptest::prelude::*;

use warren_window::fake::Plain;

use super::*;

const BASE: u64 = 0x10_0000;

/// Where the parts of the queue are (virtio 1.2, section 2.7), and its flags.
const DESCRIPTORS: usize = 0;
const AVAILABLE: usize = 512;
const USED: usize = 640;
const FLAG_NEXT: u16 = 1;
const FLAG_DEVICE_WRITES: u16 = 2;

/// The other side of the ring, as the specification describes it: it knows the memory only by
/// descriptors, and answers in any order.
struct Device {
    disk: Vec<u8>,
    seen: u16,
    used: u16,
    taken: VecDeque<u16>,
}

impl Device {
    fn new() -> Self {
        let disk = (0..64 * 512).map(|at| (at / 512) as u8).collect();
        Device { disk, seen: 0, used: 0, taken: VecDeque::new() }
    }

    fn take_requests(&mut self, memory: &Plain) {
        while self.seen != memory.read16(AVAILABLE + 2) {
            let place = usize::from(self.seen % QUEUE_ENTRIES);
            self.taken.push_back(memory.read16(AVAILABLE + 4 + 2 * place));
            self.seen = self.seen.wrapping_add(1);
        }
    }

    fn chain(memory: &Plain, head: u16) -> Vec<(usize, usize, bool)> {
        let mut chain = vec![];
        let mut next = Some(head);
        while let Some(index) = next {
            let at = DESCRIPTORS + 16 * usize::from(index);
            let address = u64::from_le_bytes(memory.at(at)) - BASE;
            let flags = memory.read16(at + 12);
            let writes = flags & FLAG_DEVICE_WRITES != 0;
            chain.push((address as usize, memory.read32(at + 8) as usize, writes));
            next = (flags & FLAG_NEXT != 0).then(|| memory.read16(at + 14));
        }
        chain
    }

    fn answer(&mut self, memory: &mut Plain, which: usize) {
        let head = self.taken.remove(which).unwrap();
        let chain = Self::chain(memory, head);
        let (header, status) = (chain[0].0, chain[chain.len() - 1].0);
        let at = u64::from_le_bytes(memory.at(header + 8)) as usize * 512;
        let (ok, written) = match (memory.read32(header), &chain[1..chain.len() - 1]) {
            (0, [(data, bytes, true)]) => match self.disk.get(at..at + bytes) {
                Some(source) => {
                    memory.put(*data, source);
                    (true, bytes + 1)
                }
                None => (false, 1),
            },
            (1, [(data, bytes, false)]) => match self.disk.get_mut(at..at + bytes) {
                Some(target) => {
                    target.copy_from_slice(&memory.0[*data..data + bytes]);
                    (true, 1)
                }
                None => (false, 1),
            },
            (4, []) => (true, 1),
            other => panic!("not a request: {other:?}"),
        };
        memory.write8(status, if ok { 0 } else { 1 });
        self.report(memory, head.into(), written as u32);
    }

    fn report(&mut self, memory: &mut Plain, id: u32, written: u32) {
        let element = USED + 4 + 8 * usize::from(self.used % QUEUE_ENTRIES);
        memory.write32(element, id);
        memory.write32(element + 4, written);
        self.used = self.used.wrapping_add(1);
        memory.write16(USED + 2, self.used);
    }
}

fn bench() -> (Ring, Plain, Device) {
    (Ring::new(), Plain::new(AREA_BYTES), Device::new())
}

fn submit(ring: &mut Ring, memory: &mut Plain, request: Request) -> usize {
    let slot = ring.free_slot().unwrap();
    ring.submit(memory, BASE, slot, request);
    slot
}

fn read(sector: u64) -> Request {
    Request::Read { sector, bytes: 512 }
}

#[test]
fn the_device_is_told_where_the_queue_is() {
    let QueuePlace { entries, descriptors, available, used } = Ring::new().place(BASE);
    assert_eq!(entries, QUEUE_ENTRIES);
    let offsets = [DESCRIPTORS, AVAILABLE, USED].map(|offset| BASE + offset as u64);
    assert_eq!([descriptors, available, used], offsets);
}

#[test]
fn what_was_written_is_read_again() {
    let (mut ring, mut memory, mut device) = bench();
    let slot = ring.free_slot().unwrap();
    memory.put(Ring::buffer(slot), &[0xab; 1024]);
    ring.submit(&mut memory, BASE, slot, Request::Write { sector: 3, bytes: 1024 });
    let flush = submit(&mut ring, &mut memory, Request::Flush);
    device.take_requests(&memory);
    device.answer(&mut memory, 0);
    device.answer(&mut memory, 0);
    ring.reap(&memory).unwrap();
    assert_eq!(ring.take(slot), Some(Outcome::Done));
    assert_eq!(ring.take(flush), Some(Outcome::Done));
    assert_eq!(device.disk[3 * 512..5 * 512], [0xab; 1024]);
    assert_eq!(device.disk[5 * 512], 5);
}

#[test]
fn answers_find_their_slots_in_any_order() {
    let (mut ring, mut memory, mut device) = bench();
    let slots: Vec<usize> =
        (0..SLOTS as u64).map(|sector| submit(&mut ring, &mut memory, read(sector))).collect();
    assert_eq!(ring.free_slot(), None);
    device.take_requests(&memory);
    for _ in 0..SLOTS {
        let last = device.taken.len() - 1;
        device.answer(&mut memory, last / 2);
    }
    ring.reap(&memory).unwrap();
    for (sector, slot) in slots.into_iter().enumerate() {
        assert_eq!(ring.take(slot), Some(Outcome::Done));
        assert_eq!(memory.0[Ring::buffer(slot)], sector as u8);
    }
}

#[test]
fn the_counters_wrap() {
    let (mut ring, mut memory, mut device) = bench();
    for round in 0..70_000u32 {
        let slot = submit(&mut ring, &mut memory, read(u64::from(round % 64)));
        device.take_requests(&memory);
        device.answer(&mut memory, 0);
        ring.reap(&memory).unwrap();
        assert_eq!(ring.take(slot), Some(Outcome::Done));
    }
}

#[test]
fn a_request_in_flight_has_not_ended() {
    let (mut ring, mut memory, _) = bench();
    let slot = submit(&mut ring, &mut memory, read(0));
    ring.reap(&memory).unwrap();
    assert_eq!(ring.take(slot), None);
    assert_eq!(ring.in_flight(), 1);
}

#[test]
fn an_abandoned_slot_is_free_when_the_device_has_done_with_it() {
    let (mut ring, mut memory, mut device) = bench();
    let slot = submit(&mut ring, &mut memory, read(0));
    ring.abandon(slot);
    assert_ne!(ring.free_slot(), Some(slot));
    assert_eq!((ring.take(slot), ring.in_flight()), (None, 1));
    device.take_requests(&memory);
    device.answer(&mut memory, 0);
    ring.reap(&memory).unwrap();
    assert_eq!((ring.free_slot(), ring.take(slot)), (Some(slot), None));
}

#[test]
fn a_refused_request_fails() {
    let (mut ring, mut memory, mut device) = bench();
    let slot = submit(&mut ring, &mut memory, read(64));
    device.take_requests(&memory);
    device.answer(&mut memory, 0);
    ring.reap(&memory).unwrap();
    assert_eq!(ring.take(slot), Some(Outcome::Failed));
}

#[test]
fn a_read_that_wrote_too_little_fails() {
    let (mut ring, mut memory, mut device) = bench();
    let slot = submit(&mut ring, &mut memory, read(0));
    memory.write8(HEADERS + slot * HEADER_STRIDE + STATUS, 0);
    device.report(&mut memory, 0, 512);
    ring.reap(&memory).unwrap();
    assert_eq!(ring.take(slot), Some(Outcome::Failed));
}

#[test]
fn nonsense_is_a_broken_device() {
    for (id, written) in [(1, 1), (2, 1), (3, 1), (24, 1), (u32::MAX, 1), (0, 514)] {
        let (mut ring, mut memory, mut device) = bench();
        submit(&mut ring, &mut memory, read(0));
        device.report(&mut memory, id, written);
        assert_eq!(ring.reap(&memory), Err(Broken), "{id} {written}");
    }
}

#[test]
fn an_answer_too_many_is_a_broken_device() {
    let (mut ring, mut memory, mut device) = bench();
    submit(&mut ring, &mut memory, read(0));
    device.take_requests(&memory);
    device.answer(&mut memory, 0);
    device.report(&mut memory, 0, 1);
    assert_eq!(ring.reap(&memory), Err(Broken));
}

#[test]
fn a_reset_fails_what_was_in_flight_and_the_ring_goes_on() {
    let (mut ring, mut memory, _) = bench();
    let lost = submit(&mut ring, &mut memory, read(0));
    ring.reset(&mut memory);
    assert_eq!(ring.take(lost), Some(Outcome::Failed));
    let mut device = Device::new();
    let slot = submit(&mut ring, &mut memory, read(7));
    device.take_requests(&memory);
    device.answer(&mut memory, 0);
    ring.reap(&memory).unwrap();
    assert_eq!(ring.take(slot), Some(Outcome::Done));
}

/// What happens next between the two sides.
#[derive(Clone, Debug)]
enum Step {
    Submit(u64),
    Answer(usize),
    Scribble(usize, u8),
    Reap,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u64..70).prop_map(Step::Submit),
        any::<usize>().prop_map(Step::Answer),
        (0..DATA, any::<u8>()).prop_map(|(offset, byte)| Step::Scribble(offset, byte)),
        (0usize..8, any::<u8>()).prop_map(|(offset, byte)| Step::Scribble(USED + 2 + offset, byte)),
        Just(Step::Reap),
    ]
}

proptest! {
    #[test]
    fn an_honest_device_is_served_whatever_the_order(steps in prop::collection::vec(step(), 0..200)) {
        let (mut ring, mut memory, mut device) = bench();
        let mut asked = [None; SLOTS];
        for step in steps {
            match step {
                Step::Submit(sector) if ring.free_slot().is_some() => {
                    asked[submit(&mut ring, &mut memory, read(sector))] = Some(sector);
                }
                Step::Answer(which) => {
                    device.take_requests(&memory);
                    if !device.taken.is_empty() {
                        let which = which % device.taken.len();
                        device.answer(&mut memory, which);
                    }
                }
                Step::Reap => {
                    ring.reap(&memory).unwrap();
                    for (slot, asked) in asked.iter_mut().enumerate() {
                        let Some(outcome) = ring.take(slot) else { continue };
                        let sector = asked.take().unwrap();
                        prop_assert_eq!(outcome == Outcome::Done, sector < 64);
                        if sector < 64 {
                            prop_assert_eq!(memory.0[Ring::buffer(slot)], sector as u8);
                        }
                    }
                }
                _ => (),
            }
        }
    }

    #[test]
    fn a_device_that_scribbles_ends_only_what_is_in_flight(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let (mut ring, mut memory, _) = bench();
        let mut in_flight = [false; SLOTS];
        for step in steps {
            match step {
                Step::Submit(sector) if ring.free_slot().is_some() => {
                    in_flight[submit(&mut ring, &mut memory, read(sector))] = true;
                }
                Step::Scribble(offset, byte) => memory.0[offset] = byte,
                Step::Reap => {
                    if ring.reap(&memory).is_err() {
                        ring.reset(&mut memory);
                        prop_assert_eq!(ring.in_flight(), 0);
                    }
                    for (slot, in_flight) in in_flight.iter_mut().enumerate() {
                        prop_assert!(ring.take(slot).is_none() || core::mem::take(in_flight));
                    }
                }
                _ => (),
            }
        }
    }
}
