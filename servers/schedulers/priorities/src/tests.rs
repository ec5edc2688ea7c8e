//! What priorities promise, on a simulated processor.

use std::{vec, vec::Vec};

use proptest::{collection::vec, prelude::*};
use warren_idl::Terms;
use warren_simulated_processor::{
    Disturbance, History, MS, Span, Step, Task, Waiting, any_span, any_task, simulate, simulate_on,
    simulate_with,
};

use crate::Priorities;

const SLICE: u64 = 10 * MS;
const END: u64 = 2000 * MS;

fn history(tasks: Vec<Task>) -> History {
    let history = simulate(tasks, Priorities::new(SLICE), END);
    assert_eq!(history.refused, 0, "something was dispatched that was not ready");
    assert_eq!(history.wasted_ns(), 0, "somebody was ready, and nobody ran");
    history
}

fn terms(priority: u32) -> Terms {
    Terms { priority, ..Terms::default() }
}

fn any_tasks() -> impl Strategy<Value = Vec<Task>> {
    let task = (any_task(END), 0..4u32).prop_map(|(task, priority)| task.with(terms(priority)));
    vec(task, 0..8)
}

proptest! {
    #[test]
    fn no_cpu_has_nothing_to_do_while_a_context_waits_for_its_turn(
        mut tasks in any_tasks(), cpus in 1..=4usize
    ) {
        tasks.iter_mut().for_each(|task| task.disturbances.clear());
        let history = simulate_on(cpus, tasks, || Priorities::new(SLICE), END);
        prop_assert_eq!(history.stranded_ns, 0);
    }

    #[test]
    fn the_highest_that_is_ready_runs(mut tasks in any_tasks()) {
        // Whoever gives way wants others to run.
        tasks.iter_mut().for_each(|task| task.steps.retain(|step| *step != Step::GiveWay));
        let history = history(tasks.clone());
        for (context, span) in &history.ran {
            let priority = tasks[*context].terms.priority;
            for (other, task) in tasks.iter().enumerate() {
                let ready = history.ready_ns(other, *span);
                prop_assert!(task.terms.priority <= priority || ready == 0, "{other} in {span:?}");
            }
        }
    }

    #[test]
    fn equals_get_the_same_within_a_slice(others in any_tasks(), span in any_span(END)) {
        let history = history([vec![Task::greedy().with(terms(2)); 2], others].concat());
        let used = [0, 1].map(|context| history.used_ns(context, span));
        prop_assert!(used[0].abs_diff(used[1]) <= SLICE, "{used:?}");
    }
}

/// Who ran, without repetitions.
fn order(history: &History) -> Vec<usize> {
    let mut order: Vec<_> = history.ran.iter().map(|(context, _)| *context).collect();
    order.dedup();
    order
}

#[test]
fn who_was_interrupted_goes_on_with_the_rest_of_its_slice() {
    let urgent = Task::of([Step::Compute(MS), Step::End]).at(3 * MS).with(terms(1));
    let history = history(vec![Task::greedy(), Task::greedy(), urgent]);
    assert_eq!(order(&history)[..4], [0, 2, 0, 1]);
    let before_the_other: u64 = history.ran[..3].iter().map(|(_, span)| span.length_ns()).sum();
    assert_eq!(before_the_other, SLICE + MS);
}

#[test]
fn who_arrives_with_a_lower_priority_waits() {
    let tasks = [terms(1), terms(0)].map(|terms| Task::greedy().with(terms));
    assert_eq!(order(&history(tasks.into())), [0]);
}

#[test]
fn whoever_gives_way_lets_a_lower_one_run_once() {
    let polite = Task::of([Step::Compute(MS), Step::GiveWay]).with(terms(1));
    let history = history(vec![polite, Task::greedy()]);
    assert_eq!(order(&history)[..4], [0, 1, 0, 1]);
}

#[test]
fn a_priority_that_nobody_has_any_more_can_be_had_again() {
    let killed = Task::greedy().with(terms(7)).disturbed([Disturbance::Killed(5 * MS)]);
    let later = Task::greedy().with(terms(7)).at(8 * MS);
    assert_eq!(order(&history(vec![killed, Task::greedy(), later])), [0, 1, 2]);
}

/// Processor time of three contexts: the least important has a lock that the most important one wants, and the one between them always
/// computes.
fn used_beside_an_inversion(waiting: Waiting) -> [u64; 3] {
    let low = Task::of([Step::Lock, Step::Compute(5 * MS), Step::Unlock, Step::Wait(END)]);
    let middle = Task::greedy().with(terms(1)).at(MS);
    let high = Task::of([Step::Lock, Step::Unlock, Step::Compute(END)]).with(terms(2)).at(2 * MS);
    let tasks = vec![low, middle, high];
    let history = simulate_with(1, waiting, tasks, || Priorities::new(SLICE), END);
    [0, 1, 2].map(|context| history.used_ns(context, Span { from_ns: 0, to_ns: END }))
}

#[test]
fn whoever_waits_for_a_lock_waits_for_its_holder_and_for_nobody_between_them() {
    let helped = used_beside_an_inversion(Waiting::Helps);
    assert_eq!(helped, [5 * MS, MS, END - 6 * MS]);
    let alone = used_beside_an_inversion(Waiting::Spins(MS));
    assert_eq!(alone[0], MS, "without help the holder never runs again");
}
