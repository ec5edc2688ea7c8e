//! Who pays: two clients of one file server, of which one asks for ten times as much as the other.
//!
//! In the Linux guest the server and each client are processes that talk through Unix sockets, and each process pays for itself.

use std::path::Path;

use serde_json::Value;

use super::{
    linux::{self, Guest},
    programs,
    row::{Measure, Row, Unit, rounded},
};
use crate::{
    failure::{Failure, Outcome},
    project::Project,
};

/// Where all servers are.
const PLACES: [(&str, &str); 3] =
    [("kernel", "all=kernel"), ("own", "all=own"), ("one domain", "all=shared:one")];
/// Principals of the two clients.
const SMALL: &str = "small";
const LARGE: &str = "large";
const METHOD: &str = "QEMU -icount shift=0: a nanosecond is an instruction; processor time that the system's books charge to the \
    client's principal, from its start to its end";

/// The process that serves both in the Linux guest.
const SERVER: &str = "server";
const LINUX_METHOD: &str = "QEMU -icount shift=0: a nanosecond is an instruction; user and system time that the kernel charges to the process, \
    from its start to its end; processes talk through Unix sockets";

const HOSTED_METHOD: &str = "Warren's hosted platform as a process of the Linux guest, QEMU -icount shift=0: a nanosecond is an instruction; processor \
    time that the system's books charge to the client's principal, from its start to its end";

/// What shows the books when both clients have ended.
fn auditor() -> String {
    format!("auditor {SMALL} {LARGE}")
}

/// Lets the clients work once in each place.
pub fn measure() -> Vec<Row> {
    let in_place = |(name, place): (&str, &str)| {
        let said = programs::counted("accounts", &auditor(), &["--place", place]);
        let failed = |failure: Failure| {
            vec![Row::failed(format!("accounts/large over small/{name}"), failure.message())]
        };
        said.and_then(|said| read(&said, name, METHOD)).unwrap_or_else(failed)
    };
    PLACES.into_iter().flat_map(in_place).collect()
}

/// Lets the clients work once in the Linux guest.
pub fn measure_linux(guest: &Guest, disk: &Path) -> Outcome<Vec<Row>> {
    eprintln!("clients of a server in the Linux guest: a minute …");
    read_linux(&linux::audit(guest, disk)?)
}

/// Lets the clients work once in the hosted platform, in a Linux process of the guest, where time is instructions, too.
pub fn measure_hosted(project: &Project, guest: &Guest, disk: &Path) -> Outcome<Vec<Row>> {
    eprintln!("clients of a server in the hosted platform in the Linux guest: a minute …");
    let said = linux::audit_hosted(project, guest, disk, &auditor())?;
    read(&said, "hosted in guest", HOSTED_METHOD)
}

/// Reads what the auditor said.
fn read(said: &str, place: &str, method: &str) -> Outcome<Vec<Row>> {
    let used = |principal| used(said, "principal", principal, |used| &used[1]);
    Ok(rows(used(SMALL)?, used(LARGE)?, place, method))
}

/// Reads what the Linux guest said.
fn read_linux(said: &str) -> Outcome<Vec<Row>> {
    let used = |process| used(said, "process", process, |used| used);
    let (small, large, server) = (used(SMALL)?, used(LARGE)?, used(SERVER)?);
    let row = |what, value, unit| row(what, value, unit, "linux", LINUX_METHOD);
    let part = server / (small + large + server);
    let mut rows = rows(small, large, "linux", LINUX_METHOD);
    rows.push(row("charged to the server of both", server, Unit::Nanoseconds));
    rows.push(row("part of all that the server is charged", rounded(part), Unit::Times));
    Ok(rows)
}

/// What a line says that somebody has used, in nanoseconds.
fn used(said: &str, kind: &str, name: &str, number: impl Fn(&Value) -> &Value) -> Outcome<f64> {
    let mut lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line[kind] == name);
    let used = line.and_then(|line| number(&line["used_ns"]).as_f64());
    used.ok_or_else(|| Failure::new(format!("there is no {kind} `{name}` in `{}`", said.trim())))
}

fn rows(small: f64, large: f64, place: &str, method: &str) -> Vec<Row> {
    let row = |what, value, unit| row(what, value, unit, place, method);
    vec![
        row("charged to a client", small, Unit::Nanoseconds),
        row("charged to one that asks for ten times as much", large, Unit::Nanoseconds),
        row("large over small", large / small, Unit::Times),
    ]
}

fn row(what: &str, value: f64, unit: Unit, place: &str, method: &str) -> Row {
    Row::new(format!("accounts/{what}/{place}"), Measure::new(value, unit, method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_what_was_charged_at_the_end() {
        let said = "{\"principal\":\"small\",\"used_ns\":[3,20]}\n{\"principal\":\"large\",\"used_ns\":[7,190]}\n";
        let rows = read(said, "own", METHOD).unwrap_or_default();
        let found: Vec<_> = rows.iter().filter_map(Row::value).collect();
        assert_eq!(found, [20.0, 190.0, 9.5]);
    }

    #[test]
    fn on_linux_the_server_is_charged_besides() {
        let said = "{\"process\":\"small\",\"used_ns\":20}\n{\"process\":\"large\",\"used_ns\":190}\n\
            {\"process\":\"server\",\"used_ns\":330}\n";
        let rows = read_linux(said).unwrap_or_default();
        let found: Vec<_> = rows.iter().filter_map(Row::value).collect();
        assert_eq!(found, [20.0, 190.0, 9.5, 330.0, 0.611111]);
    }

    #[test]
    fn an_auditor_that_failed_is_an_error() {
        assert!(read("{\"error\":\"the timer does not answer\"}", "own", METHOD).is_err());
    }
}
