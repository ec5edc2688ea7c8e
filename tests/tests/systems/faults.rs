//! Every server on the path of a read, made to fail in every way, in every placement.
//!
//! A case is right if the command that met the fault says so, an unrelated command works right after it, and the
//! command works again when the server has come back. The table of all cases is printed; run with
//! `--nocapture` to see it.

use std::fmt::Write as _;

use warren_tests::{
    disk,
    run::{Ended, Run},
    variant::{self, Variant},
};

/// Servers on the path of a read that `crash` is tried on.
const SERVERS: [&str; 6] = ["namespace", "ext4", "partition", "disk", "terminal", "serial"];

/// Names of faults, as `crash` takes them, and what the caller is told in a domain of its own.
const FAULTS: [(&str, &str); 9] = [
    ("null", DIED),
    ("write", DIED),
    ("divide", DIED),
    ("panic", DIED),
    ("stack", DIED),
    ("loop", DIED),
    ("reference", "not a reference that the caller holds"),
    ("buffer", "not a buffer that the caller may pass"),
    ("privileged", DIED),
];

const DIED: &str = "the server died";

/// What came of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// As it must be.
    Right,
    /// The server cannot fail like that: it makes no call that passes a buffer, or it is not there.
    Impossible,
    /// The command did not say what happened, or said something else.
    WrongError,
    /// What failed did not come back.
    NotBack,
    /// The shell did not go on.
    ShellLost,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Right => "right",
            Verdict::Impossible => "-",
            Verdict::WrongError => "WRONG ERROR",
            Verdict::NotBack => "NOT BACK",
            Verdict::ShellLost => "SHELL LOST",
        }
    }
}

/// The lines that try one fault. Each reads a file that nobody has read before, so that no cache answers.
fn case(server: &str, fault: &str) -> Vec<String> {
    vec![
        format!("crash {server} {fault}"),
        format!("head -n 1 /faults/{fault}"),
        format!("echo unrelated {fault}"),
        format!("head -n 1 /faults/{fault}"),
        format!("echo after {fault} $?"),
    ]
}

/// What the output of a case says.
fn judge(run: &Ended, fault: &str, told: &str, strict: bool) -> Verdict {
    let lines: Vec<&str> = run.lines();
    let before = fault_before(fault).map(|name| format!("after {name} "));
    let start = before.and_then(|mark| lines.iter().position(|line| line.starts_with(&mark)));
    let lines = &lines[start.map_or(0, |at| at + 1)..];
    let end = format!("after {fault} ");
    let Some(end) = lines.iter().position(|line| line.starts_with(&end)) else {
        return Verdict::ShellLost;
    };
    let lines = &lines[..=end];
    if lines.iter().any(|line| line.starts_with("crash: ")) {
        return Verdict::Impossible;
    }
    let unrelated = format!("unrelated {fault}");
    let Some(unrelated) = lines.iter().position(|line| *line == unrelated) else {
        return Verdict::ShellLost;
    };
    if lines[end] != format!("after {fault} 0") || lines[unrelated + 1] != contents(fault) {
        return Verdict::NotBack;
    }
    let said = |text: &str| lines[..unrelated].iter().any(|line| line.ends_with(text));
    match said(told) || !strict && said(DIED) {
        true => Verdict::Right,
        false => Verdict::WrongError,
    }
}

fn fault_before(fault: &str) -> Option<&'static str> {
    let at = FAULTS.iter().position(|(name, _)| *name == fault)?;
    Some(FAULTS.get(at.checked_sub(1)?)?.0)
}

fn contents(fault: &str) -> String {
    format!("what {fault} reads")
}

/// Tries every fault of one server in one boot.
fn try_all(variant: &Variant, cpus: u32, server: &str) -> (Ended, Vec<Verdict>) {
    let lines: Vec<String> = FAULTS.iter().flat_map(|(fault, _)| case(server, fault)).collect();
    let image = &disk::known().image;
    let run = Run::new("faults", &lines).placed(variant).disk(image);
    // A process has one, which need not be said.
    let run = if cpus > 1 { run.cpus(cpus) } else { run }.go();
    let strict = *variant == variant::OWN;
    let verdicts = FAULTS.iter().map(|(fault, told)| judge(&run, fault, told, strict)).collect();
    (run, verdicts)
}

/// Tries everything in one placement on so many CPUs; the table, and whether each case was right, or is one of those that are
/// known to be impossible there.
fn table(variant: &Variant, cpus: u32, impossible: &[&str]) -> (String, bool) {
    let mut text = format!("{:10}", variant.name);
    FAULTS.iter().for_each(|(fault, _)| write!(text, "  {fault:11}").expect("it is a String"));
    let mut all = true;
    for server in SERVERS {
        let (run, verdicts) = try_all(variant, cpus, server);
        write!(text, "\n{server:10}").expect("it is a String");
        for verdict in &verdicts {
            write!(text, "  {:11}", verdict.word()).expect("it is a String");
        }
        let known = |fault: &str| impossible.contains(&&*format!("{server} {fault}"));
        let fine = |(verdict, (fault, _)): (&Verdict, &(&str, &str))| match verdict {
            Verdict::Right => true,
            Verdict::Impossible => impossible.contains(&server) || known(fault),
            _ => false,
        };
        if !verdicts.iter().zip(&FAULTS).all(fine) {
            all = false;
            write!(text, "\n{run}").expect("it is a String");
        }
    }
    (text + "\n", all)
}

/// Every case is right.
#[track_caller]
fn all_are_right(variant: &Variant, cpus: u32, impossible: &[&str]) {
    let (table, all) = table(variant, cpus, impossible);
    println!("{cpus} CPUs\n{table}");
    assert!(all, "{cpus} CPUs\n{table}");
}

/// What cannot happen on a machine.
const IMPOSSIBLE: [&str; 2] = ["disk buffer", "serial buffer"];

#[test]
fn every_fault_in_a_domain_of_its_own_is_an_error_at_the_caller() {
    all_are_right(&variant::OWN, 1, &IMPOSSIBLE);
}

#[test]
fn every_injected_fault_in_the_kernel_is_an_error_at_the_caller() {
    all_are_right(&variant::KERNEL, 1, &IMPOSSIBLE);
}

#[test]
fn every_injected_fault_in_a_linux_process_is_an_error_at_the_caller() {
    all_are_right(&variant::HOSTED, 1, &["disk", "serial"]);
}

#[test]
fn every_fault_on_two_cpus_is_an_error_at_the_caller() {
    all_are_right(&variant::OWN, 2, &IMPOSSIBLE);
    all_are_right(&variant::KERNEL, 2, &IMPOSSIBLE);
}

#[test]
fn every_fault_on_four_cpus_is_an_error_at_the_caller() {
    all_are_right(&variant::OWN, 4, &IMPOSSIBLE);
    all_are_right(&variant::KERNEL, 4, &IMPOSSIBLE);
}
