//! Rows: what was measured, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::limits;

/// One number, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `group/what/placement`.
    pub name: String,
    /// The number.
    pub measured: Result<Measure, String>,
    /// What does the same elsewhere, and what it costs there in the same unit.
    pub peers: Vec<Peer>,
}

/// A number and how it was got.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// One number for each run, in the order of runs.
    pub samples: Vec<f64>,
    /// What it counts.
    pub unit: Unit,
    /// How it was measured.
    pub method: String,
    /// What a plain indirect call of a function that does nothing costs in the same run; for calls only.
    pub plain: Option<f64>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instructions that the guest executes.
    Instructions,
    /// Instructions that a process executes.
    Steps,
    /// Ticks of the processor's time-stamp counter.
    Ticks,
    /// Bytes.
    Bytes,
    /// Lines of text.
    Lines,
    /// Nanoseconds of the guest's clock, or of this host's where the method says so.
    Nanoseconds,
    /// Frames of a film.
    Frames,
    /// How many times another number it is.
    Times,
    /// Calls and returns of domains that came to the kernel.
    Entries,
    /// How often something was done in a second of this host's clock.
    PerSecond,
}

/// The same thing elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Where and what.
    pub name: String,
    /// What it costs there.
    pub value: f64,
}

impl Unit {
    /// All.
    const ALL: [Unit; 10] = [
        Unit::Instructions,
        Unit::Steps,
        Unit::Ticks,
        Unit::Bytes,
        Unit::Lines,
        Unit::Nanoseconds,
        Unit::Frames,
        Unit::Times,
        Unit::Entries,
        Unit::PerSecond,
    ];

    /// The unit of this name.
    pub fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Instructions => "guest instructions",
            Unit::Steps => "instructions",
            Unit::Ticks => "ticks of the time-stamp counter",
            Unit::Bytes => "bytes",
            Unit::Lines => "lines",
            Unit::Nanoseconds => "ns",
            Unit::Frames => "frames",
            Unit::Times => "times",
            Unit::Entries => "entries into the kernel",
            Unit::PerSecond => "per second",
        }
    }
}

impl Measure {
    /// One number of one run.
    pub fn new(value: f64, unit: Unit, method: impl Into<String>) -> Self {
        Measure { samples: vec![value], unit, method: method.into(), plain: None }
    }

    /// The median of the runs.
    pub fn value(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The least and the greatest number of any run.
    pub fn bounds(&self) -> (f64, f64) {
        let least = self.samples.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = self.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least, greatest)
    }

    /// What a call costs beyond the plain one.
    pub fn beyond_plain(&self) -> Option<f64> {
        Some(rounded(self.value() - self.plain?))
    }
}

impl Row {
    /// A row with a number.
    pub fn new(name: impl Into<String>, measure: Measure) -> Self {
        Row { name: name.into(), measured: Ok(measure), peers: Vec::new() }
    }

    /// A row that could not be measured.
    pub fn failed(name: impl Into<String>, why: impl Into<String>) -> Self {
        Row { name: name.into(), measured: Err(why.into()), peers: Vec::new() }
    }

    /// The part of the name before the first slash.
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// The number, if there is one.
    pub fn value(&self) -> Option<f64> {
        self.measured.as_ref().ok().map(Measure::value)
    }

    /// One object for each peer, or one if there is none.
    pub fn json(&self) -> Vec<Value> {
        let measure = match &self.measured {
            Ok(measure) => measure,
            Err(why) => return vec![json!({ "name": self.name, "error": why })],
        };
        let (min, max) = measure.bounds();
        let mut alone = json!({
            "name": self.name,
            "value": measure.value(),
            "unit": measure.unit.name(),
            "spread": { "min": min, "max": max, "n": measure.samples.len() },
            "method": measure.method,
        });
        if let Some(beyond) = measure.beyond_plain() {
            alone["beyond_plain_call"] = beyond.into();
        }
        if self.peers.is_empty() {
            return vec![alone];
        }
        let beside = |peer: &Peer| {
            let mut row = alone.clone();
            row["peer"] = peer.name.clone().into();
            row["peer_value"] = peer.value.into();
            row["ratio"] = rounded(measure.value() / peer.value).into();
            row
        };
        self.peers.iter().map(beside).collect()
    }
}

/// To six digits behind the point: what a measured number is good for at most.
pub fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// Rows of one run, and the same rows of the next: samples of the same name come together.
pub fn join(rows: &mut Vec<Row>, more: Vec<Row>) {
    for new in more {
        let Some(old) = rows.iter_mut().find(|old| old.name == new.name) else {
            rows.push(new);
            continue;
        };
        match (&mut old.measured, new.measured) {
            (Ok(old), Ok(new)) => old.samples.extend(new.samples),
            (Ok(_), Err(why)) => old.measured = Err(why),
            (Err(_), _) => (),
        }
    }
}

/// The rows for people.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut group = "";
    for row in rows {
        if row.group() != group {
            group = row.group();
            // Writing into a String does not fail.
            let _ = writeln!(text, "\n{:58} {:>14}  peers, aims", group, "value");
        }
        let what = row.name.strip_prefix(group).unwrap_or_default().trim_start_matches('/');
        let _ = match &row.measured {
            Ok(measure) => {
                writeln!(text, "{what:58} {:>14.1}{}", measure.value(), remarks(row, measure))
            }
            Err(why) => writeln!(text, "{what:58} {:>14}  {why}", "failed"),
        };
    }
    text
}

/// What stands behind a number: its unit where that is no matter of course, its spread, peers and promise.
fn remarks(row: &Row, measure: &Measure) -> String {
    let mut text = String::new();
    if measure.unit != Unit::Instructions {
        let _ = write!(text, "  {}", measure.unit.name());
    }
    let (min, max) = measure.bounds();
    if max > min {
        let _ = write!(text, "  {min:.1} to {max:.1}");
    }
    for peer in &row.peers {
        let ratio = measure.value() / peer.value;
        let _ = write!(text, "  {ratio:.3} of {} ({:.0})", peer.name, peer.value);
    }
    if let Some((limit, aim)) = limits::of(&row.name).and_then(|one| Some((one, one.aim?))) {
        let kept = limit.of(measure).is_some_and(|value| value <= aim);
        let _ = write!(text, "  aim {aim}{}", if kept { "" } else { ", missed" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(value: f64) -> Measure {
        Measure::new(value, Unit::Instructions, "counted")
    }

    #[test]
    fn runs_come_together_by_name_and_the_median_counts() {
        let mut rows = vec![Row::new("calls/a/b", measure(3.0))];
        join(&mut rows, vec![Row::new("calls/a/b", measure(9.0))]);
        join(&mut rows, vec![Row::new("calls/a/b", measure(1.0)), Row::new("x/y/z", measure(5.0))]);
        assert_eq!(rows.len(), 2);
        let Ok(joined) = &rows[0].measured else { panic!("it was measured") };
        assert_eq!((joined.value(), joined.bounds()), (3.0, (1.0, 9.0)));
    }

    #[test]
    fn a_run_that_failed_is_not_hidden_by_others() {
        let mut rows = vec![Row::new("calls/a/b", measure(3.0))];
        join(&mut rows, vec![Row::failed("calls/a/b", "no machine")]);
        assert_eq!(rows[0].json(), [json!({ "name": "calls/a/b", "error": "no machine" })]);
    }

    #[test]
    fn each_peer_is_an_object_with_the_ratio_of_ours_over_theirs() {
        let mut row = Row::new("calls/a/b", measure(50.0));
        row.peers = vec![
            Peer { name: "linux: pipe".into(), value: 100.0 },
            Peer { name: "linux: eventfd".into(), value: 25.0 },
        ];
        let ratios: Vec<_> = row.json().iter().map(|row| row["ratio"].clone()).collect();
        assert_eq!(ratios, [json!(0.5), json!(2.0)]);
    }
}
