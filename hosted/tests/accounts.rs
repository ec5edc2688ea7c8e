//! The books: what principals are charged for, and that it is what Linux counts.
#![expect(unsafe_code, reason = "a clock is read by the C library")]

mod support;

use std::{cell::Cell, hint::black_box, rc::Rc};

use support::{FASTEST_NS, principals};
use warren_engine::platform::Platform;
use warren_hosted::{Hosted, Token, join, machine, sleep_ns, start_thread, yield_now};
use warren_idl::ThreadStatus;
use warren_natives::{
    accounts::{Bookkeeping, ThreadSight},
    profile::Profile,
};

const SLICE_NS: u64 = 1_000_000;
const MILLISECOND: u64 = 1_000_000;
/// Principals of the tests' plan.
const RICH: usize = 1;
const POOR: usize = 2;
/// Additions of one piece of work.
const WORK: u64 = 200_000;

/// A thread of some principal.
fn start(principal: usize, name: &str, work: impl FnOnce() + 'static) -> std::io::Result<Token> {
    Hosted::on_account(principal, || start_thread(name, work))
}

/// Computes until somebody says that it is enough.
fn compute_until(enough: &Rc<Cell<bool>>) -> impl FnOnce() + use<> {
    let enough = enough.clone();
    move || while !black_box(&enough).get() {}
}

fn compute(pieces: u64) {
    let mut sum = 0_u64;
    for number in 0..pieces * WORK {
        sum = black_box(sum.wrapping_add(number));
    }
}

/// Processor time that Linux has given to this thread of its own.
fn counted_by_linux() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// All that is charged to anybody, the idle time, the time there was, and what Linux counts.
fn look() -> [u64; 4] {
    Hosted::critical(|| {
        let all = (0..principals().len()).map(|principal| Hosted::usage(principal).used_ns).sum();
        let time = Hosted::time();
        [all, time.idle_ns, time.elapsed_ns, counted_by_linux()]
    })
}

fn found(index: usize) -> Option<ThreadSight> {
    Hosted::critical(|| Hosted::thread(index))
}

/// All threads.
fn all() -> Vec<ThreadSight> {
    let mut all: Vec<ThreadSight> = Vec::new();
    while let Some(next) = found(all.last().map_or(0, |last| last.status.index as usize + 1)) {
        all.push(next);
    }
    all
}

on_a_machine! {
    fn each_nanosecond_that_linux_counts_is_charged_once(FASTEST_NS) {
        let before = look();
        let mut threads = vec![
            start(RICH, "much", || compute(20)).unwrap(),
            start(POOR, "little", || compute(2)).unwrap(),
            start(RICH, "sleeper", || sleep_ns(30 * MILLISECOND).unwrap()).unwrap(),
        ];
        // Threads that come and go keep nothing of what they used.
        for _ in 0..100 {
            threads.push(start(POOR, "short", || compute(0)).unwrap());
            yield_now();
        }
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        sleep_ns(20 * MILLISECOND).unwrap();
        let after = look();
        let [used, idle, elapsed, counted] = core::array::from_fn(|at| after[at] - before[at]);
        // What looking takes is counted by Linux alone.
        let parts = elapsed / 1000;
        assert!(used.abs_diff(counted) <= parts, "{used} of {counted}");
        assert!((used + idle).abs_diff(elapsed) <= parts, "{used} + {idle}, {elapsed}");
        assert!(idle >= 20 * MILLISECOND, "{idle}");
        let [rich, poor] = [RICH, POOR].map(|one| Hosted::critical(|| Hosted::usage(one)).used_ns);
        assert!(rich > 4 * poor && poor > 0, "{rich}, {poor}");
    }

    fn threads_are_shown_with_whom_they_belong_to_and_what_they_do(SLICE_NS) {
        start(RICH, "waits", || sleep_ns(10_000 * MILLISECOND).unwrap_or(())).unwrap();
        let enough = Rc::new(Cell::new(false));
        let computes = start(POOR, "computes", compute_until(&enough)).unwrap();
        sleep_ns(5 * MILLISECOND).unwrap();
        let threads = all();
        let of = |name: &str| {
            let found = threads.iter().find(|thread| thread.name == name);
            found.unwrap_or_else(|| panic!("no thread {name}: {threads:?}")).status
        };
        assert_eq!(threads.len(), 3, "{threads:?}");
        assert_eq!((of("waits").state, of("waits").principal), (ThreadStatus::BLOCKED, 1));
        assert_eq!((of("computes").state, of("computes").principal), (ThreadStatus::READY, 2));
        assert!(of("computes").used_ns > of("waits").used_ns, "{threads:?}");
        assert_eq!((of("boot").principal, of("boot").depth), (0, 0));
        let count = |principal| Hosted::critical(|| Hosted::usage(principal)).threads;
        assert_eq!([0, RICH, POOR].map(count), [1, 1, 1]);
        enough.set(true);
        join(computes).unwrap();
        yield_now();
        assert_eq!([0, RICH, POOR].map(count), [1, 1, 0]);
    }

    fn whoever_may_have_no_more_threads_is_refused_and_others_are_not(SLICE_NS) {
        let memory = |principal| Hosted::critical(|| Hosted::usage(principal)).memory_bytes;
        let before = memory(POOR);
        let enough = Rc::new(Cell::new(false));
        let first = start(RICH, "first", compute_until(&enough)).unwrap();
        let wait = move || join(first).unwrap();
        let more = || start(POOR, "one of many", wait).ok();
        let threads: Vec<_> = std::iter::from_fn(more).collect();
        assert_eq!(threads.len(), 150);
        assert!(memory(POOR) - before >= 150 * 256 * 1024);
        join(start(RICH, "another", || ()).unwrap()).unwrap();
        enough.set(true);
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        yield_now();
        assert_eq!(memory(POOR), before);
        join(start(POOR, "again", || ()).unwrap()).unwrap();
    }

    fn samples_are_counted_while_they_are_taken(SLICE_NS) {
        let enough = Rc::new(Cell::new(false));
        let computes = start(RICH, "computes", compute_until(&enough)).unwrap();
        let profile = || Profile::new(principals().len(), 8).unwrap();
        assert!(Hosted::critical(|| Hosted::start_samples(50_000, profile())));
        assert!(!Hosted::critical(|| Hosted::start_samples(50_000, profile())), "somebody has them taken");
        let sampled = |of: usize| {
            let mut index = 0;
            while let Some(found) = Hosted::critical(|| Hosted::sampled(index)) {
                if (found.principal, found.server) == (of, None) {
                    return found.count;
                }
                index = found.index + 1;
            }
            0
        };
        let start_ns = machine::now_ns();
        while sampled(RICH) < 20 {
            sleep_ns(MILLISECOND).unwrap();
            assert!(machine::now_ns() - start_ns < 60_000 * MILLISECOND, "no samples are taken");
        }
        assert_eq!(sampled(POOR), 0);
        Hosted::critical(Hosted::stop_samples);
        assert_eq!(Hosted::critical(|| Hosted::sampled(0)), None);
        enough.set(true);
        join(computes).unwrap();
        assert!(Hosted::critical(|| Hosted::start_samples(50_000, profile())), "nobody has them taken");
    }
}
