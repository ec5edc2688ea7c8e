//! What guarantees promise, on a simulated processor.

use std::{string::ToString, vec, vec::Vec};

use proptest::{collection::vec, prelude::*};
use warren_idl::Terms;
use warren_simulated_processor::{
    Disturbance, History, MS, Span, Step, Task, any_steps, any_task, simulate, simulate_at_cost,
    simulate_on,
};

use crate::policy::{Guarantees, Refused};

const SLICE: u64 = 10 * MS;
const END: u64 = 2000 * MS;
const ALL: Span = Span { from_ns: 0, to_ns: END };

/// What happens, and who is refused, if this much can be guaranteed.
fn limited(tasks: Vec<Task>, limit_percent: u64) -> (History, Vec<Refused>) {
    let mut refused = Vec::new();
    let warn = |it: &Refused| refused.push(it.clone());
    let history = simulate(tasks, Guarantees::new(SLICE, limit_percent, warn), END);
    assert_eq!(history.refused, 0, "something was dispatched that was not ready");
    assert_eq!(history.wasted_ns(), 0, "somebody was ready, and nobody ran");
    (history, refused)
}

/// What happens if all guarantees are given.
fn history(tasks: Vec<Task>) -> History {
    let (history, refused) = limited(tasks, 100);
    assert_eq!(refused, []);
    history
}

fn guaranteed(principal: u32, slice_ns: u64, period_ns: u64) -> Terms {
    Terms { principal, slice_ns, period_ns, ..Terms::default() }
}

fn free(principal: u32) -> Terms {
    Terms { principal, ..Terms::default() }
}

/// Guarantees of all of the processor's time but for what is lost by rounding, for principals from 0 on. No slice is too short.
fn any_guarantees() -> impl Strategy<Value = Vec<Terms>> {
    vec((1..20u64, 20 * MS..150 * MS), 1..6).prop_map(|wanted| {
        let sum: u64 = wanted.iter().map(|(part, _)| part).sum();
        let terms = (0..).zip(wanted);
        terms
            .map(|(at, (part, period))| guaranteed(at, (period - 100) * part / sum, period))
            .collect()
    })
}

/// Contexts without a guarantee, of principals from 100 on.
fn any_others() -> impl Strategy<Value = Vec<Task>> {
    let task =
        (any_task(END), 100..103u32).prop_map(|(task, principal)| task.with(free(principal)));
    vec(task, 0..5)
}

/// The periods that follow each other in a span.
fn periods(span: Span, period_ns: u64) -> impl Iterator<Item = Span> {
    let count = span.length_ns() / period_ns;
    let period = move |at| Span {
        from_ns: span.from_ns + at * period_ns,
        to_ns: span.from_ns + (at + 1) * period_ns,
    };
    (0..count).map(period)
}

proptest! {
    #[test]
    fn no_cpu_has_nothing_to_do_while_a_context_without_a_guarantee_waits_for_its_turn(
        guaranteed in any_guarantees(), mut tasks in any_others(), cpus in 1..=4usize
    ) {
        tasks.iter_mut().for_each(|task| task.disturbances.clear());
        tasks.extend(guaranteed.into_iter().map(|terms| Task::greedy().with(terms)));
        let history = simulate_on(cpus, tasks, || Guarantees::new(SLICE, 100, |_: &Refused| ()), END);
        prop_assert_eq!(history.stranded_ns, 0);
    }

    #[test]
    fn who_always_wants_to_run_gets_its_slice_in_each_of_its_periods(
        guarantees in any_guarantees(), arrivals in vec(0..END / 4, 6), others in any_others()
    ) {
        let greedy = |(terms, at): (&Terms, &u64)| Task::greedy().with(*terms).at(*at);
        let tasks: Vec<_> = guarantees.iter().zip(&arrivals).map(greedy).collect();
        let history = history([tasks, others].concat());
        for (context, (terms, arrival)) in guarantees.iter().zip(&arrivals).enumerate() {
            let span = Span { from_ns: *arrival, to_ns: END };
            for period in periods(span, terms.period_ns) {
                let used = history.used_ns(context, period);
                prop_assert!(used >= terms.slice_ns, "{context}: {used} of {terms:?} in {period:?}");
            }
        }
    }

    #[test]
    fn what_dispatching_costs_is_paid_by_what_is_not_guaranteed(
        guarantees in any_guarantees(), others in any_others()
    ) {
        let tenths = |terms: Terms| Terms { slice_ns: terms.slice_ns / 10 * 9, ..terms };
        let guarantees: Vec<_> = guarantees.into_iter().map(tenths).collect();
        let tasks: Vec<_> = guarantees.iter().map(|terms| Task::greedy().with(*terms)).collect();
        let policy = Guarantees::new(SLICE, 90, |refused: &Refused| panic!("{refused}"));
        let history = simulate_at_cost([tasks, others].concat(), policy, END, 20_000);
        for (context, terms) in guarantees.iter().enumerate() {
            // The first one starts late by one dispatch.
            for period in periods(Span { from_ns: 20_000, to_ns: END }, terms.period_ns) {
                let used = history.used_ns(context, period);
                prop_assert!(used >= terms.slice_ns, "{context}: {used} of {terms:?} in {period:?}");
            }
        }
    }

    #[test]
    fn who_blocks_takes_nothing_from_the_guarantees_of_others_and_keeps_its_own(
        guarantees in any_guarantees(), others in any_others(),
        steps in vec(any_steps(), 6), lent in vec((0..END, 1..30 * MS), 6)
    ) {
        // The first one always wants to run. The others do anything.
        let mut tasks = vec![Task::greedy().with(guarantees[0])];
        for (at, terms) in guarantees.iter().enumerate().skip(1) {
            let mut steps = steps[at].clone();
            // Whoever gives way wants others to run.
            steps.retain(|step| *step != Step::GiveWay);
            let lent = Disturbance::Lent(lent[at].0, lent[at].1);
            tasks.push(Task::of(steps).with(*terms).disturbed([lent]));
        }
        let history = history([tasks, others].concat());
        for (context, terms) in guarantees.iter().enumerate() {
            let mut slept_from = None;
            for span in &history.ready[context] {
                // Who has slept for a period or has just arrived starts a period.
                let slept = slept_from.is_none_or(|from| span.from_ns - from >= terms.period_ns);
                let first = if slept { span.from_ns } else { span.from_ns + terms.period_ns };
                slept_from = Some(span.to_ns);
                if first >= span.to_ns {
                    continue;
                }
                let awake = Span { from_ns: first, to_ns: span.to_ns };
                // Where its periods start is not known from outside unless it slept: two of them contain a whole one.
                let length = if slept { terms.period_ns } else { 2 * terms.period_ns };
                for period in periods(awake, length) {
                    let used = history.used_ns(context, period);
                    prop_assert!(used >= terms.slice_ns, "{context}: {used} of {terms:?}, {period:?}");
                }
            }
        }
    }

    #[test]
    fn a_principal_with_several_contexts_has_one_slice_in_which_they_get_the_same(
        guarantees in any_guarantees(), others in any_others()
    ) {
        let mut tasks: Vec<_> = guarantees.iter().map(|it| Task::greedy().with(*it)).collect();
        tasks.extend(vec![Task::greedy().with(guarantees[0]); 2]);
        let several = [0, guarantees.len(), guarantees.len() + 1];
        let history = history([tasks, others].concat());
        for period in periods(ALL, guarantees[0].period_ns) {
            let used = history.used_by_ns(&several, period);
            prop_assert!(used >= guarantees[0].slice_ns, "{used} in {period:?}");
        }
        let used = several.map(|context| history.used_ns(context, ALL));
        prop_assert!(used.iter().max().unwrap() - used.iter().min().unwrap() <= SLICE, "{used:?}");
    }

    #[test]
    fn principals_that_come_and_go_take_nothing_from_guarantees(
        guarantees in any_guarantees(), lives in vec((0..END, 1..20 * MS), 0..40)
    ) {
        let mut tasks = vec![Task::greedy().with(guarantees[0])];
        for (at, (arrival, length)) in lives.iter().enumerate() {
            let terms = guarantees[at % guarantees.len()];
            tasks.push(Task::of([Step::Compute(*length), Step::End]).at(*arrival).with(terms));
        }
        let its = |at: &usize| tasks[*at].terms == guarantees[0];
        let its: Vec<_> = (0..tasks.len()).filter(its).collect();
        let history = history(tasks);
        for period in periods(ALL, guarantees[0].period_ns) {
            let used = history.used_by_ns(&its, period);
            prop_assert!(used >= guarantees[0].slice_ns, "{used} in {period:?}");
        }
    }
}

#[test]
fn to_come_and_go_wins_no_second_slice_in_a_period() {
    let one = |at: u64| Task::of([Step::Compute(5 * MS), Step::End]).at(at * 11 * MS / 2);
    let short = (0..100).map(|at| one(at).with(guaranteed(1, 5 * MS + 1, 25 * MS)));
    let long = guaranteed(0, 75 * MS, 100 * MS);
    let history = history([Task::greedy().with(long)].into_iter().chain(short).collect());
    for period in periods(ALL, long.period_ns) {
        let used = history.used_ns(0, period);
        assert!(used >= long.slice_ns, "{used} in {period:?}");
    }
}

#[test]
fn extra_time_is_shared_by_all() {
    let half = guaranteed(0, 10 * MS, 20 * MS);
    let history =
        history([half, free(1), free(2), free(3)].map(|it| Task::greedy().with(it)).into());
    let used = [0, 1, 2, 3].map(|context| history.used_ns(context, ALL));
    let eighth = END / 8;
    for (used, fair) in used.into_iter().zip([5 * eighth, eighth, eighth, eighth]) {
        assert!(used.abs_diff(fair) <= SLICE, "{used} instead of {fair}");
    }
}

#[test]
fn extra_time_is_shared_by_weight() {
    let tasks = [free(1), Terms { weight: 3, ..free(2) }].map(|it| Task::greedy().with(it));
    let used = history(tasks.into()).used_ns(1, ALL);
    assert!(used.abs_diff(END * 3 / 4) <= SLICE, "{used}");
}

#[test]
fn those_without_a_guarantee_get_nothing_where_all_is_guaranteed() {
    let all = [guaranteed(0, 10 * MS, 20 * MS), guaranteed(1, 15 * MS, 30 * MS), free(2)];
    let history = history(all.map(|it| Task::greedy().with(it)).into());
    assert_eq!(history.used_ns(2, ALL), 0);
}

#[test]
fn what_was_not_used_is_not_saved() {
    // It sleeps for a second, and then wants to run beside one that has the other half.
    let sleeper = Task::of([Step::Compute(MS), Step::Wait(END / 2), Step::Compute(END)]);
    let tasks = [
        sleeper.with(guaranteed(0, 10 * MS, 20 * MS)),
        Task::greedy().with(guaranteed(1, 10 * MS, 20 * MS)),
    ];
    let history = history(tasks.into());
    let awake = Span { from_ns: END / 2 + MS, to_ns: END };
    let used = history.used_ns(0, awake);
    assert!(used <= awake.length_ns() / 2 + 10 * MS, "{used}");
}

#[test]
fn whoever_asks_for_more_than_is_left_is_refused_once() {
    let greedy = |terms| Task::greedy().with(terms);
    let tasks = vec![
        greedy(guaranteed(0, 6 * MS, 10 * MS)),
        greedy(guaranteed(1, 4 * MS, 10 * MS)),
        greedy(guaranteed(1, 4 * MS, 10 * MS)),
        greedy(guaranteed(2, 3 * MS, 10 * MS)),
    ];
    let (history, refused) = limited(tasks, 90);
    let left_percent = 30;
    let refusal = Refused { principal: 1, slice_ns: 4 * MS, period_ns: 10 * MS, left_percent };
    assert_eq!(refused, [refusal]);
    assert!(refused[0].to_string().starts_with("principal 1 has no guarantee: it asks for"));
    for (context, slice_ns) in [(0, 6 * MS), (3, 3 * MS)] {
        for period in periods(ALL, 10 * MS) {
            assert!(history.used_ns(context, period) >= slice_ns);
        }
    }
    // A tenth is not guaranteed, and a third of it is principal 1's, which has two contexts.
    let used = history.used_by_ns(&[1, 2], ALL);
    assert!(used.abs_diff(END / 30) <= SLICE, "{used}");
}

#[test]
fn what_cannot_be_is_refused() {
    let tasks = [guaranteed(0, 1, 10 * MS), guaranteed(1, 10 * MS, 0), guaranteed(2, 2 * MS, MS)];
    let (_, refused) = limited(tasks.map(|it| Task::greedy().with(it)).into(), 100);
    assert_eq!(refused.iter().map(|it| it.principal).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn what_is_given_back_can_be_given_again() {
    let most = |principal| Task::greedy().with(guaranteed(principal, 9 * MS, 10 * MS));
    let killed = most(0).disturbed([Disturbance::Killed(END / 4)]);
    let tasks = vec![killed, Task::greedy().with(free(1)), most(2).at(END / 2)];
    let history = history(tasks);
    for period in periods(Span { from_ns: END / 2, to_ns: END }, 10 * MS) {
        assert!(history.used_ns(2, period) >= 9 * MS);
    }
}
