//! Concurrent servers and the lock inside them.

use std::ptr::NonNull;

use warren::{
    Cx, Lock, New, Server, StartError,
    raw::{
        Tables,
        description::{CONCURRENT, COUNTS_OUTPUT},
    },
    server,
};

use crate::engine::Nothing;

/// Counts, with several threads at a time.
#[server(provides(Nothing), concurrent)]
pub struct Tally {
    count: Lock<u64>,
}

impl Nothing for Tally {}

impl Server for Tally {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Tally { count: Lock::new(0) })
    }
}

#[test]
fn a_lock_admits_one_thread_at_a_time() {
    const ROUNDS: u64 = 50_000;
    let tally = Tally { count: Lock::new(0) };
    let work = || {
        // SAFETY: a concurrent server may have several activations.
        let cx = unsafe { Cx::<Tally>::enter(NonNull::from(&tally).cast()) };
        for _ in 0..ROUNDS {
            let mut count = cx.count.lock(&cx);
            let before = *count;
            *count = std::hint::black_box(before) + 1;
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let mut tally = tally;
    assert_eq!(*tally.count.get_mut(), 2 * ROUNDS);
}

#[test]
fn the_state_may_stay_borrowed() {
    let tally = Tally { count: Lock::new(7) };
    // SAFETY: a concurrent server may have several activations.
    let cx = unsafe { Cx::<Tally>::enter(NonNull::from(&tally).cast()) };
    let state = cx.state();
    assert_eq!(*state.count.lock(&cx), 7);
}

#[test]
fn the_description_says_that_it_is_concurrent() {
    let records = crate::description::read::<Tally>();
    assert_eq!(u32::from(records.last().unwrap().1[0]), CONCURRENT | COUNTS_OUTPUT);
    assert_eq!(Tally::KINDS.len(), 1);
}
