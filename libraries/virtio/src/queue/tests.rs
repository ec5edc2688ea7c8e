use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use warren_window::fake::Plain;

const ENTRIES: u16 = 8;
const OFFSET: usize = 128;
const BYTES: usize = OFFSET + Queue::bytes(ENTRIES);

/// The other side of the queue, as the specification describes it.
#[derive(Default)]
struct Device {
    seen: u16,
    used: u16,
    taken: Vec<(u16, Vec<Piece>)>,
}

impl Device {
    fn take(&mut self, queue: &Queue, memory: &Plain) {
        let available = queue.available_at();
        while self.seen != memory.read16(available + 2) {
            let place = usize::from(self.seen % ENTRIES);
            let head = memory.read16(available + 4 + 2 * place);
            self.taken.push((head, chain(memory, head)));
            self.seen = self.seen.wrapping_add(1);
        }
    }

    fn report(&mut self, queue: &Queue, memory: &mut Plain, id: u32, written: u32) {
        let element = queue.used_at() + 4 + 8 * usize::from(self.used % ENTRIES);
        memory.write32(element, id);
        memory.write32(element + 4, written);
        self.used = self.used.wrapping_add(1);
        memory.write16(queue.used_at() + 2, self.used);
    }
}

fn chain(memory: &Plain, head: u16) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut next = Some(head);
    while let Some(index) = next {
        let at = OFFSET + 16 * usize::from(index);
        let flags = memory.read16(at + 12);
        pieces.push(Piece {
            address: u64::from_le_bytes(memory.at(at)),
            bytes: memory.read32(at + 8),
            device_writes: flags & FLAG_DEVICE_WRITES != 0,
        });
        next = (flags & FLAG_NEXT != 0).then(|| memory.read16(at + 14));
    }
    pieces
}

fn bench() -> (Queue, Plain, Device) {
    (Queue::new(ENTRIES, OFFSET), Plain::new(BYTES), Device::default())
}

fn pieces(number: u64, count: usize, device_writes: bool) -> Vec<Piece> {
    let piece = |at| Piece { address: number << 8 | at, bytes: 100, device_writes };
    (0..count as u64).map(piece).collect()
}

fn push(queue: &mut Queue, memory: &mut Plain, pieces: &[Piece]) -> Option<u16> {
    let head = queue.push(memory, pieces.iter().copied());
    queue.publish(memory);
    head
}

#[test]
fn pieces_reach_the_device_and_come_back() {
    let (mut queue, mut memory, mut device) = bench();
    let sent = pieces(1, 3, true);
    let head = push(&mut queue, &mut memory, &sent).unwrap();
    device.take(&queue, &memory);
    assert_eq!(device.taken, [(head, sent)]);
    assert_eq!(queue.pop(&memory), Ok(None));
    device.report(&queue, &mut memory, head.into(), 250);
    assert_eq!(queue.pop(&memory), Ok(Some(Done { head, written: 250 })));
    assert_eq!((queue.room(), queue.in_flight()), (8, 0));
}

#[test]
fn a_full_queue_takes_no_more() {
    let (mut queue, mut memory, _) = bench();
    assert!(push(&mut queue, &mut memory, &pieces(1, 7, false)).is_some());
    assert_eq!(push(&mut queue, &mut memory, &pieces(2, 2, false)), None);
    assert!(push(&mut queue, &mut memory, &pieces(3, 1, false)).is_some());
    assert_eq!(queue.next_head(), None);
}

#[test]
fn the_device_says_whether_it_wants_its_doorbell() {
    let (mut queue, mut memory, _) = bench();
    queue.push(&mut memory, pieces(1, 1, false).into_iter());
    assert!(queue.publish(&mut memory));
    memory.write16(queue.used_at(), NO_DOORBELL);
    assert!(!queue.publish(&mut memory));
}

#[test]
fn nonsense_is_a_broken_device() {
    for (id, written) in [(1, 0), (8, 0), (u32::MAX, 0), (0, 101)] {
        let (mut queue, mut memory, mut device) = bench();
        push(&mut queue, &mut memory, &pieces(1, 1, true)).unwrap();
        device.report(&queue, &mut memory, id, written);
        assert_eq!(queue.pop(&memory), Err(Broken), "{id} {written}");
    }
    let (mut queue, mut memory, mut device) = bench();
    push(&mut queue, &mut memory, &pieces(1, 2, false)).unwrap();
    device.report(&queue, &mut memory, 0, 1);
    assert_eq!(queue.pop(&memory), Err(Broken), "it wrote what it may only read");
}

#[test]
fn an_answer_given_twice_is_a_broken_device() {
    let (mut queue, mut memory, mut device) = bench();
    push(&mut queue, &mut memory, &pieces(1, 1, true)).unwrap();
    device.report(&queue, &mut memory, 0, 1);
    device.report(&queue, &mut memory, 0, 1);
    assert!(queue.pop(&memory).is_ok());
    assert_eq!(queue.pop(&memory), Err(Broken));
}

#[test]
fn a_reset_forgets_what_was_in_flight() {
    let (mut queue, mut memory, _) = bench();
    push(&mut queue, &mut memory, &pieces(1, 5, true)).unwrap();
    queue.reset(&mut memory);
    assert_eq!((queue.room(), queue.in_flight(), queue.pop(&memory)), (8, 0, Ok(None)));
    let mut device = Device::default();
    let head = push(&mut queue, &mut memory, &pieces(2, 2, true)).unwrap();
    device.take(&queue, &memory);
    assert_eq!(device.taken, [(head, pieces(2, 2, true))]);
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Answer(usize, u32),
    Pop,
    Scribble(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1usize..5).prop_map(Step::Push),
        (any::<usize>(), 0u32..101).prop_map(|(which, written)| Step::Answer(which, written)),
        Just(Step::Pop),
        (0..BYTES, any::<u8>()).prop_map(|(offset, byte)| Step::Scribble(offset, byte)),
    ]
}

proptest! {
    /// An honest device sees exactly what was pushed, and each chain comes back once.
    #[test]
    fn an_honest_device_is_served_whatever_the_order(steps in prop::collection::vec(step(), 0..200)) {
        let (mut queue, mut memory, mut device) = bench();
        let mut flying: Vec<(u16, Vec<Piece>)> = vec![];
        let mut answered: Vec<Done> = vec![];
        let mut number = 0;
        for step in steps {
            match step {
                Step::Push(count) => {
                    number += 1;
                    let sent = pieces(number, count, true);
                    let room = queue.room() >= count;
                    let head = push(&mut queue, &mut memory, &sent);
                    prop_assert_eq!(head.is_some(), room);
                    flying.extend(head.map(|head| (head, sent)));
                }
                Step::Answer(which, written) => {
                    device.take(&queue, &memory);
                    if device.taken.is_empty() { continue; }
                    let (head, seen) = device.taken.remove(which % device.taken.len());
                    let place = flying.iter().position(|(other, _)| *other == head).unwrap();
                    prop_assert_eq!(seen, flying.remove(place).1);
                    device.report(&queue, &mut memory, head.into(), written);
                    answered.push(Done { head, written });
                }
                Step::Pop => {
                    let expected = (!answered.is_empty()).then(|| answered.remove(0));
                    prop_assert_eq!(queue.pop(&memory), Ok(expected));
                }
                Step::Scribble(..) => (),
            }
        }
        prop_assert_eq!(queue.in_flight(), flying.len() + answered.len());
    }

    /// Whatever a device writes, only what is in flight comes back, and no more of it than was pushed.
    #[test]
    fn a_device_that_scribbles_gives_back_what_is_in_flight(steps in prop::collection::vec(step(), 0..200)) {
        let (mut queue, mut memory, _) = bench();
        let mut flying = [false; ENTRIES as usize];
        for step in steps {
            match step {
                Step::Push(count) => {
                    if let Some(head) = push(&mut queue, &mut memory, &pieces(1, count, true)) {
                        prop_assert!(!core::mem::replace(&mut flying[usize::from(head)], true));
                    }
                }
                Step::Scribble(offset, byte) => memory.0[offset] = byte,
                Step::Answer(..) => (),
                Step::Pop => match queue.pop(&memory) {
                    Ok(None) => (),
                    Ok(Some(done)) => prop_assert!(core::mem::take(&mut flying[usize::from(done.head)])),
                    Err(Broken) => {
                        queue.reset(&mut memory);
                        flying = Default::default();
                    }
                },
            }
            prop_assert_eq!(queue.in_flight(), flying.iter().filter(|it| **it).count());
        }
    }
}
