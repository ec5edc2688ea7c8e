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
fn threads_that_run_on_the_time_of_others_let_go_of_what_those_wait_for() {
    for atomic in [false, true] {
        let shape = Shape { atomic, ..Shape::default() };
        explore([World::new(shape, &TOGETHER, 1, Broken::Nothing).with_help()]).unwrap();
    }
}

#[test]
fn threads_whose_deadlines_pass_anywhere_lose_no_lock() {
    for (atomic, all) in [(false, BACK), (true, TOGETHER)] {
        let shape = Shape { atomic, ..Shape::default() };
        explore([World::new(shape, &all, 1, Broken::Nothing).with_deadline()]).unwrap();
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

/// What a rule is for is seen when it is broken, by a call that lets go of its caller's lock.
fn is_missed(broken: Broken) -> bool {
    [TOGETHER, BACK].iter().any(|all| calls(Shape::default(), all, broken).is_err())
}

#[test]
fn whoever_is_interrupted_while_it_takes_a_lock_must_begin_again() {
    assert!(is_missed(Broken::Interruption));
    let atomic = Shape { atomic: true, ..Shape::default() };
    assert!(calls(atomic, &TOGETHER, Broken::Interruption).is_err());
}

#[test]
fn the_free_value_must_be_loaded_again() {
    assert!(is_missed(Broken::Load));
}

#[test]
fn what_a_thread_holds_must_be_written_when_it_leaves_its_processor() {
    assert!(is_missed(Broken::Switch));
}

#[test]
fn a_home_must_not_be_given_away_in_the_middle() {
    assert!(is_missed(Broken::Request));
}

#[test]
fn only_the_home_gives_the_home_away() {
    assert!(is_missed(Broken::Home));
}

#[test]
fn a_home_must_not_be_given_away_while_the_lock_is_held() {
    assert!(is_missed(Broken::Frames));
}

#[test]
fn whoever_holds_what_another_processor_wants_must_be_marked() {
    assert!(is_missed(Broken::Mark));
}

#[test]
fn who_is_not_marked_any_more_must_not_keep_its_lock_written() {
    let atomic = Shape { atomic: true, ..Shape::default() };
    assert!(calls(atomic, &TOGETHER, Broken::Leave).is_err());
}
