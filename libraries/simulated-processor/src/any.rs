//! Tasks of all kinds, for property tests.

use proptest::{collection::vec, prelude::*};

use crate::{Disturbance, MS, Span, Step, Task};

/// Steps of a context that computes, waits and gives way as it likes.
pub fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let compute = (1..40 * MS).prop_map(Step::Compute);
    let wait = (1..60 * MS).prop_map(Step::Wait);
    let moment = (1..MS).prop_map(Step::Wait);
    let other = prop_oneof![3 => wait, 3 => moment, 1 => Just(Step::GiveWay)];
    // Something is computed before each of the others, so that time passes.
    vec((compute, other).prop_map(|(compute, other)| [compute, other]), 0..5)
        .prop_map(|pairs| pairs.concat())
}

/// A context that arrives at any time before `until_ns`, does anything, and to which anything may happen.
pub fn any_task(until_ns: u64) -> impl Strategy<Value = Task> {
    let lent = (0..until_ns, 1..30 * MS).prop_map(|(at, wait)| Disturbance::Lent(at, wait));
    let killed = (0..until_ns).prop_map(Disturbance::Killed);
    let disturbances = vec(prop_oneof![9 => lent, 1 => killed], 0..4);
    let ends = prop::bool::weighted(0.1);
    let parts = (0..until_ns, any_steps(), ends, disturbances);
    parts.prop_map(|(arrives_ns, mut steps, ends, disturbances)| {
        steps.extend(ends.then_some(Step::End));
        Task::of(steps).at(arrives_ns).disturbed(disturbances)
    })
}

/// Some contexts of that kind.
pub fn any_tasks(until_ns: u64) -> impl Strategy<Value = Vec<Task>> {
    vec(any_task(until_ns), 0..8)
}

/// Any part of the time until `until_ns`.
pub fn any_span(until_ns: u64) -> impl Strategy<Value = Span> {
    (0..until_ns, 0..until_ns).prop_map(|(a, b)| Span { from_ns: a.min(b), to_ns: a.max(b) })
}
