//! The benchmark programs of the system `test`, in several placements.

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::row::{Measure, Row, Unit};
use crate::failure::{Failure, Outcome, While};

/// One run of the system `test`: its arguments, the programs, and what is said of where files are.
struct Part {
    name: &'static str,
    platform: Platform,
    arguments: &'static [&'static str],
    programs: &'static [&'static str],
    /// Where the servers behind `files` are; if that is all that is wanted, other rows are left out.
    files: &'static str,
    only_files: bool,
}

/// What is under the benchmark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    /// The kernel, on a machine that counts instructions.
    Machine,
    /// A Linux process on the host.
    Hosted,
    /// A Linux process for each domain on the host.
    Processes,
    /// A Linux process in the Linux guest, on a machine that counts instructions.
    InGuest,
}

impl Platform {
    /// Where the benchmark is, if that is not the place that it names itself.
    fn place(self) -> Option<&'static str> {
        match self {
            Platform::Machine => None,
            Platform::Processes => Some("processes"),
            Platform::Hosted => Some("hosted"),
            Platform::InGuest => Some("hosted in guest"),
        }
    }

    /// Whether all servers are in one place.
    fn has_one_space(self) -> bool {
        matches!(self, Platform::Hosted | Platform::InGuest)
    }

    /// What a tick is, and how it is counted.
    fn unit(self) -> (Unit, &'static str) {
        match self {
            Platform::Machine => (Unit::Instructions, COUNTED),
            Platform::Hosted | Platform::Processes => (Unit::Ticks, TIMED),
            Platform::InGuest => (Unit::Instructions, COUNTED_IN_GUEST),
        }
    }
}

/// The system with the benchmark programs.
pub const SYSTEM: &str = "test";
const COUNTING: [&str; 5] = ["--machine", "pc", "--cpu", "max,erms=off", "--count-instructions"];

const PARTS: [Part; 5] = [
    Part {
        name: "machine",
        platform: Platform::Machine,
        arguments: &[],
        programs: &["benchmark-kernel", "benchmark-own"],
        files: "own",
        only_files: false,
    },
    Part {
        name: "everything in the kernel",
        platform: Platform::Machine,
        arguments: &["--place", "all=kernel"],
        programs: &["benchmark-kernel"],
        files: "kernel",
        only_files: true,
    },
    Part {
        name: "everything in one domain",
        platform: Platform::Machine,
        // Servers that are made to fail would take the others with them.
        arguments: &[
            "--place",
            "all=shared:one",
            "--place",
            "registers-own=own",
            "--place",
            "registers-kernel=kernel",
        ],
        programs: &["benchmark-own"],
        files: "one domain",
        only_files: true,
    },
    Part {
        name: "hosted",
        platform: Platform::Hosted,
        arguments: &["--hosted"],
        programs: &["benchmark-kernel"],
        files: "hosted",
        only_files: false,
    },
    Part {
        name: "hosted in processes",
        platform: Platform::Processes,
        arguments: &["--hosted", "--processes"],
        programs: &["benchmark-own"],
        files: "kernel",
        only_files: false,
    },
];

/// How the numbers of a machine are got.
const COUNTED: &str = "QEMU -icount shift=0, -cpu max,erms=off: the guest's time-stamp counter counts instructions; \
    shortest of the tries, without the loop";
/// How the hosted numbers are got where they are counted.
const COUNTED_IN_GUEST: &str = "the hosted platform as a process of the Linux guest, QEMU -icount shift=0, -cpu max,erms=off: the \
    guest's time-stamp counter counts instructions; shortest of the tries, without the loop";
/// How the hosted numbers are got elsewhere.
const TIMED: &str =
    "time-stamp counter of the host's processor; shortest of the tries, without the loop";

/// The benchmark in a Linux process of the Linux guest, which is run elsewhere.
const IN_GUEST: Part = Part {
    name: "hosted in the Linux guest",
    platform: Platform::InGuest,
    arguments: &[],
    programs: &["benchmark-kernel"],
    files: "hosted",
    only_files: false,
};

/// What the system `test` is to run in the Linux guest.
pub fn script_in_guest() -> String {
    IN_GUEST.programs.iter().map(|program| format!("{program}\n")).collect()
}

/// Reads what that wrote.
pub fn read_in_guest(output: &str) -> Outcome<Vec<Row>> {
    read(output, &IN_GUEST)
}

/// Measures everything once.
pub fn measure() -> Vec<Row> {
    let mut rows = Vec::new();
    for part in &PARTS {
        match run(part).and_then(|output| read(&output, part)) {
            Ok(more) => rows.extend(more),
            Err(failure) => {
                rows.push(Row::failed(format!("calls/all/{}", part.name), failure.message()));
            }
        }
    }
    rows.extend(domains(&rows));
    rows
}

/// Runs the programs of one part in a child of this very tool.
fn run(part: &Part) -> Outcome<String> {
    let mut arguments = part.arguments.to_vec();
    if part.platform == Platform::Machine {
        arguments.extend(COUNTING);
    }
    child(SYSTEM, &arguments, part.programs, Stdio::inherit()).map(|output| output.text)
}

/// What the benchmark wrote, and the system's log if it was asked for.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub text: String,
    /// Standard error.
    pub log: String,
}

/// Runs one program on a machine with further arguments of QEMU, and keeps the log.
pub fn trace(program: &str, further: &[String]) -> Outcome<Output> {
    let mut arguments = COUNTING.to_vec();
    arguments.push("--verbose");
    arguments.extend(further.iter().flat_map(|word| ["--qemu", word]));
    child(SYSTEM, &arguments, &[program], Stdio::piped())
}

/// Runs one program in a Linux process, which runs under a command if there is one, and keeps the log.
pub fn hosted(program: &str, under: &[String]) -> Outcome<Output> {
    let mut arguments = vec!["--hosted", "--verbose"];
    arguments.extend(under.iter().flat_map(|word| ["--under", word]));
    child(SYSTEM, &arguments, &[program], Stdio::piped())
}

/// What a program of some system writes, on a machine that counts instructions, with further arguments of `warren run`.
pub fn counted(system: &str, program: &str, further: &[&str]) -> Outcome<String> {
    let arguments = [&COUNTING, further].concat();
    child(system, &arguments, &[program], Stdio::inherit()).map(|output| output.text)
}

impl Output {
    /// Servers, and where each is loaded.
    pub fn loaded(&self) -> impl Iterator<Item = (&str, u64)> {
        self.log.lines().filter_map(|line| {
            let (name, address) = line.split_once("] ")?.1.split_once(": loaded at 0x")?;
            Some((name, u64::from_str_radix(address, 16).ok()?))
        })
    }

    /// What a row says that its call costs in all, and what the empty loop costs.
    pub fn measured(&self, name: &str) -> Option<(f64, f64)> {
        let lines =
            || self.text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let empty = lines().find_map(|line| line["empty"].as_f64())?;
        let mut rows = lines().filter_map(|line| row(&line, &PARTS[0], 0.0));
        rows.find(|(row, _)| row.name == name).and_then(|(row, _)| Some((row.value()?, empty)))
    }
}

/// Runs programs in a system.
fn child(system: &str, arguments: &[&str], programs: &[&str], log: Stdio) -> Outcome<Output> {
    let when = || "cannot run the benchmark".to_owned();
    let mut command = Command::new(env::current_exe().when(when)?);
    command.args(["run", system]).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().when(when)?;
    let mut script = child.stdin.take().ok_or_else(|| Failure::new(when()))?;
    for program in programs {
        writeln!(script, "{program}").when(when)?;
    }
    drop(script);
    let output = child.wait_with_output().when(when)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(Output { text, log }),
        false => {
            let last = text.lines().last().unwrap_or("nothing");
            Err(Failure::new(format!("the benchmark failed; it wrote last: {last}")))
        }
    }
}

/// Reads the lines of one part.
fn read(output: &str, part: &Part) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    let mut plain = 0.0;
    for line in output.lines() {
        let nonsense = || Failure::new(format!("the benchmark wrote `{line}`"));
        let found: Value = serde_json::from_str(line).map_err(|_| nonsense())?;
        if let Some(error) = found["error"].as_str() {
            return Err(Failure::new(format!("the benchmark failed: {error}")));
        }
        if let Some(calibration) = found["calibration"].as_f64() {
            plain = found["plain"].as_f64().ok_or_else(nonsense)?;
            let counts = part.platform.unit().0 == Unit::Instructions;
            if counts && (calibration - 1.0).abs() > 0.001 {
                let message = format!("an instruction of a loop of known length is {calibration}");
                return Err(Failure::new(message));
            }
            continue;
        }
        let (row, files) = row(&found, part, plain).ok_or_else(nonsense)?;
        // In a process all servers are in one place, of which one row is enough.
        let again = part.platform.has_one_space() && ["own", "near"].contains(&text(&found, "to"));
        if (files || !part.only_files) && !again {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// A text of a line; empty if it has none.
fn text<'a>(found: &'a Value, key: &str) -> &'a str {
    found[key].as_str().unwrap_or_default()
}

/// One row, and whether it is about files.
fn row(found: &Value, part: &Part, plain: f64) -> Option<(Row, bool)> {
    let text = |key: &str| found[key].as_str();
    let (group, what) = (text("group")?, text("what")?);
    let from = match part.platform.place() {
        Some(place) => place,
        None => text("from")?,
    };
    let to = match text("to")? {
        "files" => part.files,
        to => to,
    };
    // What is done here goes nowhere, and hosted there is one place for files.
    let place = match to {
        "here" | "itself" | "hosted" => from.to_owned(),
        to => format!("{from}-{to}"),
    };
    let (unit, method) = part.platform.unit();
    let measure = Measure::new(found["whole"].as_f64()?, unit, method);
    let measure = Measure { plain: Some(plain), ..measure };
    Some((Row::new(format!("{group}/{what}/{place}"), measure), group == "files"))
}

/// A domain costs what a server in a domain of its own costs more than one in the kernel.
fn domains(rows: &[Row]) -> Option<Row> {
    const LOADED: &str = "servers/loaded and destroyed";
    let value = |place: &str| {
        rows.iter().find(|row| row.name == format!("{LOADED}/{place}")).and_then(Row::value)
    };
    let more = value("own-own")? - value("own-kernel")?;
    let method = format!("{LOADED}/own-own less {LOADED}/own-kernel");
    let measure = Measure::new(more, Unit::Instructions, method);
    Some(Row::new("domains/created and destroyed/own", measure))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = r#"{"from":"own","calibration":1.000,"empty":3.009,"plain":8.000}
{"group":"calls","from":"own","to":"own","what":"nothing","ticks":102.001,"whole":110.001,"ratio":201.250}
{"group":"calls","from":"own","to":"itself","what":"direct","ticks":0.0,"whole":6.0,"ratio":0.750}
{"group":"files","from":"own","to":"files","what":"open","ticks":46705.171,"whole":46713.171,"ratio":5839.146}
"#;

    fn names(part: &Part) -> Vec<String> {
        let rows = read(OUTPUT, part).unwrap_or_default();
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn rows_are_read_and_files_are_told_apart_by_placement() {
        let machine = ["calls/nothing/own-own", "calls/direct/own", "files/open/own-own"];
        assert_eq!(names(&PARTS[0]), machine);
        assert_eq!(names(&PARTS[1]), ["files/open/own-kernel"]);
        let hosted = ["calls/direct/hosted", "files/open/hosted"];
        assert_eq!(names(&PARTS[3]), hosted);
        let processes = [
            "calls/nothing/processes-own",
            "calls/direct/processes",
            "files/open/processes-kernel",
        ];
        assert_eq!(names(&PARTS[4]), processes);
    }

    #[test]
    fn a_call_is_measured_beside_a_plain_one() {
        let rows = read(OUTPUT, &PARTS[0]).unwrap_or_default();
        let Ok(measure) = &rows[0].measured else { panic!("it was measured") };
        assert_eq!((measure.value(), measure.beyond_plain()), (110.001, Some(102.001)));
    }

    #[test]
    fn an_error_of_the_benchmark_is_an_error() {
        assert!(read("{\"error\":\"x\"}", &PARTS[0]).is_err());
        assert!(read("nonsense", &PARTS[0]).is_err());
    }

    #[test]
    fn a_clock_that_does_not_count_instructions_is_an_error_on_a_machine() {
        let drifting = r#"{"from":"own","calibration":1.010,"empty":3.009,"plain":8.000}"#;
        assert!(read(drifting, &PARTS[0]).is_err());
        assert!(read(drifting, &PARTS[3]).is_ok());
    }

    #[test]
    fn a_domain_is_the_difference_of_two_placements() {
        let row = |place: &str, value| {
            let name = format!("servers/loaded and destroyed/{place}");
            Row::new(name, Measure::new(value, Unit::Instructions, "counted"))
        };
        let found = domains(&[row("own-own", 70.0), row("own-kernel", 50.0)]);
        assert_eq!(found.and_then(|row| row.value()), Some(20.0));
    }
}
