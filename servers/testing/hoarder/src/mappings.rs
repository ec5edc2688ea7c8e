//! Takes all memory and makes the kernel remember mappings, until it refuses.

use alloc::format;

use warren::{Cx, SystemError};
use warren_idl::{LaunchError, MemoryError, map_space};

use crate::{Hoarder, Outcome, PAGE};

/// Bytes that are asked for at first; always half as much when that is refused.
const MOST: u64 = 16 << 20;

/// Takes all memory and mappings, and lets other programs do so too.
pub fn hoard(cx: &mut Cx<'_, Hoarder>, others: &str, giant: Option<&str>) -> Outcome {
    let needs = cx.req();
    let mut programs = alloc::vec::Vec::new();
    for name in others.split_whitespace() {
        match needs.launcher.program(cx, name) {
            Ok(program) => programs.push(program),
            Err(error) => return failed(format!("{name}: {error}")),
        }
    }
    let (pages, mappings) = match take_all(cx) {
        Ok(taken) => taken,
        Err(error) => return failed(format!("refused with {error}")),
    };
    for program in programs {
        match program.run(cx) {
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

fn failed(text: alloc::string::String) -> Outcome {
    Outcome { text, good: false }
}

/// Takes what there is: numbers of pages and of mappings of one page.
fn take_all(cx: &mut Cx<'_, Hoarder>) -> Result<(u64, u64), MemoryError> {
    let mut pages = 0;
    let mut bytes = MOST;
    while bytes >= PAGE {
        match take(cx, bytes) {
            Ok(()) => pages += bytes / PAGE,
            Err(refusal) if is_refusal(refusal) => bytes /= 2,
            Err(error) => return Err(error),
        }
    }
    let page = cx.page.get(cx)?;
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
fn take(cx: &mut Cx<'_, Hoarder>, bytes: u64) -> Result<(), MemoryError> {
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
