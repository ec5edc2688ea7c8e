//! Where the instructions of one call go: a round of the benchmark's loop, traced, and counted by part.
//!
//! # How
//!
//! The benchmark program runs twice. The first time tells where servers are loaded, which is the same each time. The
//! second time a plugin of QEMU lists every instruction from one entry of the called function to the next: that is one
//! round. What the empty loop does is taken off, as it is in the measured number, which comes from the same run; the
//! parts must add up to it.

pub mod call;
pub mod places;

use std::{fmt::Write as _, fs, path::Path};

use self::{call::Call, places::Places};
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

/// The benchmark program whose calls go through stubs in the kernel.
const IN_KERNEL: &str = "benchmark-kernel";
/// How far a round may be from the mean of all rounds: where a heap is used, each is a little different.
const ALIKE: f64 = 0.001;
/// Which entries of the function to try: any but the first ones, which go the long way. A timer may interrupt a round.
const ENTRIES: [u32; 3] = [500, 800, 1300];

/// The parts of a call, for people.
pub fn explain(project: &Project, name: &str) -> Outcome<String> {
    let call = Call::of(name)?;
    let servers = build::servers(project)?;
    eprintln!("where servers are loaded …");
    let first = programs::trace(&call.program, &[])?;
    let mut places = places(project, &servers, &first, &call)?;
    let (entry, before) = entry(&call, &servers, &first)?;
    let temporary = Temporary::create()?;
    let listed = temporary.file("listed");
    let plugin = compiler::counter(project)?;
    let mut wrong = String::new();
    for skip in ENTRIES {
        eprintln!("one round, from entry {skip} of the function on …");
        let option = plugin_option(&plugin, &listed, entry, before + skip);
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

/// The address of the function that is called, where the first run has loaded it, and how often it is entered for other rows before.
pub fn entry(call: &Call, servers: &[BuiltServer], first: &Output) -> Outcome<(u64, u32)> {
    let built = servers.iter().find(|server| server.paths.name == call.file);
    let base = first.loaded().find(|(name, _)| *name == call.callee);
    let found = || {
        let (address, before) = call.entry(&built?.file)?;
        Some((base?.1 + address, before))
    };
    found().ok_or_else(|| {
        Failure::new(format!("`{}` has no such function, or is not loaded", call.callee))
    })
}

/// Kernel and servers with their symbols, where the first run has loaded them.
fn places(
    project: &Project,
    servers: &[BuiltServer],
    output: &Output,
    call: &Call,
) -> Outcome<Places> {
    let mut places = Places::default();
    places.add_kernel(&read_bytes(&build::kernel(project)?)?)?;
    for (name, base) in output.loaded() {
        let file = match name {
            _ if name == call.callee => call.file,
            _ if name == call.program => "benchmark",
            _ => continue,
        };
        let built = servers.iter().find(|server| server.paths.name == file);
        let built = built.ok_or_else(|| Failure::new(format!("no server file `{file}`")))?;
        places.add_server(name, base, &read_bytes(&built.paths.debug)?)?;
    }
    Ok(places)
}

/// The bytes of a file.
pub fn read_bytes(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).when(|| format!("cannot read `{}`", path.display()))
}

/// The argument of QEMU's that lists what is executed from the time on that `entry` is for the `skip`th time.
pub fn plugin_option(plugin: &Path, listed: &Path, entry: u64, skip: u32) -> String {
    format!("{},out={},at={entry:#x},skip={skip}", plugin.display(), listed.display())
}

/// Addresses of the instructions of one round.
pub fn read(path: &Path) -> Outcome<Vec<u64>> {
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
    if (total - whole).abs() >= f64::max(1.0, whole * ALIKE) {
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
    fn parts_must_add_up_to_what_was_measured() {
        let call = Call::of("calls/own-own").unwrap_or_else(|failure| panic!("{failure}"));
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
