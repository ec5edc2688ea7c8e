//! Which lines of the cache a call writes: its thread's own, and that of its caller's lock if it keeps that.

use std::{
    collections::BTreeSet,
    mem::{align_of, offset_of, size_of},
};

use warren_engine::{
    instance::Instance,
    layout::{Frame, LockWord, Object},
    stub::Shape,
};

use crate::{
    locks::{LINE, LOCKS},
    processor::{Event, Memory, Stub, Thread, add_object},
};

const OBJECTS: u64 = 0x7100_0000;
const LINE_BYTES: usize = 64;

/// The lines that a whole call writes, besides its thread's stack.
fn written(shape: Shape, number: u64, caller: u64, callee: u64) -> BTreeSet<u64> {
    let mut memory = Memory::default();
    let object = OBJECTS + number * size_of::<Object>() as u64;
    let [caller, callee] = [caller, callee].map(|lock| LOCKS + lock * LINE);
    add_object(&mut memory, object, callee);
    let stub = Stub::new(shape);
    let mut thread = Thread::new(number, object, caller, &mut memory);
    // Their home is this CPU, where the thread runs.
    memory.insert(callee, 0);
    memory.insert(caller, 0);
    let mut lines = BTreeSet::new();
    loop {
        match thread.step(&mut memory, &stub) {
            Event::Next => (),
            Event::Wrote { address, .. } => _ = lines.insert(address / LINE),
            Event::Entered => thread.come_back(&mut memory),
            Event::Engine(_) => panic!("nothing hinders the call"),
            Event::Returned => return lines,
        }
    }
}

#[test]
fn a_call_writes_its_frame_and_no_lock() {
    for atomic in [false, true] {
        let lines = written(Shape { atomic, ..Shape::default() }, 0, 1, 2);
        let (of_locks, others): (Vec<u64>, Vec<u64>) =
            lines.iter().partition(|line| (LOCKS / LINE..OBJECTS / LINE).contains(*line));
        // An atomic call writes that its caller's lock is held.
        assert_eq!(of_locks, if atomic { vec![LOCKS / LINE + 1] } else { vec![] });
        let frame = size_of::<Frame>() / LINE_BYTES;
        assert_eq!(others.len(), frame, "{others:x?}");
    }
}

#[test]
fn calls_by_different_threads_write_no_line_in_common() {
    let shape = Shape { atomic: true, ..Shape::default() };
    let [first, second] = [written(shape, 0, 1, 2), written(shape, 1, 3, 2)];
    assert!(first.is_disjoint(&second), "{first:x?} {second:x?}");
    // The check finds what two calls do have in common.
    let third = written(shape, 2, 1, 2);
    assert_eq!(first.intersection(&third).count(), 1);
}

#[test]
fn a_lock_an_object_and_a_frame_share_no_line_with_anything_else() {
    assert_eq!(offset_of!(Instance, lock) % LINE_BYTES, 0);
    assert_eq!(align_of::<Instance>() % LINE_BYTES, 0);
    assert!(size_of::<LockWord>() < LINE_BYTES);
    let ends = offset_of!(Instance, lock) + LINE_BYTES;
    // The fields are laid out by the compiler: none begins inside the lock's line.
    let begins =
        [offset_of!(Instance, life), offset_of!(Instance, objects), offset_of!(Instance, counts)];
    assert!(begins.iter().all(|at| !(offset_of!(Instance, lock)..ends).contains(at)));
    assert_eq!((size_of::<Object>(), align_of::<Object>()), (LINE_BYTES, LINE_BYTES));
    assert_eq!(size_of::<Frame>() % LINE_BYTES, 0);
}
