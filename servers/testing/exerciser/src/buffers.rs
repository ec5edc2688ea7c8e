//! Buffers of every direction, at sizes and places where copying code turns a corner.

use alloc::{vec, vec::Vec};

use warren::{Cx, SystemError};
use warren_answers as answers;
use warren_idl::EchoError;

use crate::{
    Check, Failure, Pair, Run,
    report::{equal, same_bytes},
};

pub const CHECKS: &[Check] = &[
    ("a buffer that is read arrives", sum),
    ("a buffer that is written comes back, and nothing around it changes", fill),
    ("a buffer that is changed comes back", invert),
    ("one buffer goes while another comes", copy),
    ("text arrives", characters),
    ("what a server does not write is not what another caller gave it", unwritten),
    ("what lies behind what a server writes stays as it was", behind),
    ("buffers may be as large as the contract says", largest),
    ("a buffer that is too large is refused or passed, never cut", too_large),
];

/// Lengths around words, cache lines and pages.
const LENGTHS: [usize; 14] = [0, 1, 2, 7, 8, 9, 63, 64, 65, 511, 4095, 4096, 4097, 12_289];

/// What one call may carry across domains.
const LARGEST: usize = 64 * 1024;

/// Bytes before and after each buffer that must not change.
const GUARD: usize = 24;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

fn sum<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for length in LENGTHS {
        let bytes = pattern(length + 3);
        for from in [0, 3] {
            let part = &bytes[from..from + length];
            equal("the sum", pair.subject.echo.sum(cx, part)?, answers::sum(part))?;
        }
    }
    Ok(())
}

fn fill<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for length in LENGTHS {
        let mut found = vec![0xee; length + 2 * GUARD];
        let mut expected = found.clone();
        let seed = length as u8 ^ 0x5a;
        let filled = pair.subject.echo.fill(cx, seed, &mut found[GUARD..GUARD + length])?;
        answers::fill(seed, &mut expected[GUARD..GUARD + length]);
        equal("the length", filled, length as u64)?;
        same_bytes("a byte's place", &found, &expected)?;
    }
    Ok(())
}

fn invert<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for length in LENGTHS {
        let mut found = pattern(length + 2 * GUARD);
        let mut expected = found.clone();
        pair.subject.echo.invert(cx, &mut found[GUARD..GUARD + length])?;
        answers::invert(&mut expected[GUARD..GUARD + length]);
        same_bytes("a byte's place", &found, &expected)?;
    }
    Ok(())
}

fn copy<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for (from, to) in [(0, 0), (0, 8), (8, 0), (100, 40), (40, 100), (4097, 4096), (4096, 8192)] {
        let source = pattern(from);
        let mut target = vec![0; to + GUARD];
        let copied = pair.subject.echo.copy(cx, &source, &mut target[..to])?;
        let common = from.min(to);
        equal("the length", copied, common as u64)?;
        same_bytes("a byte's place", &target[..common], &source[..common])?;
        same_bytes("a byte's place behind", &target[to..], &[0; GUARD])?;
    }
    Ok(())
}

fn characters<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for text in ["", "a", "Löwenzahn", "日本語", "🦊 in its burrow"] {
        let found = pair.subject.echo.characters(cx, text)?;
        equal("the number", found, text.chars().count() as u64)?;
    }
    Ok(())
}

fn unwritten<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let secret = vec![0xa5; 8192];
    pair.subject.echo.take(cx, &secret)?;
    pair.subject.echo.invert(cx, &mut secret.clone())?;
    let mut found = vec![1; 8192];
    pair.subject.echo.copy(cx, &[], &mut found)?;
    let leaked = found.iter().filter(|byte| ![0, 1].contains(*byte)).count();
    equal("the number of bytes of another call", leaked as u64, 0)?;
    pair.subject.echo.give(cx, &mut found)?;
    same_bytes("a byte's place", &found, &[0; 8192])
}

fn behind<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for length in LENGTHS {
        let source = pattern(length);
        let mut found = vec![0xee; LARGEST - length];
        let mut expected = found.clone();
        expected[..length].copy_from_slice(&source);
        equal("the length", pair.subject.echo.copy(cx, &source, &mut found)?, length as u64)?;
        same_bytes("a byte's place", &found, &expected)?;
    }
    Ok(())
}

fn largest<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let mut bytes = pattern(LARGEST);
    equal("the sum", pair.subject.echo.sum(cx, &bytes)?, answers::sum(&bytes))?;
    let expected: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    pair.subject.echo.invert(cx, &mut bytes)?;
    same_bytes("a byte's place", &bytes, &expected)
}

fn too_large<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let bytes = pattern(LARGEST + 1);
    match pair.subject.echo.sum(cx, &bytes) {
        Ok(found) => equal("the sum", found, answers::sum(&bytes)),
        Err(EchoError::System(SystemError::BadBuffer)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
