//! Which calls can be explained: what the benchmark passes, to whom, and in which order.

use warren_engine::file::ServerFile;

use crate::failure::{Failure, Outcome};

/// Servers by where they are, as the system file connects them to a benchmark: where that runs, the last part of the row's name,
/// the server, its file.
const CALLEES: [(&str, &str, &str, &str); 8] = [
    ("kernel", "kernel", "echo-kernel", "echo"),
    ("kernel", "own", "echo-own", "echo"),
    ("kernel", "near", "echo-kernel-2", "echo"),
    ("kernel", "concurrent", "echo-concurrent", "concurrent-echo"),
    ("own", "kernel", "echo-kernel", "echo"),
    ("own", "own", "echo-own", "echo"),
    ("own", "near", "echo-shared", "echo"),
    ("own", "concurrent", "echo-concurrent", "concurrent-echo"),
];

/// Times that the benchmark enters the function of a row: rounds of its loop, and tries.
const ENTRIES: u32 = 1000 * 3;
/// Sizes of its buffers.
const SIZES: [&str; 6] = ["0", "64", "256", "1024", "4096", "16384"];

/// What is passed by a row, and to which function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Passed {
    group: &'static str,
    what: String,
    service: &'static str,
    function: &'static str,
    /// Times that the function is entered before the first row.
    before: u32,
}

/// Everything that the benchmark passes to one server, in its order.
fn passed() -> Vec<Passed> {
    let one = |group, what: &str, service, function| Passed {
        group,
        what: what.into(),
        service,
        function,
        before: 0,
    };
    let mut all = vec![
        one("calls", "nothing", "Echo", "nothing"),
        one("calls", "two words", "Echo", "add"),
        one("calls", "eleven words", "Echo", "many"),
    ];
    for size in SIZES {
        all.push(one("calls", &format!("in {size}"), "Echo", "take"));
        all.push(one("calls", &format!("out {size}"), "Echo", "give"));
        all.push(one("calls", &format!("out {size}, nothing written"), "Echo", "copy"));
    }
    all.push(one("references", "temporary reference", "Hub", "ignore"));
    all.push(one("references", "permanent reference", "Hub", "hold"));
    all.push(one("references", "reference back", "Hub", "kept"));
    // The token that the rows above pass was made by it.
    let made = one("references", "local server made and dropped", "Hub", "make");
    all.push(Passed { before: 1, ..made });
    all.push(one("calls", "atomic", "Counter", "count"));
    all
}

/// A call that can be explained.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// Name of its row.
    pub row: String,
    /// The benchmark program that makes it.
    pub program: String,
    /// The server that is called.
    pub callee: &'static str,
    /// Its file.
    pub file: &'static str,
    passed: Passed,
}

impl Call {
    /// What is called by the row with this name. What passes nothing may be left away: `calls/own-own`.
    pub fn of(name: &str) -> Outcome<Call> {
        let words: Vec<_> = name.split('/').collect();
        let (group, what, placement) = match words[..] {
            ["calls", placement] => ("calls", "nothing", placement),
            [group, what, placement] => (group, what, placement),
            _ => ("", "", ""),
        };
        let found = || {
            let (from, to) = placement.split_once('-')?;
            let (.., callee, file) = CALLEES.into_iter().find(|at| (at.0, at.1) == (from, to))?;
            let passed =
                passed().into_iter().find(|one| (one.group, &*one.what) == (group, what))?;
            // The server without a lock is called with values only.
            let is_measured =
                to != "concurrent" || ["nothing", "add", "many"].contains(&passed.function);
            let row = format!("{group}/{what}/{placement}");
            let program = format!("benchmark-{from}");
            is_measured.then_some(Call { row, program, callee, file, passed })
        };
        found().ok_or_else(|| {
            let rows: Vec<_> =
                passed().iter().map(|one| format!("{}/{}", one.group, one.what)).collect();
            Failure::new(format!("`{name}` cannot be explained")).remedy(format!(
                "WHAT/FROM-TO can: {}; from kernel or own to kernel, own, near, or, with values only, concurrent",
                rows.join(", ")
            ))
        })
    }

    /// Address of the function in its server's image, and how often that was entered before the row's first round.
    pub fn entry(&self, file: &ServerFile) -> Option<(u64, u32)> {
        let address = |of: &Passed| {
            let kinds = file.description().kinds().zip(&file.descriptor().kinds);
            let (service, kind) =
                kinds.into_iter().find(|(service, _)| service.name == of.service)?;
            let index = service.functions.iter().position(|one| one.name == of.function)?;
            kind.entries.get(index).copied()
        };
        let entry = address(&self.passed)?;
        // Functions that do the same may be one.
        let mut before = 0;
        for earlier in passed().iter().take_while(|one| **one != self.passed) {
            if address(earlier) == Some(entry) {
                before += ENTRIES + earlier.before;
            }
        }
        Some((entry, before + self.passed.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_nothing_may_be_left_away() {
        let short = Call::of("calls/own-kernel").ok();
        assert_eq!(short, Call::of("calls/nothing/own-kernel").ok());
        assert_eq!(short.map(|call| call.program), Some("benchmark-own".into()));
    }

    #[test]
    fn buffers_references_and_atomic_calls_can_be_explained() {
        for name in [
            "calls/in 4096/own-own",
            "calls/out 64/own-kernel",
            "calls/out 64, nothing written/own-own",
            "calls/atomic/own-kernel",
            "calls/nothing/own-near",
            "references/permanent reference/kernel-own",
        ] {
            assert_eq!(Call::of(name).map(|call| call.row).ok().as_deref(), Some(name));
        }
    }

    #[test]
    fn what_cannot_be_traced_is_refused() {
        for name in [
            "calls/nothing/hosted-kernel",
            "calls/in 64/own-concurrent",
            "references/nothing/own-own",
            "files/x/own-own",
            "calls/nothing",
            "",
        ] {
            assert!(Call::of(name).is_err(), "{name}");
        }
    }
}
