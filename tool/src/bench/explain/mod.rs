//! Where the instructions of one call go: a round of the benchmark's loop, traced, and counted by part.
//!
//! # How
//!
//! The benchmark program runs twice. The first time tells where servers are loaded, which is the same each time. The
//! second time a plugin of QEMU lists every instruction from one entry of the called function to the next: that is one
//! round. What the empty loop does is taken off, as it is in the measured number, which comes from the same run; the
//! parts must add up to it.

mod places;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use self::places::Places;
use super::{
    compiler,
    programs::{self, Output},
};
use crate::{
    build::{self, BuiltServer},
    failure::{Failure, Outcome, While},
    project::Project,
    run::temporary::Temporary,
};

/// Where a row's callee is: the last part of its name, the server in the system file, and its file.
const CALLEES: [(&str, &str, &str); 3] = [
    ("kernel", "echo-kernel", "echo"),
    ("own", "echo-own", "echo"),
    ("concurrent", "echo-concurrent", "concurrent-echo"),
];
/// What a row passes, and the function that gets it.
const FUNCTIONS: [(&str, &str); 3] =
    [("nothing", "nothing"), ("two words", "add"), ("eleven words", "many")];
/// The benchmark program whose calls go through stubs in the kernel.
const IN_KERNEL: &str = "benchmark-kernel";
/// Which entries of the function to try: any but the first ones, which go the long way. A timer may interrupt a round.
const ENTRIES: [u32; 3] = [500, 800, 1300];

/// A call that can be explained.
#[derive(Debug, PartialEq)]
struct Call {
    /// Name of its row.
    row: String,
    /// The benchmark program that makes it.
    program: String,
    /// The server that is called, and its file.
    callee: &'static str,
    file: &'static str,
    /// The function that is called.
    function: &'static str,
}

/// The parts of a call, for people.
pub fn explain(project: &Project, name: &str) -> Outcome<String> {
    let call = call(name)?;
    let servers = build::servers(project)?;
    eprintln!("where servers are loaded …");
    let first = programs::trace(&call.program, &[])?;
    let mut places = places(project, &servers, &first)?;
    let entry = format!("warren_idl::echo::_::{}", call.function);
    let entry = places.address_of(call.callee, &entry).ok_or_else(|| {
        Failure::new(format!("`{}` has no function `{}`", call.file, call.function))
    })?;
    let temporary = Temporary::create()?;
    let listed = temporary.file("listed");
    let plugin = compiler::counter(project)?;
    let mut wrong = String::new();
    for skip in ENTRIES {
        eprintln!("one round, from entry {skip} of the function on …");
        let option = plugin_option(&plugin, &listed, entry, skip);
        let traced = programs::trace(&call.program, &["-plugin".into(), option])?;
        let mut round = read(&listed)?;
        // The list starts in the callee; a call starts in its caller.
        let caller = round.iter().position(|address| places.is_caller(*address));
        round.rotate_left(caller.unwrap_or(0));
        if call.program == IN_KERNEL {
            places.stub_is_copy(&round);
        }
        let parts = count(&round, &places);
        match table(&call, &parts, &traced) {
            Ok(table) => return Ok(table),
            Err(why) => wrong = why,
        }
    }
    Err(Failure::new(wrong))
}

/// What is called by the row with this name. What passes nothing may be left away: `calls/own-own`.
fn call(name: &str) -> Outcome<Call> {
    let words: Vec<_> = name.split('/').collect();
    let (what, placement) = match words[..] {
        ["calls", placement] => ("nothing", placement),
        ["calls", what, placement] => (what, placement),
        _ => ("", ""),
    };
    let found = || {
        let (from, to) = placement.split_once('-')?;
        let (_, callee, file) = CALLEES.into_iter().find(|(place, ..)| *place == to)?;
        let (_, function) = FUNCTIONS.into_iter().find(|(passed, _)| *passed == what)?;
        let program = ["kernel", "own"].contains(&from).then(|| format!("benchmark-{from}"))?;
        Some(Call { row: format!("calls/{what}/{placement}"), program, callee, file, function })
    };
    found().ok_or_else(|| {
        Failure::new(format!("`{name}` cannot be explained")).remedy(
            "calls/WHAT/FROM-TO can: nothing, two words, eleven words; \
             from kernel or own to kernel, own, or concurrent",
        )
    })
}

/// Kernel and servers with their symbols, where the first run has loaded them.
fn places(project: &Project, servers: &[BuiltServer], output: &Output) -> Outcome<Places> {
    let mut places = Places::default();
    places.add_kernel(&read_bytes(&build::kernel(project)?)?)?;
    for (name, base) in output.loaded() {
        let file = match CALLEES.iter().find(|(_, server, _)| *server == name) {
            Some((.., file)) => *file,
            None if name.starts_with("benchmark-") => "benchmark",
            None => continue,
        };
        let built = servers.iter().find(|server| server.paths.name == file);
        let built = built.ok_or_else(|| Failure::new(format!("no server file `{file}`")))?;
        places.add_server(name, base, &read_bytes(&built.paths.debug)?)?;
    }
    Ok(places)
}

fn read_bytes(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).when(|| format!("cannot read `{}`", path.display()))
}

fn plugin_option(plugin: &Path, listed: &Path, entry: u64, skip: u32) -> String {
    format!("{},out={},at={entry:#x},skip={skip}", plugin.display(), listed.display())
}

/// Addresses of the instructions of one round.
fn read(path: &PathBuf) -> Outcome<Vec<u64>> {
    let text = fs::read_to_string(path).when(|| "the plugin of QEMU wrote nothing".into())?;
    let address = |line: &str| u64::from_str_radix(line.strip_prefix("0x")?, 16).ok();
    Ok(text.lines().filter_map(address).collect())
}

/// A part of the call, and its instructions.
type Part = (String, u32);

/// Instructions by part, in the order in which parts begin.
fn count(round: &[u64], places: &Places) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for address in round {
        let name = places.part(*address);
        match parts.iter_mut().find(|(part, _)| *part == name) {
            Some((_, count)) => *count += 1,
            None => parts.push((name, 1)),
        }
    }
    parts
}

/// The parts with their sum; an error if that is not what was measured in the same run.
fn table(call: &Call, parts: &[Part], traced: &Output) -> Result<String, String> {
    let no_row = || format!("the benchmark wrote no row `{}`", call.row);
    let (whole, empty) = traced.measured(&call.row).ok_or_else(no_row)?;
    let sum: u32 = parts.iter().map(|(_, count)| count).sum();
    let total = f64::from(sum) - empty.floor();
    if (total - whole).abs() >= 1.0 {
        return Err(format!("a traced round has {total} instructions, and {whole} were measured"));
    }
    let mut text = format!("{}\n", call.row);
    // Writing into a String does not fail.
    for (name, count) in parts {
        let _ = writeln!(text, "{count:8}  {name}");
    }
    let _ = writeln!(text, "{:8}  the empty loop, which is taken off", -empty.floor());
    let _ = writeln!(text, "{total:8}  guest instructions; measured in the same run: {whole}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_nothing_may_be_left_away() {
        let short = call("calls/own-kernel").ok();
        assert_eq!(short, call("calls/nothing/own-kernel").ok());
        assert_eq!(short.map(|call| call.program), Some("benchmark-own".into()));
    }

    #[test]
    fn what_cannot_be_traced_is_refused() {
        for name in ["calls/nothing/hosted-kernel", "files/x/own-own", "calls/nothing", ""] {
            assert!(call(name).is_err(), "{name}");
        }
    }

    #[test]
    fn parts_must_add_up_to_what_was_measured() {
        let call = call("calls/own-own").unwrap_or_else(|failure| panic!("{failure}"));
        let output = Output {
            text: "{\"from\":\"own\",\"calibration\":1.0,\"empty\":3.009,\"plain\":8.0}\n\
                {\"group\":\"calls\",\"from\":\"own\",\"to\":\"own\",\"what\":\"nothing\",\"whole\":10.002}\n"
                .into(),
            log: String::new(),
        };
        assert!(table(&call, &[("stub".into(), 13)], &output).is_ok());
        assert!(table(&call, &[("stub".into(), 15)], &output).is_err());
    }
}
