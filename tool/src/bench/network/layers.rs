//! Where the instructions go that the network costs: by servers, each of which is a layer, and by their functions.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _, fs, path::Path};

use super::{
    super::explain::{places::Places, read_bytes},
    DEVICES, LINUX, Link, Place, Wire, boot_system,
    counted::{Cost, Counted, row_name},
    systems, tap,
    transfer::Transfer,
};
use crate::{
    build,
    failure::{Failure, Outcome, While},
    project::Project,
    run::machine::Adapter,
};

/// Functions that are shown of each server, and the least that one costs.
const FUNCTIONS: usize = 40;
const LEAST: f64 = 1.0;

/// Explains a row: instructions by server and function.
pub fn explain(project: &Project, name: &str, inside: bool) -> Outcome<String> {
    let unknown = || {
        Failure::new(format!("no system of Warren's has the row `{name}`")).remedy(format!(
            "./warren bench network --runs 1 shows all; rows of {LINUX} cannot be explained"
        ))
    };
    let (system, transfer, place, link) = find(name).ok_or_else(unknown)?;
    if link.0 == Wire::Tap && !inside {
        let arguments = ["bench", "--inside", "--explain", name];
        return tap::within(&arguments.map(String::from));
    }
    let listed = crate::run::temporary::Temporary::create()?;
    let list = listed.file("places");
    let more = format!(",places={}", list.display());
    let (counted, plan) = boot_system(project, (system, &[transfer]), place, link, &more)?;
    counted.warm_up(transfer)?;
    let before = read(&list)?;
    let Cost { count: all, instructions, entries } = counted.transfer(transfer)?;
    let mut counts = read(&list)?;
    counts.iter_mut().for_each(|(address, count)| {
        *count -= before.get(address).copied().unwrap_or_default();
    });
    let kernel = read_bytes(&build::kernel(project)?)?;
    let mut places = Places::default();
    places.add_kernel(&kernel)?;
    let servers = build::servers(project)?;
    for (server, base) in loaded(&counted)? {
        let file = plan.servers.iter().find(|one| one.name == server).map(|one| &one.file);
        let built = servers.iter().find(|one| Some(&one.paths.name) == file);
        let built = built.ok_or_else(|| Failure::new(format!("no server file of `{server}`")))?;
        places.add_server(&server, base, &read_bytes(&built.paths.debug)?)?;
    }
    let mut text = format!("{name}: {instructions:.0} instructions for each of {all:.0}\n");
    // Writing into a String does not fail.
    let _ = writeln!(text, "{entries:9.3}  calls and returns of domains that came to the kernel");
    text += &table(&counts, &places, all);
    Ok(text)
}

/// What a row is of: a system, what goes through it, where its servers are, and by which link.
fn find(name: &str) -> Option<(&'static str, Transfer, Place, Link)> {
    let over_tap = DEVICES.map(|device| (Wire::Tap, device));
    let links = [(Wire::User, Adapter::Virtio)].into_iter().chain(over_tap);
    links.into_iter().find_map(|link| {
        systems(link.0).into_iter().find_map(|(system, transfers)| {
            transfers.iter().find_map(|transfer| {
                let is_it = |place: &Place| row_name(link, *transfer, "", place.name()) == name;
                let place = Place::ALL.into_iter().find(is_it)?;
                Some((system, *transfer, place, link))
            })
        })
    })
}

/// How often the instruction at each address was executed.
fn read(path: &Path) -> Outcome<BTreeMap<u64, u64>> {
    let bytes = fs::read(path).when(|| "the plugin of QEMU wrote nothing".into())?;
    let (words, _) = bytes.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| pair.map(u64::from_ne_bytes));
    Ok(pairs
        .filter(|[address, _]| *address != 0)
        .map(|[address, count]| (address, count))
        .collect())
}

/// Servers, and where the log says that each is loaded. One that was restarted is where it is now.
fn loaded(counted: &Counted) -> Outcome<BTreeMap<String, u64>> {
    let log = counted.setting().folder.file("log");
    let text = fs::read(&log).when(|| "the machine has no log".into())?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = |line: &str| {
        let (name, address) = line.split_once("] ")?.1.split_once(": loaded at 0x")?;
        Some((name.to_owned(), u64::from_str_radix(address.trim(), 16).ok()?))
    };
    let mut servers = BTreeMap::new();
    for (name, address) in text.lines().filter_map(line) {
        // A driver that finds no device makes room for the next one.
        servers.retain(|_, before| *before != address);
        servers.insert(name, address);
    }
    Ok(servers)
}

/// What was executed of a function.
#[derive(Default)]
struct Function {
    /// Instructions.
    sum: u64,
    /// How often the first one was, which mostly is how often it was called.
    first: u64,
}

/// Instructions for each of `all` by server, and by function, the dearest first, with how often it begins.
fn table(counts: &BTreeMap<u64, u64>, places: &Places, all: f64) -> String {
    let mut servers: BTreeMap<&str, BTreeMap<&str, Function>> = BTreeMap::new();
    for (address, count) in counts.iter().filter(|(_, count)| **count > 0) {
        let (server, function) = places.whose(*address);
        let function = servers.entry(server).or_default().entry(function).or_default();
        // Addresses come in their order.
        if function.sum == 0 {
            function.first = *count;
        }
        function.sum += count;
    }
    let each = |count: u64| count as f64 / all;
    let sum =
        |functions: &BTreeMap<&str, Function>| functions.values().map(|one| one.sum).sum::<u64>();
    let mut servers: Vec<_> = servers.into_iter().collect();
    servers.sort_by_key(|(_, functions)| Reverse(sum(functions)));
    let mut text = String::new();
    for (server, functions) in servers {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{:9.1}  {server}", each(sum(&functions)));
        let mut functions: Vec<_> = functions.into_iter().collect();
        functions.sort_by_key(|(_, function)| Reverse(function.sum));
        let dear = functions.iter().filter(|(_, one)| each(one.sum) >= LEAST);
        for (name, function) in dear.take(FUNCTIONS) {
            let (sum, first) = (each(function.sum), each(function.first));
            let _ = writeln!(text, "{sum:9.1} {first:9.3}    {name}");
        }
    }
    text
}
