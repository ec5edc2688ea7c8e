//! Waiting: for time, for a file descriptor, for another thread.
#![expect(unsafe_code, reason = "a pipe is made by the C library")]

mod support;

use std::{cell::Cell, rc::Rc};

use support::FASTEST_NS;
use warren_hosted::{block_on_descriptor, join, machine, sleep_ns, start_thread, yield_now};

const SLICE_NS: u64 = 1_000_000;
const MILLISECOND: u64 = 1_000_000;

/// Two ends of a pipe: to be read, to be written.
fn pipe() -> [i32; 2] {
    let mut ends = [0; 2];
    // SAFETY: the array is ours.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    ends
}

fn write_byte(end: i32) {
    // SAFETY: the byte is readable.
    assert_eq!(unsafe { libc::write(end, [7_u8].as_ptr().cast(), 1) }, 1);
}

on_a_machine! {
    fn sleepers_wake_in_the_order_of_their_times(SLICE_NS) {
        let order = Rc::new(Cell::new(0));
        let threads: Vec<_> = [3, 1, 2].into_iter().map(|number| {
            let order = order.clone();
            start_thread("sleeper", move || {
                sleep_ns(number * 20 * MILLISECOND).unwrap();
                order.set(order.get() * 10 + number);
            }).unwrap()
        }).collect();
        let start = machine::now_ns();
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        assert_eq!(order.get(), 123);
        assert!(machine::now_ns() - start >= 60 * MILLISECOND);
    }

    fn a_thread_that_waits_for_a_descriptor_lets_others_run(SLICE_NS) {
        let [reader, writer] = pipe();
        let counted = Rc::new(Cell::new(0));
        let read = Rc::new(Cell::new(false));
        let waiter = start_thread("waiter", {
            let read = read.clone();
            move || {
                block_on_descriptor(reader, libc::POLLIN).unwrap();
                read.set(true);
            }
        }).unwrap();
        let counter = start_thread("counter", {
            let counted = counted.clone();
            move || for _ in 0..100 {
                counted.set(counted.get() + 1);
                yield_now();
            }
        }).unwrap();
        join(counter).unwrap();
        assert_eq!((counted.get(), read.get()), (100, false));
        write_byte(writer);
        join(waiter).unwrap();
        assert!(read.get());
    }

    fn the_only_thread_may_wait_for_a_descriptor(SLICE_NS) {
        let [reader, writer] = pipe();
        let writing = std::thread::spawn(move || write_byte(writer));
        block_on_descriptor(reader, libc::POLLIN).unwrap();
        writing.join().unwrap();
    }

    fn a_thread_that_never_yields_is_preempted(FASTEST_NS) {
        let stop = Rc::new(Cell::new(false));
        let busy = start_thread("busy", {
            let stop = stop.clone();
            move || while !std::hint::black_box(&stop).get() {}
        }).unwrap();
        sleep_ns(MILLISECOND).unwrap();
        stop.set(true);
        join(busy).unwrap();
    }

    fn a_thread_that_has_ended_is_joined_at_once(SLICE_NS) {
        let thread = start_thread("short", || ()).unwrap();
        join(thread).unwrap();
        join(thread).unwrap();
    }

    fn threads_come_and_go_without_leaving_anything(SLICE_NS) {
        for _ in 0..2000 {
            join(start_thread("short", || ()).unwrap()).unwrap();
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.lines().count() < 200, "stacks of threads are given back");
    }
}
