//! What a call costs in a Linux process, in instructions: counted by single steps.
//!
//! # How
//!
//! The hosted benchmark runs twice. The first time tells where servers are loaded, which is the same each time. The second time a
//! small program that traces it counts the instructions from one entry of a function to the next: one round of the
//! benchmark's loop. The plain call is counted in the same way, so that the loop is in both.

use std::fs;

use super::{
    compiler,
    explain::{self, call::Call, places::Places},
    programs,
    row::{Measure, Row, Unit},
};
use crate::{
    build,
    failure::{Failure, Outcome, While},
    project::Project,
    run::temporary::Temporary,
};

/// Rows, and the calls of the machine's that they are in a process.
const ROWS: [(&str, &str); 3] = [
    ("calls/nothing/stepped-kernel", "calls/nothing/kernel-kernel"),
    ("calls/atomic/stepped-kernel", "calls/atomic/kernel-kernel"),
    ("calls/nothing/stepped-concurrent", "calls/nothing/kernel-concurrent"),
];
/// The plain call's row, the program that makes all of them, its file, and the function that is called plainly.
const PLAIN: &str = "calls/indirect/stepped";
const PROGRAM: &str = "benchmark-kernel";
const FILE: &str = "benchmark";
const FUNCTION: &str = "warren_benchmark::measure::plain";
/// Which entry of a function to count from: any but the first ones.
const ENTRY: u32 = 500;

const METHOD: &str = "the hosted platform's process in single steps, from one entry of the called function to the next: \
    a round of the loop";

/// Counts all of them.
pub fn measure(project: &Project) -> Outcome<Vec<Row>> {
    let servers = build::servers(project)?;
    let first = programs::hosted(PROGRAM, &[])?;
    let missing = |what: &str| Failure::new(format!("no `{what}` is loaded"));
    let built = servers.iter().find(|one| one.paths.name == FILE).ok_or_else(|| missing(FILE))?;
    let mut loaded = first.loaded();
    let (_, base) = loaded.find(|(name, _)| *name == PROGRAM).ok_or_else(|| missing(PROGRAM))?;
    let mut places = Places::default();
    places.add_server(PROGRAM, base, &explain::read_bytes(&built.paths.debug)?)?;
    let plain = places.address_of(PROGRAM, FUNCTION).ok_or_else(|| missing(FUNCTION))?;
    let mut rounds = vec![format!("{plain:#x}:{ENTRY}")];
    for (_, call) in ROWS {
        let (address, _) = explain::entry(&Call::of(call)?, &servers, &first)?;
        rounds.push(format!("{address:#x}:{ENTRY}"));
    }
    let temporary = Temporary::create()?;
    let counted = temporary.file("counted");
    let stepper = compiler::stepper(project)?;
    let under = [stepper.display().to_string(), counted.display().to_string(), rounds.join(",")];
    programs::hosted(PROGRAM, &under)?;
    let text = fs::read_to_string(&counted).when(|| "nothing was counted".into())?;
    rows(&text)
}

/// The rows, from what the counting program has written: one line for each round, which ends with the number.
fn rows(text: &str) -> Outcome<Vec<Row>> {
    let number = |line: &str| line.split(' ').next_back()?.parse().ok();
    let counts: Option<Vec<f64>> = text.lines().map(number).collect();
    let counts = counts.filter(|counts| counts.len() == 1 + ROWS.len());
    let counts = counts.ok_or_else(|| Failure::new(format!("not all was counted:\n{text}")))?;
    let names = [PLAIN].into_iter().chain(ROWS.map(|(name, _)| name));
    let row = |(name, count): (&str, &f64)| {
        let measure = Measure::new(*count, Unit::Steps, METHOD);
        Row::new(name, Measure { plain: Some(counts[0]), ..measure })
    };
    Ok(names.zip(&counts).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_call_is_counted_first() {
        let rows = rows("0x10 11\n0x20 50\n0x30 48\n0x40 50\n").unwrap_or_default();
        let beyond: Vec<_> = rows
            .iter()
            .map(|row| row.measured.as_ref().ok().and_then(Measure::beyond_plain))
            .collect();
        assert_eq!(beyond, [Some(0.0), Some(39.0), Some(37.0), Some(39.0)]);
    }

    #[test]
    fn a_round_that_is_missing_is_an_error() {
        assert!(rows("0x10 11\n").is_err());
        assert!(rows("").is_err());
    }
}
