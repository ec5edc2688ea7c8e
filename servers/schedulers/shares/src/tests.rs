//! What shares promise, on a simulated processor.

use std::{vec, vec::Vec};

use proptest::{collection::vec, prelude::*};
use warren_idl::Terms;
use warren_simulated_processor::{
    Disturbance, History, MS, Span, Step, Task, any_span, any_task, simulate, simulate_on,
};

use crate::Shares;

const SLICE: u64 = 10 * MS;
const END: u64 = 2000 * MS;
const ALL: Span = Span { from_ns: 0, to_ns: END };

fn history(tasks: Vec<Task>) -> History {
    let history = simulate(tasks, Shares::new(SLICE), END);
    assert_eq!(history.refused, 0, "something was dispatched that was not ready");
    assert_eq!(history.wasted_ns(), 0, "somebody was ready, and nobody ran");
    history
}

fn terms(principal: u32, weight: u32) -> Terms {
    Terms { principal, weight, ..Terms::default() }
}

/// Contexts of principals from 10 on.
fn any_tasks() -> impl Strategy<Value = Vec<Task>> {
    let weights = [1, 2, 5, 30];
    let principal = (0..weights.len()).prop_map(move |at| terms(10 + at as u32, weights[at]));
    let task = (any_task(END), principal).prop_map(|(task, terms)| task.with(terms));
    vec(task, 0..8)
}

/// Nanoseconds that two principals with these weights may be apart, in nanoseconds of weight 1 and with room for rounding.
fn bound(weights: [u32; 2]) -> f64 {
    weights.map(|weight| SLICE as f64 / f64::from(weight) + 2.0).iter().sum()
}

/// Used time by weight.
fn relative(used_ns: u64, weight: u32) -> f64 {
    used_ns as f64 / f64::from(weight)
}

proptest! {
    #[test]
    fn no_cpu_has_nothing_to_do_while_a_context_waits_for_its_turn(
        mut tasks in any_tasks(), cpus in 1..=4usize
    ) {
        tasks.iter_mut().for_each(|task| task.disturbances.clear());
        let history = simulate_on(cpus, tasks, || Shares::new(SLICE), END);
        prop_assert_eq!(history.stranded_ns, 0);
    }

    #[test]
    fn principals_that_always_want_to_run_get_what_their_weights_say(
        others in any_tasks(), weights in [1..50u32, 1..50u32], span in any_span(END)
    ) {
        let greedy = [0, 1].map(|at| Task::greedy().with(terms(at, weights[at as usize])));
        let history = history([greedy.to_vec(), others].concat());
        let [a, b] = [0, 1].map(|at| relative(history.used_ns(at, span), weights[at]));
        prop_assert!((a - b).abs() <= bound(weights), "{a} and {b}");
    }

    #[test]
    fn nobody_gets_more_than_its_weight_says_beside_one_that_always_wants_to_run(
        others in any_tasks(), weight in 1..50u32, span in any_span(END)
    ) {
        let history = history([vec![Task::greedy().with(terms(0, weight))], others.clone()].concat());
        let greedy = relative(history.used_ns(0, span), weight);
        for principal in 10..14 {
            let is_its = |at: &usize| others[at - 1].terms.principal == principal;
            let its: Vec<_> = (1..=others.len()).filter(is_its).collect();
            let Some(first) = its.first() else { continue };
            let theirs = others[first - 1].terms.weight;
            let used = relative(history.used_by_ns(&its, span), theirs);
            prop_assert!(used <= greedy + bound([weight, theirs]), "{principal}: {used}, {greedy}");
        }
    }

    #[test]
    fn contexts_of_one_principal_get_the_same_within_a_slice(
        others in any_tasks(), span in any_span(END)
    ) {
        let history = history([vec![Task::greedy().with(terms(10, 1)); 2], others].concat());
        let used = [0, 1].map(|context| history.used_ns(context, span));
        prop_assert!(used[0].abs_diff(used[1]) <= SLICE, "{used:?}");
    }
}

#[test]
fn many_contexts_are_not_more_than_one() {
    let tasks = [vec![Task::greedy().with(terms(0, 1)); 9], vec![Task::greedy().with(terms(1, 1))]];
    let used = history(tasks.concat()).used_ns(9, ALL);
    assert!(used.abs_diff(END / 2) <= SLICE, "{used}");
}

#[test]
fn no_weight_is_a_weight_of_one() {
    let tasks = [0, 1].map(|weight| Task::greedy().with(terms(weight, weight)));
    let used = history(tasks.into()).used_ns(0, ALL);
    assert!(used.abs_diff(END / 2) <= SLICE, "{used}");
}

#[test]
fn the_greatest_weight_leaves_something() {
    let tasks = [1, u32::MAX].map(|weight| Task::greedy().with(terms(weight, weight)));
    assert!(history(tasks.into()).used_ns(0, ALL) > 0);
}

#[test]
fn who_slept_does_not_catch_up() {
    let sleeper = Task::of([Step::Compute(MS), Step::Wait(END / 2), Step::Compute(END)]);
    let history = history(vec![sleeper.with(terms(0, 1)), Task::greedy().with(terms(1, 1))]);
    let awake = Span { from_ns: END / 2 + 100 * MS, to_ns: END };
    let [slept, ran] = [0, 1].map(|context| history.used_ns(context, awake));
    assert!(slept.abs_diff(ran) <= 2 * SLICE, "{slept} and {ran}");
}

#[test]
fn to_come_and_go_gains_nothing() {
    // One context after the other, which ends just before its slice does.
    let one = |at: u64| Task::of([Step::Compute(SLICE - 1), Step::End]).at(at * 2 * SLICE);
    let short: Vec<_> = (0..100).map(|at| one(at).with(terms(0, 1))).collect();
    let history = history([short, vec![Task::greedy().with(terms(1, 3))]].concat());
    let used = history.used_ns(100, ALL);
    assert!(used + 2 * SLICE >= END * 3 / 4, "{used}");
}

#[test]
fn what_a_clock_does_not_show_is_not_forgotten() {
    // Half a nanosecond of the clock at a time.
    let terms = |principal| terms(principal, 10_000);
    let nibbler = Task::of([Step::Compute(5_000), Step::Wait(1)]).with(terms(0));
    let tasks = vec![nibbler, Task::greedy().with(terms(1))];
    let used = simulate(tasks, Shares::new(SLICE), 20 * SLICE).used_ns(1, ALL);
    assert!(used >= 9 * SLICE, "{used}");
}

#[test]
fn who_is_killed_leaves_its_share_to_the_others() {
    let killed = Task::greedy().with(terms(0, 1)).disturbed([Disturbance::Killed(END / 2)]);
    let used = history(vec![killed, Task::greedy().with(terms(1, 1))]).used_ns(1, ALL);
    assert!(used.abs_diff(END * 3 / 4) <= SLICE, "{used}");
}
