//! What switches of threads cost: signals, preemption, a contended lock, timers, a device's interrupt; and calls of independent clients on
//! several CPUs.
//!
//! # Method
//!
//! The programs of the system `switching` measure, each in the mean of some rounds, and say where one row begins and ends. Several CPUs
//! are counted together, as QEMU runs them by turns: what independent clients cost in all, divided by all their calls, is the same
//! on any number of CPUs only if none of them ever waits for another one.
//!
//! What accounts add is counted: a plugin of QEMU lists each instruction from one time that a thread blocks to the next, and those of the
//! function that charges time are told from the others. It is called where time is charged and nowhere else; what reads the
//! clock is not counted, because budgets need that as well.

use serde_json::Value;

use super::{
    compiler,
    explain::{self, places::Places},
    programs,
    row::{Measure, Row, Unit},
};
use crate::{
    build,
    failure::{Failure, Outcome},
    project::Project,
    run::temporary::Temporary,
};

const SYSTEM: &str = "switching";
/// The programs, by where they and their partners are.
const PROGRAMS: [(&str, &str); 2] = [("kernel", "switcher-kernel"), ("own", "switcher-own")];
/// A device that interrupts when it is told to.
const DEVICE: [&str; 4] = ["--qemu", "-device", "--qemu", "edu"];
/// CPUs, and as many clients.
const CPUS: [&str; 3] = ["1", "2", "4"];
/// What of the programs' rows is about clients.
const CALLS: &str = "calls of independent clients";

const METHOD: &str = "QEMU -icount shift=0, -cpu max,erms=off: the guest's time-stamp counter counts instructions; mean of the rounds; \
    scheduler `priorities` in the kernel";
const METHOD_CALLS: &str =
    "QEMU -icount shift=0, -cpu max,erms=off: the instructions of all CPUs together, for each call";

/// The function of the kernel's books that one round of [`ROUND`] enters once, and the one that charges time.
const BLOCK: &str = "warren_kernel::contexts::Contexts::block";
const CHARGE: &str =
    "kernel: warren_kernel::contexts::account::<impl warren_kernel::contexts::Contexts>::charge";
const ROUND: &str = "woken, answers, blocks";
/// Which time that somebody blocks to count from: in the middle of the rounds.
const ENTRY: u32 = 90;
/// How far the counted round may be from the mean of all.
const ALIKE: f64 = 0.1;
const METHOD_ACCOUNTS: &str = "the instructions of one round of `woken, answers, blocks`, each listed by a plugin of QEMU, that are in the \
    function which charges time";

/// The rows of the group `switching`.
pub fn measure(project: &Project) -> Vec<Row> {
    eprintln!("switches of threads: some seconds …");
    let measured = PROGRAMS.iter().flat_map(|(place, program)| {
        let rows = programs::counted(SYSTEM, program, &DEVICE)
            .and_then(|said| read(&said, METHOD, |what| format!("switching/{what}/{place}")));
        rows.unwrap_or_else(|failure| failed(&format!("switching/all/{place}"), &failure))
    });
    let mut rows: Vec<Row> = measured.collect();
    for (place, program) in PROGRAMS {
        let name = format!("switching/accounts in {ROUND}/{place}");
        let row = charges(project, program).map(|charges| {
            Row::new(&name, Measure::new(charges, Unit::Instructions, METHOD_ACCOUNTS))
        });
        rows.push(row.unwrap_or_else(|failure| Row::failed(&name, failure.message())));
    }
    rows
}

/// Instructions of one round that charge time.
fn charges(project: &Project, program: &str) -> Outcome<f64> {
    let mut places = Places::default();
    places.add_kernel(&explain::read_bytes(&build::kernel(project)?)?)?;
    let missing = || Failure::new(format!("the kernel has no function `{BLOCK}`"));
    let block = places.address_in_kernel(BLOCK).ok_or_else(missing)?;
    let temporary = Temporary::create()?;
    let listed = temporary.file("listed");
    let option = explain::plugin_option(&compiler::counter(project)?, &listed, block, ENTRY);
    let said = programs::counted(SYSTEM, program, &["--qemu", "-plugin", "--qemu", &option])?;
    let rows = read(&said, METHOD, str::to_owned)?;
    let round = explain::read(&listed)?;
    let mean = rows.iter().find(|row| row.name == ROUND).and_then(Row::value).unwrap_or(0.0);
    let length = round.len() as f64;
    if (length - mean).abs() > mean * ALIKE {
        let message = format!("a traced round has {length} instructions, and the mean is {mean}");
        return Err(Failure::new(message));
    }
    let charges = round.iter().filter(|address| places.part(**address) == CHARGE).count();
    match charges {
        0 => Err(Failure::new("no instruction of the round charges time")),
        charges => Ok(charges as f64),
    }
}

/// The rows of the group `scaling`.
pub fn measure_scaling() -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, program) in PROGRAMS {
        for cpus in CPUS {
            eprintln!("independent clients on {cpus} CPUs: some seconds …");
            let name = format!("scaling/{CALLS}, {cpus} on as many CPUs/{place}");
            let command = format!("{program} -c {cpus}");
            let said = programs::counted(SYSTEM, &command, &["--cpus", cpus]);
            let measured = said.and_then(|said| read(&said, METHOD_CALLS, |_| name.clone()));
            rows.extend(measured.unwrap_or_else(|failure| failed(&name, &failure)));
        }
    }
    rows
}

fn failed(name: &str, failure: &Failure) -> Vec<Row> {
    vec![Row::failed(name, failure.message())]
}

/// Reads what a program wrote; `name` makes a row's name of what was measured.
fn read(output: &str, method: &str, name: impl Fn(&str) -> String) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for line in output.lines() {
        let nonsense = || Failure::new(format!("the benchmark wrote `{line}`"));
        let found: Value = serde_json::from_str(line).map_err(|_| nonsense())?;
        if let Some(error) = found["error"].as_str() {
            return Err(Failure::new(format!("the benchmark failed: {error}")));
        }
        let what = found["what"].as_str().ok_or_else(nonsense)?;
        let whole = found["whole"].as_f64().ok_or_else(nonsense)?;
        rows.push(Row::new(name(what), Measure::new(whole, Unit::Instructions, method)));
    }
    match rows.is_empty() {
        true => Err(Failure::new("the benchmark wrote nothing")),
        false => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(output: &str) -> Outcome<Vec<String>> {
        let rows = read(output, METHOD, |what| format!("switching/{what}/own"))?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    #[test]
    fn each_line_is_a_row() {
        let output = "{\"what\":\"woken\",\"whole\":12.5}\n{\"what\":\"late\",\"whole\":3}\n";
        let expected = ["switching/woken/own", "switching/late/own"].map(String::from);
        assert_eq!(names(output).ok(), Some(expected.to_vec()));
    }

    #[test]
    fn what_failed_or_says_nothing_has_no_rows() {
        for output in ["", "{\"error\":\"lost\"}", "nonsense", "{\"what\":\"woken\"}"] {
            assert!(names(output).is_err(), "{output}");
        }
    }
}
