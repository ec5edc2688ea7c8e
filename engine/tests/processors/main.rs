//! Several processors: the protocols by which they share what they call, in every order in which things can happen.
//!
//! [`locks`] executes the stubs themselves, byte by byte. [`counts`] and [`learnt`] are models of what the kernel's fast path
//! and its slow one do with counts of references and with what was learnt of calls; they say which instructions they stand for.
//!
//! For each protocol there are ways to break it, of which each must be found: a model that finds nothing proves nothing.

mod counts;
mod explore;
mod learnt;
mod lines;
mod locks;
mod processor;

use explore::explore;
use locks::{Broken, Call, World};
use warren_engine::stub::Shape;

/// Two threads that call one server.
const TOGETHER: [Call; 2] =
    [Call { caller: 0, callee: Some(2) }, Call { caller: 1, callee: Some(2) }];
/// One calls, and the other calls the caller meanwhile, who will want its lock back.
const BACK: [Call; 2] = [Call { caller: 0, callee: Some(2) }, Call { caller: 1, callee: Some(0) }];

/// Everything that can happen when free locks have their home on the second processor, and the first thread runs on the first.
fn calls(shape: Shape, calls: &[Call], broken: Broken) -> Result<usize, String> {
    explore([World::new(shape, calls, 1, broken)])
}

#[test]
fn threads_on_two_processors_are_never_in_one_server_and_always_come_back() {
    for all in [TOGETHER, BACK] {
        let moments = calls(Shape::default(), &all, Broken::Nothing);
        assert!(moments.as_ref().is_ok_and(|moments| *moments > 10_000), "{moments:?}");
    }
}

#[test]
fn atomic_calls_from_two_processors_exclude_each_other() {
    let shape = Shape { atomic: true, ..Shape::default() };
    calls(shape, &TOGETHER, Broken::Nothing).unwrap();
}

#[test]
fn servers_without_a_lock_are_entered_by_both_and_write_nothing_in_common() {
    let callee = None;
    let all = [Call { caller: 0, callee }, Call { caller: 1, callee }];
    for atomic in [false, true] {
        calls(Shape { atomic, ..Shape::default() }, &all, Broken::Nothing).unwrap();
    }
}

#[test]
fn whoever_is_interrupted_while_it_takes_a_lock_must_begin_again() {
    assert!(calls(Shape::default(), &TOGETHER, Broken::Interruption).is_err());
}

#[test]
fn the_free_value_must_be_loaded_again() {
    assert!(calls(Shape::default(), &TOGETHER, Broken::Load).is_err());
}

#[test]
fn a_home_must_not_be_given_away_in_the_middle() {
    assert!(calls(Shape::default(), &TOGETHER, Broken::Request).is_err());
}

#[test]
fn only_the_home_gives_the_home_away() {
    assert!(calls(Shape::default(), &TOGETHER, Broken::Home).is_err());
}
