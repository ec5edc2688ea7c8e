//! What round robin promises, on a simulated processor.

use std::{vec, vec::Vec};

use proptest::prelude::*;
use warren_simulated_processor::{
    History, MS, Span, Step, Task, any_span, any_steps, any_tasks, simulate, simulate_on,
};

use crate::RoundRobin;

const SLICE: u64 = 10 * MS;
const END: u64 = 2000 * MS;

fn history(tasks: Vec<Task>) -> History {
    let history = simulate(tasks, RoundRobin::new(SLICE), END);
    assert_eq!(history.refused, 0, "something was dispatched that was not ready");
    assert_eq!(history.wasted_ns(), 0, "somebody was ready, and nobody ran");
    history
}

proptest! {
    #[test]
    fn no_cpu_has_nothing_to_do_while_a_context_waits_for_its_turn(
        mut tasks in any_tasks(END), cpus in 1..=4usize
    ) {
        tasks.iter_mut().for_each(|task| task.disturbances.clear());
        let history = simulate_on(cpus, tasks, || RoundRobin::new(SLICE), END);
        prop_assert_eq!(history.stranded_ns, 0);
    }

    #[test]
    fn contexts_that_always_want_to_run_get_the_same_within_a_slice(
        others in any_tasks(END), span in any_span(END)
    ) {
        let history = history([vec![Task::greedy(), Task::greedy()], others].concat());
        let used = [0, 1].map(|context| history.used_ns(context, span));
        prop_assert!(used[0].abs_diff(used[1]) <= SLICE, "{used:?}");
    }

    #[test]
    fn nobody_gets_more_than_who_always_wants_to_run(others in any_tasks(END), span in any_span(END)) {
        let count = others.len();
        let history = history([vec![Task::greedy()], others].concat());
        let greedy = history.used_ns(0, span);
        for context in 1..=count {
            let used = history.used_ns(context, span);
            prop_assert!(used <= greedy + 2 * SLICE, "context {context}: {used}, greedy: {greedy}");
        }
    }

    #[test]
    fn whoever_is_ready_runs_within_a_round(tasks in any_tasks(END)) {
        let round = tasks.len() as u64 * SLICE;
        let history = history(tasks);
        for (context, ready) in history.ready.iter().enumerate() {
            for span in ready.iter().filter(|span| span.length_ns() > round) {
                let start = Span { to_ns: span.from_ns + round, ..*span };
                prop_assert!(history.used_ns(context, start) > 0, "context {context} in {start:?}");
            }
        }
    }

    #[test]
    fn to_block_often_loses_nothing(mut steps in any_steps()) {
        // Who gives way does lose something, of its own account.
        steps.retain(|step| *step != Step::GiveWay);
        let history = history(vec![Task::of(steps), Task::greedy()]);
        let all = Span { from_ns: 0, to_ns: END };
        let (used, ready) = (history.used_ns(0, all), history.ready_ns(0, all));
        prop_assert!(used + SLICE >= ready / 2, "{used} of {ready}");
    }
}

#[test]
fn all_get_the_same() {
    let history = history(vec![Task::greedy(); 4]);
    for context in 0..4 {
        assert_eq!(history.used_ns(context, Span { from_ns: 0, to_ns: END }), END / 4);
    }
}

/// How long a context that computes and waits for so long, again and again, was ready each time, beside three that always want to
/// run.
fn answers(compute_ns: u64, wait_ns: u64) -> Vec<u64> {
    let steps = [Step::Compute(compute_ns), Step::Wait(wait_ns)];
    let tasks = [vec![Task::of(steps)], vec![Task::greedy(); 3]].concat();
    // The first time it has to arrive, and at the end it may be interrupted.
    let ready = &history(tasks).ready[0];
    ready[1..ready.len() - 1].iter().map(|span| span.length_ns()).collect()
}

#[test]
fn whoever_wakes_runs_at_once_if_all_others_have_had_their_turn() {
    let answers = answers(MS, 4 * SLICE);
    assert!(answers.len() as u64 * MS > 4 * SLICE, "it uses several slices");
    assert!(answers.iter().all(|ready| *ready == MS), "{answers:?}");
}

#[test]
fn whoever_wakes_often_waits_once_for_each_slice_that_it_uses() {
    let answers = answers(MS / 10, MS);
    let late = answers.iter().filter(|ready| **ready > MS / 10).count();
    assert!(late * 90 < answers.len(), "{late} of {}", answers.len());
    assert!(late > 0, "it gains nothing");
}

#[test]
fn whoever_gives_way_lets_all_others_run_first() {
    let polite = Task::of([Step::Compute(MS), Step::GiveWay]);
    let history = history(vec![polite, Task::greedy(), Task::greedy()]);
    let order: Vec<_> = history.ran.iter().map(|(context, _)| *context).take(7).collect();
    assert_eq!(order, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn whoever_gives_way_to_one_other_comes_again_after_a_slice() {
    let polite = Task::of([Step::Compute(MS), Step::GiveWay]);
    let history = history(vec![polite, Task::greedy()]);
    let lengths: Vec<_> = history.ran.iter().map(|(_, span)| span.length_ns()).take(4).collect();
    assert_eq!(lengths, [MS, SLICE, MS, SLICE]);
}

#[test]
fn who_is_alone_is_dispatched_once_in_a_slice() {
    let history = history(vec![Task::greedy()]);
    // The first one brings the news.
    assert_eq!(history.dispatches as u64, 1 + END / SLICE);
}
