//! What calls cost: runs the benchmark programs of the system `test` and gathers their rows.
//!
//! # Method
//!
//! On a machine the unit is the guest instruction: QEMU counts them, so that a loaded host changes nothing, and
//! every run gives the same numbers. Copies count one instruction for each eight bytes. Hosted, the unit
//! is the processor's time-stamp counter, and the shortest of several tries counts.
//!
//! `more` is what a call costs beyond a plain indirect call of a function that does nothing, `ratio` what it costs
//! in all over what the plain call does, both without the loop around them, in the same run.
//!
//! [`limits`] says what a row may cost.

pub mod limits;

use std::{
    env,
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use self::limits::{Limit, Unit};
use crate::failure::{Failure, Outcome, While};

/// One kind of call.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `machine` or `hosted`.
    pub platform: &'static str,
    /// Where the caller runs.
    pub from: String,
    /// Where the callee runs.
    pub to: String,
    /// What is passed.
    pub what: String,
    /// What it costs more than a plain indirect call.
    pub more: f64,
    /// What it costs in all, over what a plain indirect call does.
    pub ratio: f64,
}

impl Row {
    /// What a limit calls the row. Hosted there is one space, and so only one place to call from.
    fn name(&self) -> String {
        let Row { from, to, what, .. } = self;
        let from = if self.platform == HOSTED { HOSTED } else { from };
        format!("calls/{what}/{from}-{to}")
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The rows in the order of measuring.
    pub rows: Vec<Row>,
    /// Ticks for one instruction of a loop of known length on the machine: 1 if instructions are counted.
    pub calibration: f64,
}

const MACHINE: &str = "machine";
const HOSTED: &str = "hosted";

/// One run of the system `test`: its arguments, the programs, and what is said of where files are.
struct Part {
    platform: &'static str,
    arguments: &'static [&'static str],
    programs: &'static [&'static str],
    /// Name of the placement of the servers behind `files`; if it is all that is wanted, other rows are left out.
    files: &'static str,
    only_files: bool,
}

const COUNTING: [&str; 5] = ["--machine", "pc", "--cpu", "max,erms=off", "--count-instructions"];

const PARTS: [Part; 4] = [
    Part {
        platform: MACHINE,
        arguments: &[],
        programs: &["benchmark-kernel", "benchmark-own"],
        files: "files in own domains",
        only_files: false,
    },
    Part {
        platform: MACHINE,
        arguments: &["--place", "all=kernel"],
        programs: &["benchmark-kernel"],
        files: "files in the kernel",
        only_files: true,
    },
    Part {
        platform: MACHINE,
        arguments: &["--place", "all=shared:one"],
        programs: &["benchmark-own"],
        files: "files in one domain",
        only_files: true,
    },
    Part {
        platform: HOSTED,
        arguments: &["--hosted"],
        programs: &["benchmark-kernel"],
        files: "files",
        only_files: false,
    },
];

/// Measures everything.
pub fn measure() -> Outcome<Measured> {
    let mut measured = Measured::default();
    for part in &PARTS {
        let output = run(part)?;
        read(&output, part, &mut measured)?;
    }
    Ok(measured)
}

/// Runs the programs of one part in a child of this very tool.
fn run(part: &Part) -> Outcome<String> {
    let when = || "cannot run the benchmark".to_owned();
    let mut command = Command::new(env::current_exe().when(when)?);
    command.args(["run", "test"]).args(part.arguments);
    if part.platform == MACHINE {
        command.args(COUNTING);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().when(when)?;
    let mut script = child.stdin.take().ok_or_else(|| Failure::new(when()))?;
    for program in part.programs {
        writeln!(script, "run {program}").when(when)?;
    }
    drop(script);
    let output = child.wait_with_output().when(when)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(Failure::new(format!("the benchmark failed:\n{text}"))),
    }
}

/// Reads the lines of one part.
fn read(output: &str, part: &Part, measured: &mut Measured) -> Outcome {
    for line in output.lines() {
        let found: Value = serde_json::from_str(line)
            .map_err(|_| Failure::new(format!("the benchmark wrote `{line}`")))?;
        if let Some(error) = found["error"].as_str() {
            return Err(Failure::new(format!("the benchmark failed: {error}")));
        }
        if let Some(calibration) = found["calibration"].as_f64() {
            if part.platform == MACHINE {
                measured.calibration = calibration;
            }
            continue;
        }
        let mut row = row(part.platform, &found)
            .ok_or_else(|| Failure::new(format!("the benchmark wrote `{line}`")))?;
        let files = row.to == "files";
        if files {
            row.to = part.files.into();
        }
        if files || !part.only_files {
            measured.rows.push(row);
        }
    }
    Ok(())
}

fn row(platform: &'static str, found: &Value) -> Option<Row> {
    let text = |key: &str| found[key].as_str().map(String::from);
    Some(Row {
        platform,
        from: text("from")?,
        to: text("to")?,
        what: text("what")?,
        more: found["ticks"].as_f64()?,
        ratio: found["ratio"].as_f64()?,
    })
}

impl Measured {
    /// The rows for other programs.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let limit = limits::of(&row.name());
            json!({
                "platform": row.platform,
                "unit": unit(row.platform),
                "from": row.from,
                "to": row.to,
                "what": row.what,
                "more": row.more,
                "ratio": row.ratio,
                "aim": limit.map(|limit| limit.aim),
                "aim_is_ratio": limit.map(|limit| limit.unit == Unit::Ratio),
            })
        });
        json!({ "calibration": self.calibration, "rows": rows.collect::<Vec<_>>() })
    }

    /// The rows for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut platform = "";
        for row in &self.rows {
            if row.platform != platform {
                platform = row.platform;
                // Writing into a String does not fail.
                let _ = writeln!(
                    text,
                    "{platform} ({})\n{:9} {:21} {:30} {:>10} {:>10}  aim",
                    unit(platform),
                    "from",
                    "to",
                    "what",
                    "more",
                    "ratio"
                );
            }
            let aim = limits::of(&row.name()).map_or(String::new(), |limit| {
                let kept = value(row, limit) <= limit.aim;
                let what = if limit.unit == Unit::Ratio { " ratio" } else { "" };
                format!("  {}{what}{}", limit.aim, if kept { "" } else { ", missed" })
            });
            let _ = writeln!(
                text,
                "{:9} {:21} {:30} {:10.1} {:10.1}{aim}",
                row.from, row.to, row.what, row.more, row.ratio
            );
        }
        text
    }

    /// What exceeds its ceiling, one line each.
    pub fn exceeded(&self) -> Vec<String> {
        let over = |row: &Row| {
            let limit = limits::of(&row.name())?;
            let value = value(row, limit);
            let text = format!("{}: {value}, at most {}", limit.name, limit.ceiling);
            (value > limit.ceiling).then_some(text)
        };
        self.rows.iter().filter_map(over).collect()
    }
}

fn value(row: &Row, limit: &Limit) -> f64 {
    match limit.unit {
        Unit::More => row.more,
        Unit::Ratio => row.ratio,
    }
}

fn unit(platform: &str) -> &'static str {
    match platform {
        MACHINE => "guest instructions",
        _ => "ticks of the time-stamp counter",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = r#"{"from":"own","calibration":1.000,"empty":3.009,"plain":8.000}
{"from":"own","to":"own","what":"nothing","ticks":102.001,"whole":110.001,"ratio":201.250}
{"from":"own","to":"files","what":"open","ticks":46705.171,"whole":46713.171,"ratio":5839.146}
"#;

    fn measured(part: &Part) -> Measured {
        let mut measured = Measured::default();
        assert!(read(OUTPUT, part, &mut measured).is_ok());
        measured
    }

    #[test]
    fn rows_are_read_and_files_are_told_apart_by_placement() {
        let found = measured(&PARTS[0]);
        assert_eq!(found.calibration, 1.0);
        assert_eq!(found.rows.len(), 2);
        assert_eq!(found.rows[0].more, 102.001);
        assert_eq!(found.rows[1].to, "files in own domains");
        assert_eq!(measured(&PARTS[1]).rows.len(), 1);
    }

    #[test]
    fn what_exceeds_its_ceiling_is_named() {
        let mut found = measured(&PARTS[0]);
        assert_eq!(found.exceeded(), [] as [String; 0]);
        found.rows[0].more = 1e6;
        assert_eq!(found.exceeded(), ["calls/nothing/own-own: 1000000, at most 173"]);
    }

    #[test]
    fn an_error_of_the_benchmark_is_an_error() {
        let mut measured = Measured::default();
        assert!(read("{\"error\":\"x\"}", &PARTS[0], &mut measured).is_err());
        assert!(read("nonsense", &PARTS[0], &mut measured).is_err());
    }
}
