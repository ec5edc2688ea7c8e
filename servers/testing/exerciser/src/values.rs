//! Values of all widths, in registers and on the stack, and errors.

use warren::Cx;
use warren_answers as answers;
use warren_idl::{EchoError, EchoRecord};

use crate::{
    Check, Failure, Pair, Run,
    report::{equal, refused},
};

pub const CHECKS: &[Check] = &[
    ("a call of nothing returns", nothing),
    ("an error of the service arrives", refuse),
    ("words arrive whole", add),
    ("narrow numbers keep their signs", narrow),
    ("a bool arrives", opposite),
    ("words on the stack keep their order", many),
    ("a record goes and another comes back", reverse),
    ("ten thousand calls leave nothing behind", repeat),
];

fn nothing<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    Ok(pair.subject.echo.nothing(cx)?)
}

fn refuse<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    refused("refuse", pair.subject.echo.refuse(cx), EchoError::Refused)
}

fn add<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for (a, b) in [(0, 0), (1, 2), (u64::MAX, 1), (1 << 63, 1 << 31), (!0 >> 1, 77)] {
        equal("the sum", pair.subject.echo.add(cx, a, b)?, a.wrapping_add(b))?;
    }
    Ok(())
}

fn narrow<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let cases = [
        (0, 0, 0, false),
        (255, i16::MIN, i32::MIN, true),
        (1, -1, -1, true),
        (200, i16::MAX, i32::MAX, false),
    ];
    for (a, b, c, negate) in cases {
        let found = pair.subject.echo.narrow(cx, a, b, c, negate)?;
        equal("the sum", found as u64, answers::narrow(a, b, c, negate) as u64)?;
    }
    Ok(())
}

fn opposite<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    equal("not true", pair.subject.echo.opposite(cx, true)?.into(), 0)?;
    equal("not false", pair.subject.echo.opposite(cx, false)?.into(), 1)
}

fn many<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for start in [1_u64, 1 << 40, u64::MAX - 5] {
        let n: [u64; 11] = core::array::from_fn(|at| start.wrapping_add(at as u64 * at as u64));
        let [a, b, c, d, e, f, g, h, i, j, k] = n;
        let found = pair.subject.echo.many(cx, a, b, c, d, e, f, g, h, i, j, k)?;
        equal("the sum", found, answers::many(n))?;
    }
    Ok(())
}

fn reverse<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let record = EchoRecord { wide: 0x0123_4567_89ab_cdef, narrow: 0xdead_beef, small: *b"wxyz" };
    let found = pair.subject.echo.reverse(cx, &record, 7)?;
    let expected = answers::reverse(record, 7);
    equal("wide", found.wide, expected.wide)?;
    equal("narrow", found.narrow.into(), expected.narrow.into())?;
    equal(
        "small",
        u32::from_le_bytes(found.small).into(),
        u32::from_le_bytes(expected.small).into(),
    )
}

fn repeat<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let mut sum = 0;
    for round in 0..10_000 {
        sum = pair.subject.echo.add(cx, sum, round)?;
    }
    equal("the sum", sum, 9999 * 10_000 / 2)
}
