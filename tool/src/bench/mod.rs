//! Numbers: what Warren costs, and what the same costs elsewhere.
//!
//! # Shape
//!
//! | module | what |
//! | --- | --- |
//! | [`row`] | one number, its spread, its peers |
//! | [`limits`] | what a number may be |
//! | [`promises`] | the same for people: `PROMISES.md` |
//! | [`programs`] | the benchmark programs of the system `test`: calls, references, files, faults, threads, servers |
//! | [`stepped`] | calls in a Linux process, in instructions |
//! | [`explain`] | where the instructions of one call go |
//! | [`switching`] | what it costs that another thread runs; independent clients on several CPUs |
//! | [`crosstalk`] | a film beside greedy clients |
//! | [`accounts`] | who pays |
//! | [`ladder`] | one call in all placements |
//! | [`report`] | all of it as a page |
//! | [`host`] | what is measured on |
//! | [`boot`] | from the first instruction to the prompt |
//! | [`network`] | bytes that go through the network |
//! | [`loss`] | transfers over wires that lose, delay and double frames |
//! | [`requests`] | requests of HTTP per second |
//! | [`throughput`] | how much goes through the network in a second |
//! | [`kills`] | servers of the network that die a hundred times |
//! | [`lines`] | how long servers are |
//! | [`linux`] | the same in a Linux guest |
//! | [`references`] | what was measured elsewhere |
//! | [`peers`] | which of Linux's rows stands beside which of ours |
//!
//! # Method
//!
//! On a machine the unit is the guest instruction: QEMU counts them, so that a loaded host changes nothing, and
//! every run gives the same numbers. The guest's own clock is that counter, and each run checks it against a loop of
//! known length. Copies count one instruction for each eight bytes. Hosted, the unit is the processor's time-stamp
//! counter. In a run the shortest of several tries counts; of several runs the median, with the least and
//! the greatest beside it.

mod accounts;
mod boot;
mod compiler;
mod crosstalk;
pub mod explain;
mod host;
mod kills;
pub mod ladder;
pub mod limits;
mod lines;
mod linux;
mod loss;
pub mod network;
mod peers;
mod programs;
pub mod promises;
pub mod references;
pub mod report;
mod requests;
pub mod row;
mod stepped;
mod switching;
mod throughput;

use clap::ValueEnum;

use self::row::{Measure, Row, Unit};
use crate::{
    command::sizes,
    failure::{Failure, Outcome},
    project::Project,
    run::{image, machine::Adapter},
};

/// What belongs together: the first part of a row's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Calls, by what they pass and where they go.
    Calls,
    /// References, temporary and permanent, and local servers.
    References,
    /// A file opened, read, and closed.
    Files,
    /// A server that dies of a fault, until its caller has the error.
    Faults,
    /// A domain created and destroyed.
    Domains,
    /// A thread created and joined.
    Threads,
    /// A server loaded and destroyed.
    Servers,
    /// What it costs that another thread runs.
    Switching,
    /// Independent clients on several CPUs.
    Scaling,
    /// A film that is played beside greedy clients of the same file server.
    Crosstalk,
    /// Who pays for what a server does.
    Accounts,
    /// Bytes that are received and sent by TCP.
    Network,
    /// Transfers over wires that lose, delay and double frames, in real time.
    Loss,
    /// Requests of HTTP that are answered in a second, in real time.
    Requests,
    /// Bytes, round trips and connections that go through the network in a second, in real time.
    Throughput,
    /// Servers of the network that die a hundred times, and how long each is missed.
    Kills,
    /// A boot to the prompt.
    Boot,
    /// Sizes of the kernel and of server files.
    Sizes,
    /// Lines of code of each server.
    Lines,
}

impl Group {
    /// The first part of the names of its rows.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether the benchmark programs measure it.
    fn is_of_programs(self) -> bool {
        use Group::{
            Accounts, Boot, Crosstalk, Kills, Lines, Loss, Network, Requests, Scaling, Sizes,
            Switching, Throughput,
        };
        let others = [
            Switching, Scaling, Crosstalk, Accounts, Network, Loss, Requests, Throughput, Kills,
            Boot, Sizes, Lines,
        ];
        !others.contains(&self)
    }
}

/// Groups that tests limit.
pub const LIMITED: [Group; 11] = [
    Group::Calls,
    Group::References,
    Group::Files,
    Group::Faults,
    Group::Domains,
    Group::Threads,
    Group::Servers,
    Group::Switching,
    Group::Scaling,
    Group::Sizes,
    Group::Lines,
];

/// What to measure.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which groups; all if there is none.
    pub groups: Vec<Group>,
    /// How many times.
    pub runs: u32,
    /// Whether the same is measured in a Linux guest.
    pub against_linux: bool,
    /// With which network devices over TAP; with all if there is none.
    pub devices: Vec<Adapter>,
}

impl Request {
    fn wants(&self, group: Group) -> bool {
        self.groups.is_empty() || self.groups.contains(&group)
    }

    fn wants_any(&self, of: impl Fn(Group) -> bool) -> bool {
        Group::value_variants().iter().any(|group| of(*group) && self.wants(*group))
    }
}

/// Measures what was asked for. What cannot be measured says so in its row.
pub fn measure(project: &Project, request: &Request) -> Vec<Row> {
    let mut rows = Vec::new();
    if request.wants_any(Group::is_of_programs) {
        for run in 1..=request.runs {
            eprintln!("benchmark programs, run {run} of {}: some seconds …", request.runs);
            row::join(&mut rows, programs::measure());
            row::join(&mut rows, or_row("calls/all/stepped", stepped::measure(project)));
        }
    }
    // Instructions are counted, so that one run is as good as several.
    if request.wants(Group::Switching) {
        rows.extend(switching::measure(project));
    }
    if request.wants(Group::Scaling) {
        rows.extend(switching::measure_scaling());
    }
    if request.wants(Group::Crosstalk) {
        rows.extend(crosstalk::measure());
    }
    if request.wants(Group::Accounts) {
        rows.extend(accounts::measure());
    }
    if request.wants(Group::Network) {
        rows.extend(network::measure(project, request));
    }
    if request.wants(Group::Loss) {
        rows.extend(loss::measure(project, request));
    }
    if request.wants(Group::Requests) {
        rows.extend(requests::measure(project, request));
    }
    if request.wants(Group::Throughput) {
        rows.extend(throughput::measure(project, request));
    }
    if request.wants(Group::Kills) {
        rows.extend(kills::measure());
    }
    if request.wants(Group::Boot) {
        let boot = || boot::measure(project, &boot::warren(project)?, request.runs);
        rows.extend(or_row("boot/all/demo", boot()));
    }
    if request.against_linux {
        rows.extend(linux(project, request));
    }
    if request.wants(Group::Sizes) {
        rows.extend(or_row("sizes/all/files", sizes(project)));
    }
    if request.wants(Group::Lines) {
        rows.extend(or_row("lines/all/servers", lines::measure(project)));
    }
    peers::connect(&mut rows);
    sorted(rows, request)
}

/// Measures what runs in a network namespace, which is a group that was asked for alone.
pub fn measure_inside(project: &Project, request: &Request) -> Outcome {
    match request.groups[..] {
        [Group::Loss] => loss::measure_inside(project, request),
        [Group::Requests] => requests::measure_inside(project, request),
        [Group::Throughput] => throughput::measure_inside(project, request),
        _ => network::measure_inside(project, request),
    }
}

/// The rows, or one that says why there are none.
fn or_row(name: &str, outcome: Outcome<Vec<Row>>) -> Vec<Row> {
    outcome.unwrap_or_else(|failure| vec![Row::failed(name, failure.message())])
}

/// Linux's rows.
fn linux(project: &Project, request: &Request) -> Vec<Row> {
    let prepared = linux::prepare(project, linux::Kernel::Virtual)
        .and_then(|guest| Ok((guest, image::demo(project)?)));
    let (guest, disk) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return vec![Row::failed("all/guest/linux", failure.message())],
    };
    let mut rows = Vec::new();
    if request.wants_any(Group::is_of_programs) {
        for run in 1..=request.runs {
            eprintln!("Linux guest, run {run} of {}: a minute …", request.runs);
            let measured = linux::measure(&guest, &disk);
            row::join(&mut rows, or_row("all/programs/linux", measured));
            let hosted = linux::measure_hosted(project, &guest, &disk);
            row::join(&mut rows, or_row("all/programs/hosted in guest", hosted));
        }
    }
    if request.wants(Group::Crosstalk) {
        rows.extend(crosstalk::measure_linux(&guest, &disk));
    }
    if request.wants(Group::Accounts) {
        rows.extend(or_row(
            "accounts/large over small/linux",
            accounts::measure_linux(&guest, &disk),
        ));
        rows.extend(or_row(
            "accounts/large over small/hosted in guest",
            accounts::measure_hosted(project, &guest, &disk),
        ));
    }
    if request.wants(Group::Boot) {
        let boot = || boot::measure(project, &boot::linux(project, &guest)?, request.runs);
        rows.extend(or_row("boot/all/linux", boot()));
    }
    rows
}

/// Only the rows that were asked for, by groups. What failed stays, whatever it is part of.
fn sorted(mut rows: Vec<Row>, request: &Request) -> Vec<Row> {
    let groups = Group::value_variants().iter().filter(|group| request.wants(**group));
    let names: Vec<_> = groups.map(|group| group.name()).collect();
    let place = |row: &Row| names.iter().position(|name| name == row.group());
    rows.retain(|row| row.measured.is_err() || place(row).is_some());
    rows.sort_by_key(|row| place(row).unwrap_or(names.len()));
    rows
}

/// Fails if a row could not be measured.
pub fn complete(rows: &[Row]) -> Outcome {
    let failed = rows.iter().filter(|row| row.measured.is_err()).count();
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{failed} rows could not be measured; each says why"))),
    }
}

/// Bytes of what is executed, of what is loaded, and of server files.
fn sizes(project: &Project) -> Outcome<Vec<Row>> {
    let bytes = |what: &str, name: &str, bytes: u64, method: &str| {
        Row::new(format!("sizes/{what}/{name}"), Measure::new(bytes as f64, Unit::Bytes, method))
    };
    let mut rows = Vec::new();
    for size in sizes::measure(project)? {
        rows.push(bytes("text", &size.name, size.text, "executable bytes"));
        rows.push(bytes("loaded", &size.name, size.text + size.data, "executable bytes and data"));
        // The kernel's has symbols for the debugger.
        if size.name != "kernel" {
            rows.push(bytes("file", &size.name, size.file, "the whole file"));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_of_a_group_that_tests_measure() {
        for limit in limits::LIMITS {
            let of = |group: &Group| limit.name.starts_with(&format!("{}/", group.name()));
            assert!(LIMITED.iter().any(of), "{}", limit.name);
        }
    }

    #[test]
    fn a_row_that_failed_fails_the_command() {
        let row = Row::new("a/b/c", Measure::new(1.0, Unit::Bytes, "counted"));
        assert!(complete(std::slice::from_ref(&row)).is_ok());
        assert!(complete(&[row, Row::failed("a/b/d", "no machine")]).is_err());
    }
}
