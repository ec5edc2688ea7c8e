//! References: made, passed on, kept, watched; and that what nobody holds is gone.

use warren::{Cx, SystemError};
use warren_idl::EchoError;

use crate::{
    Check, Failure, Pair, Run,
    report::{equal, refused},
};

pub const CHECKS: &[Check] = &[
    ("a local server answers, and is gone with its last reference", make),
    ("a reference that comes back names the same object", pass),
    ("a server can use a reference that it was lent", lend),
    ("a kept reference keeps its object alive", keep),
    ("a reference may be kept by another server", keep_elsewhere),
    ("a kept reference is replaced and the old object goes", replace),
    ("a weak reference does not keep its object alive", watch),
    ("a scope drops what it got", scopes),
    ("too many temporary references are refused, and all of them go", too_many),
];

fn alive(cx: &mut Cx<'_, Run>, pair: Pair<'_>, expected: u64) -> Result<(), Failure> {
    equal("the number of live tokens", pair.subject.hub.alive(cx)?, expected)
}

fn make<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    alive(cx, pair, 0)?;
    cx.scope(|cx| {
        let token = pair.subject.hub.make(cx, 40)?;
        equal("the value", token.add(cx, 2)?, 42)?;
        alive(cx, pair, 1)
    })?;
    alive(cx, pair, 0)
}

fn pass<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| {
        let token = pair.subject.hub.make(cx, 1)?;
        for peer in [pair.subject, pair.other] {
            let again = peer.hub.pass(cx, token)?;
            let value = again.add(cx, 1)?;
            equal("the value", token.add(cx, 0)?, value)?;
        }
        equal("the value", token.add(cx, 0)?, 3)?;
        alive(cx, pair, 1)
    })?;
    alive(cx, pair, 0)
}

fn lend<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| {
        let token = pair.subject.hub.make(cx, 10)?;
        equal("the value", pair.other.hub.use_token(cx, token, 5)?, 15)?;
        // Its own server calls it from inside.
        equal("the value", pair.subject.hub.use_token(cx, token, 5)?, 20)
    })?;
    alive(cx, pair, 0)
}

fn keep<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| -> Result<(), Failure> {
        let token = pair.subject.hub.make(cx, 7)?;
        Ok(pair.subject.hub.hold(cx, token)?)
    })?;
    alive(cx, pair, 1)?;
    cx.scope(|cx| -> Result<(), Failure> {
        let kept = pair.subject.hub.kept(cx)?;
        equal("the value", kept.add(cx, 1)?, 8)
    })?;
    pair.subject.hub.forget(cx)?;
    alive(cx, pair, 0)?;
    refused("kept", pair.subject.hub.kept(cx), EchoError::Nothing)
}

fn keep_elsewhere<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| -> Result<(), Failure> {
        let token = pair.subject.hub.make(cx, 7)?;
        Ok(pair.other.hub.hold(cx, token)?)
    })?;
    alive(cx, pair, 1)?;
    cx.scope(|cx| -> Result<(), Failure> {
        let kept = pair.other.hub.kept(cx)?;
        // Forgotten while it is in use: the temporary reference still holds it.
        pair.other.hub.forget(cx)?;
        equal("the value", kept.add(cx, 1)?, 8)
    })?;
    alive(cx, pair, 0)
}

fn replace<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| -> Result<(), Failure> {
        for value in 0..20 {
            let token = pair.subject.hub.make(cx, value)?;
            pair.subject.hub.hold(cx, token)?;
        }
        Ok(())
    })?;
    alive(cx, pair, 1)?;
    pair.subject.hub.forget(cx)?;
    alive(cx, pair, 0)
}

fn watch<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| -> Result<(), Failure> {
        let token = pair.subject.hub.make(cx, 3)?;
        pair.other.hub.watch(cx, token)?;
        let watched = pair.other.hub.watched(cx)?;
        equal("the value", watched.add(cx, 1)?, 4)
    })?;
    alive(cx, pair, 0)?;
    refused("watched", pair.other.hub.watched(cx), SystemError::Gone.into())
}

fn scopes<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let count = 1000;
    let sum = (0..count).map(|value| value + 1).sum();
    equal("the sum", pair.subject.hub.make_many(cx, count)?, sum)?;
    alive(cx, pair, 0)
}

fn too_many<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    cx.scope(|cx| {
        for value in 0..100_000 {
            if let Err(error) = pair.subject.hub.make(cx, value) {
                return refused::<(), _>("make", Err(error), SystemError::Budget.into());
            }
        }
        Err(Failure::Succeeded("holding a hundred thousand references"))
    })?;
    alive(cx, pair, 0)?;
    make(cx, pair)
}
