//! Takes all memory and makes the kernel remember mappings, until it refuses.

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Ref, SystemError};
use warren_idl::{LaunchError, MemoryError, Stream, StreamError, map_space};
use warren_program::Handed;

use crate::{Outcome, PAGE, Run};

/// Bytes of the others' output that are passed on at a time.
const PIECE_BYTES: usize = 256;
/// Bytes that are asked for at first; always half as much when that is refused.
const MOST: u64 = 16 << 20;

/// Takes all memory and mappings, and lets other programs do so too.
pub fn hoard(
    cx: &mut Cx<'_, Run>,
    handed: &Handed,
    others: &str,
    giant: Option<&str>,
    output: &mut Vec<u8>,
) -> Outcome {
    let mut runs = Vec::new();
    for name in others.split_whitespace() {
        let program = match cx.req().launcher.program(cx, name) {
            Ok(program) => program,
            Err(error) => return failed(format!("{name}: {error}")),
        };
        match handed.start(cx, program, &[]) {
            Ok(run) => runs.push(run),
            Err(error) => return failed(format!("{name}: {error}")),
        }
    }
    let (pages, mappings) = match take_all(cx) {
        Ok(taken) => taken,
        Err(error) => return failed(format!("refused with {error}")),
    };
    for run in runs {
        match finish(cx, run, output) {
            Ok(0) => (),
            other => return failed(format!("another one: {other:?}")),
        }
    }
    if let Some(giant) = giant
        && !matches!(cx.req().launcher.program(cx, giant), Err(LaunchError::Failed))
    {
        return failed(format!("{giant} was not refused"));
    }
    Outcome { text: format!("hoarded {pages} pages and {mappings} mappings"), good: true }
}

/// Runs a program to its end and passes on what it puts out; its status.
fn finish(
    cx: &mut Cx<'_, Run>,
    run: Ref<'_, dyn Stream>,
    output: &mut Vec<u8>,
) -> Result<u64, StreamError> {
    let mut piece = [0; PIECE_BYTES];
    loop {
        match run.read(cx, &mut piece)? as usize {
            0 => return run.status(cx),
            count => output.extend(&piece[..count.min(PIECE_BYTES)]),
        }
    }
}

fn failed(text: String) -> Outcome {
    Outcome { text, good: false }
}

/// Takes what there is: numbers of pages and of mappings of one page.
fn take_all(cx: &mut Cx<'_, Run>) -> Result<(u64, u64), MemoryError> {
    let mut pages = 0;
    let mut bytes = MOST;
    while bytes >= PAGE {
        match take(cx, bytes) {
            Ok(()) => pages += bytes / PAGE,
            Err(refusal) if is_refusal(refusal) => bytes /= 2,
            Err(error) => return Err(error),
        }
    }
    let page = cx.parent().page.take().ok_or(SystemError::Gone)?;
    let page = page.get(cx)?;
    let mut mappings = 0;
    loop {
        match cx.req().address_space.map(cx, page) {
            Ok(_) => mappings += 1,
            Err(refusal) if is_refusal(refusal) => return Ok((pages, mappings)),
            Err(error) => return Err(error),
        }
    }
}

/// Takes memory for as long as the server lives: a mapping holds it.
fn take(cx: &mut Cx<'_, Run>, bytes: u64) -> Result<(), MemoryError> {
    cx.scope(|cx| {
        let space = cx.req().memory.anonymous(cx, bytes)?;
        map_space(cx, &cx.req().address_space, space).map(|_| ())
    })
}

/// Whether an error says that something has run out.
fn is_refusal(error: MemoryError) -> bool {
    matches!(
        error,
        MemoryError::Exhausted | MemoryError::NoRoom | MemoryError::System(SystemError::Budget)
    )
}
