//! The placement ladder: one call, from the cheapest place to the dearest, and a pipe of Linux's.

use std::fmt::Write as _;

use super::row::{Row, Unit};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it is.
    pub what: &'static str,
    /// The row that has its number.
    pub row: &'static str,
    /// The number and its unit, or why there is none.
    pub value: Result<(f64, Unit), String>,
}

/// What stands on the ladder, and the rows.
const STEPS: [(&str, &str); 11] = [
    ("direct call of a function", "calls/direct/kernel"),
    ("`dyn` call", "calls/dyn/kernel"),
    ("service call, same space, no lock", "calls/nothing/kernel-concurrent"),
    ("service call, same space, lock", "calls/nothing/kernel-kernel"),
    ("service call, domain to kernel", "calls/nothing/own-kernel"),
    ("service call, kernel to domain", "calls/nothing/kernel-own"),
    ("service call, domain to domain", "calls/nothing/own-own"),
    ("service call, hosted", "calls/nothing/hosted-kernel"),
    ("service call, hosted in the Linux guest", "calls/nothing/hosted in guest-kernel"),
    ("service call, hosted, between processes", "calls/nothing/processes-own"),
    ("round trip through a pipe of Linux's, 1 byte", "calls/pipe, 1 byte/linux"),
];

/// The ladder; empty if no call was measured.
pub fn steps(rows: &[Row]) -> Vec<Step> {
    if !rows.iter().any(|row| row.name == STEPS[0].1) {
        return Vec::new();
    }
    let step = |&(what, name): &(&'static str, &'static str)| {
        let row = rows.iter().find(|row| row.name == name);
        let value = match row.map(|row| &row.measured) {
            Some(Ok(measure)) => Ok((measure.value(), measure.unit)),
            Some(Err(why)) => Err(why.clone()),
            None => Err("not measured: --against linux".into()),
        };
        Step { what, row: name, value }
    };
    STEPS.iter().map(step).collect()
}

/// The ladder for people.
pub fn table(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        // Writing into a String does not fail.
        let _ = match &step.value {
            Ok((value, unit)) => writeln!(text, "{:46} {value:>12.1}  {}", step.what, unit.name()),
            Err(why) => writeln!(text, "{:46} {:>12}  {why}", step.what, "none"),
        };
    }
    match text.is_empty() {
        true => text,
        false => format!("\nplacement ladder\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::row::Measure, *};

    #[test]
    fn a_step_without_a_number_says_why() {
        let measure = Measure::new(5.0, Unit::Instructions, "counted");
        let steps = steps(&[Row::new("calls/direct/kernel", measure)]);
        assert_eq!(steps[0].value, Ok((5.0, Unit::Instructions)));
        assert!(steps[1..].iter().all(|step| step.value.is_err()));
    }

    #[test]
    fn there_is_no_ladder_without_calls() {
        assert_eq!(table(&steps(&[])), "");
    }
}
