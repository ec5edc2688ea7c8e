//! Servers that survive panics: the caller gets an error, and everything that the call held is given back.

use warren::{Cx, Ref, SystemError};
use warren_idl::{EchoError, Fragile, Token};

use crate::{
    Failure, Needs, Run,
    death::PATIENCE_MS,
    report::{equal, refused},
};

/// A check and its name.
type Check = (&'static str, fn(&mut Cx<'_, Run>) -> Result<(), Failure>);

/// The checks.
pub const CHECKS: &[Check] = &[
    ("a panic runs the destructors, and the server goes on", survived),
    ("a panic runs the destructors of many functions", deep),
    ("a panic in a call does not end the calls around it", inside),
    ("a local server whose destructor panics is gone", explosive),
    ("a panic frees the lock inside a concurrent server", concurrent),
    ("a panic that cannot be left kills the server", deadly),
];

/// Ways that a server survives.
const SURVIVED: core::ops::Range<u32> = 0..9;
/// Ways that it does not survive.
const DEADLY: core::ops::Range<u32> = 100..103;
/// Functions that are nested.
const DEPTH: u32 = 3;
const PANICKED: EchoError = EchoError::System(SystemError::Panicked);

/// The server, by its requirement.
fn subject<'f>(needs: &'f Needs) -> Result<Ref<'f, dyn Fragile>, SystemError> {
    Ok(needs.fragile.or_absent()?.as_ref())
}

/// Makes a token of the near server, works with it, and looks that it is gone afterwards.
fn with_token(
    cx: &mut Cx<'_, Run>,
    work: impl for<'n> FnOnce(&mut Cx<'n, Run>, Ref<'n, dyn Token>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    cx.scope(|cx| {
        let token = cx.req().near_hub.make(cx, 40)?;
        work(cx, token)?;
        equal("the token's value", token.add(cx, 2)?, 42)?;
        equal("the number of live tokens", cx.req().near_hub.alive(cx)?, 1)
    })?;
    equal("the number of live tokens", cx.req().near_hub.alive(cx)?, 0)
}

/// Makes the server panic; looks that it has made so many things, and that none is left.
fn fail(
    cx: &mut Cx<'_, Run>,
    fragile: Ref<'_, dyn Fragile>,
    (way, depth): (u32, u32),
    token: Ref<'_, dyn Token>,
) -> Result<(), Failure> {
    let before = fragile.made(cx)?;
    refused("a call that panics", fragile.fail(cx, way, depth, token), PANICKED)?;
    let made = fragile.made(cx)? - before;
    equal("whether things were made", (made >= depth.into()).into(), 1)?;
    equal("the number of live things", fragile.alive(cx)?, 0)
}

fn survived(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    SURVIVED.into_iter().try_for_each(|way| {
        with_token(cx, |cx, token| fail(cx, subject(cx.req())?, (way, DEPTH), token))
    })
}

fn deep(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    with_token(cx, |cx, token| fail(cx, subject(cx.req())?, (0, 40), token))
}

fn inside(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    with_token(cx, |cx, token| {
        let fragile = subject(cx.req())?;
        let error = fragile.fail_inside(cx, fragile, 0, token)?;
        equal("the error inside", error, PANICKED.number())?;
        equal("the number of live things", fragile.alive(cx)?, 0)
    })
}

fn explosive(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let fragile = subject(cx.req())?;
    cx.scope(|cx| {
        let token = fragile.explosive(cx)?;
        equal("the value", token.add(cx, 2)?, 2)?;
        equal("the number of live things", fragile.alive(cx)?, 1)
    })?;
    equal("the number of live things", fragile.alive(cx)?, 0)
}

fn concurrent(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let fragile = cx.req().fragile_concurrent.or_absent()?.as_ref();
    with_token(cx, |cx, token| fail(cx, fragile, (0, 1), token))
}

fn deadly(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    for way in DEADLY {
        with_token(cx, |cx, token| {
            let result = subject(cx.req())?.fail(cx, way, DEPTH, token);
            refused("a call that kills", result, SystemError::Lost.into())
        })?;
        await_fragile(cx)?;
        equal("the number of live things", subject(cx.req())?.alive(cx)?, 0)?;
    }
    Ok(())
}

/// Waits until the server answers again.
fn await_fragile(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    for _ in 0..PATIENCE_MS {
        if subject(cx.req())?.alive(cx).is_ok() {
            return Ok(());
        }
        cx.req().timer.sleep(cx, 1_000_000)?;
    }
    Err(SystemError::Lost.into())
}
