//! Atomic services: the caller's lock is kept.

use warren::{Cx, SystemError};
use warren_answers as answers;

use crate::{
    Check, Failure, Pair, Run,
    report::{equal, refused, same_bytes},
};

pub const CHECKS: &[Check] = &[
    ("an atomic call counts", count),
    ("an atomic call carries buffers", count_bytes),
    ("an atomic call from a server keeps that server's lock", count_elsewhere),
    ("an atomic call into the caller itself is refused", count_itself),
];

fn count<'f>(_cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let before = pair.subject.counter.count(0)?;
    for more in 1..=100 {
        pair.subject.counter.count(more)?;
    }
    equal("the sum", pair.subject.counter.count(0)?, before.wrapping_add(5050))
}

fn count_bytes<'f>(_cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let before = pair.subject.counter.count(0)?;
    let mut low = [0; 100];
    let sum = pair.subject.counter.count_bytes(&[7; 300], &mut low)?;
    equal("the sum", sum, before.wrapping_add(answers::sum(&[7; 300])))?;
    same_bytes("a byte's place", &low, &[sum as u8; 100])
}

fn count_elsewhere<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let before = pair.other.counter.count(0)?;
    let counted = pair.subject.hub.count_atomically(cx, pair.other.counter)?;
    equal("the sum", counted, before.wrapping_add(1))
}

fn count_itself<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let expected = SystemError::Reentered.into();
    refused("count_itself", pair.subject.hub.count_itself(cx), expected)?;
    let result = pair.subject.hub.count_atomically(cx, pair.subject.counter);
    refused("count_atomically", result, expected)?;
    // Whoever was refused goes on.
    count(cx, pair)
}
