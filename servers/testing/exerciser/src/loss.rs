//! A caller that gives up the last reference to what it is calling: the call comes back, and the object is gone then.

use warren::Cx;

use crate::{Check, Failure, Pair, Run, report::equal};

pub const CHECKS: &[Check] = &[
    ("what its caller gives up answers, and is gone afterwards", lose),
    ("the same by atomic calls", lose_atomic),
];

/// The first call of its kind takes another way than the others.
const TIMES: u64 = 50;

fn lose<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let before = pair.subject.hub.alive(cx)?;
    let lost = cx.req().careless.lose(cx, pair.subject.hub, TIMES)?;
    equal("the number of bonds that answered", lost, TIMES)?;
    equal("the number of bonds that are left", pair.subject.hub.alive(cx)?, before)
}

fn lose_atomic<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let before = pair.subject.hub.alive(cx)?;
    let lost = cx.req().careless.lose_atomic(cx, pair.subject.hub, TIMES)?;
    equal("the number of bonds that answered", lost, TIMES)?;
    equal("the number of bonds that are left", pair.subject.hub.alive(cx)?, before)
}
