//! Auditor: shows what the books say at two points in time, between which others work.
//!
//! It looks once at the start, and again when none of the principals that are its arguments has a thread any more.
//!
//! # Result
//!
//! One JSON object on each line: for each principal its account at both times, then idle and elapsed time.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod books;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{Accounts, Program, Timer};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

use crate::books::{Books, Entry, Failure};

/// From one look at the others to the next.
const LOOK_NS: u64 = 10_000_000;

/// What the auditor needs.
#[derive(Required)]
pub struct Needs {
    accounts: Req<dyn Accounts>,
    timer: Req<dyn Timer>,
}

/// Shows what the books say at two points in time.
#[server(
    provides(Program),
    locals(Run),
    stack = 16384,
    summary = "shows what the books say before and after others work"
)]
pub struct Auditor {}

program!(Auditor requires Needs, Run, Audit);

/// Looks at the books twice.
struct Audit {
    /// Names of the principals that are waited for.
    wait_for: Vec<String>,
}

impl Work<Run> for Audit {
    const MANUAL: Manual = Manual {
        usage: "[PRINCIPAL ...]",
        details: "The second look is when none of these principals has a thread any more.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Ok(Audit { wait_for: Arguments::parse(arguments, "", "")?.operands })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match self.audit(cx, handed) {
            Ok(text) => {
                output.extend(text.bytes());
                Ok(Flow::End(0))
            }
            Err(Failure::Stopped(stop)) => Err(stop),
            Err(failure) => {
                handed.complain(cx, &format!("the books: {failure}"))?;
                Ok(Flow::End(1))
            }
        }
    }
}

impl Audit {
    /// Looks, waits, and looks again.
    fn audit(&self, cx: &mut Cx<'_, Run>, handed: &Handed) -> Result<String, Failure> {
        let before = Books::read(cx)?;
        let mut after = Books::read(cx)?;
        while self.are_at_work(&after.entries)? {
            handed.go_on(cx).map_err(Failure::Stopped)?;
            cx.req().timer.sleep(cx, LOOK_NS).map_err(|_| Failure::Timer)?;
            after = Books::read(cx)?;
        }
        Ok(text(&before, &after))
    }

    /// Whether one of the principals has a thread.
    fn are_at_work(&self, entries: &[Entry]) -> Result<bool, Failure> {
        let mut threads = 0;
        for name in &self.wait_for {
            let entry = entries.iter().find(|entry| entry.name == *name);
            threads += entry.ok_or(Failure::NoPrincipal)?.threads;
        }
        Ok(threads > 0)
    }
}

/// Both looks, as lines.
fn text(before: &Books, after: &Books) -> String {
    let mut text = String::new();
    for (before, after) in before.entries.iter().zip(&after.entries) {
        text += &format!(
            "{{\"principal\":\"{}\",\"used_ns\":[{},{}],\"helped_ns\":[{},{}]}}\n",
            after.name, before.used_ns, after.used_ns, before.helped_ns, after.helped_ns
        );
    }
    text += &format!(
        "{{\"idle_ns\":[{},{}],\"elapsed_ns\":[{},{}]}}\n",
        before.time.idle_ns, after.time.idle_ns, before.time.elapsed_ns, after.time.elapsed_ns
    );
    text
}
