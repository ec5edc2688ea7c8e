//! One server file, the same bytes and the same behaviour wherever it runs.

use std::collections::BTreeMap;

use warren_tests::{
    disk,
    run::{Ended, Run},
    variant::{self, Variant},
};

/// What is done on the known disk, with every command of the shell that reads.
fn script() -> Vec<String> {
    let mut lines: Vec<String> = [
        "ls /",
        "ls -l /lengths",
        "ls /empty",
        "cat /deep/a/b/c/leaf.txt",
        "cat /link.txt | head -n 3",
        "head -n 2 /poem.txt",
        "wc /poem.txt /deep/a/hay.txt",
        "wc -c /lengths/300000",
        "grep -n hay /deep/a/b/c/leaf.txt /deep/a/hay.txt",
        "grep -r needle /deep",
        "find /deep -type f",
        "find / -name '*.txt' | sort",
        "grep -c burrow /poem.txt",
        "cat /missing",
        "echo status $?",
        "cd /deep/a; pwd; cat hay.txt",
        "cd /",
    ]
    .map(String::from)
    .into();
    lines.extend(disk::files().iter().map(|file| format!("sha256 /{file}")));
    lines.push("exit 7".into());
    lines
}

/// The script on the known disk.
fn run(lines: &[String], variant: &Variant) -> Run {
    Run::new("demo", lines).placed(variant).disk(&disk::known().image)
}

/// Runs the script in every placement.
fn everywhere(lines: &[String]) -> Vec<(Variant, Ended)> {
    variant::ALL.into_iter().map(|variant| (variant, run(lines, &variant).go())).collect()
}

#[test]
fn the_output_of_commands_is_the_same_in_every_placement() {
    let runs = everywhere(&script());
    let (first, expected) = &runs[0];
    expected.expect_status(7);
    for (variant, run) in &runs {
        assert_eq!(run.status, Some(7), "{}: {run}", variant.name);
        assert_eq!(run.output, expected.output, "{} and {} differ", variant.name, first.name);
    }
    let hashes = disk::sha256sum(&disk::known().tree, &disk::files());
    for line in hashes.lines() {
        let (hash, file) = line.split_once("  ").expect("sha256sum writes two columns");
        let ours = format!("{hash}  /{file}");
        assert!(expected.output.contains(&ours), "no line `{ours}` in:\n{}", expected.output);
    }
}

/// The script shows on these machines what it shows in a Linux process.
fn is_the_same_on(machines: impl Iterator<Item = (Variant, Run)>) {
    let expected = run(&script(), &variant::HOSTED).go();
    expected.expect_status(7);
    for (variant, run) in machines {
        let run = run.go();
        assert_eq!(run.status, Some(7), "{}: {run}", variant.name);
        assert_eq!(run.output, expected.output, "{} differs: {run}", variant.name);
    }
}

/// All placements on a machine.
const ON_A_MACHINE: [Variant; 4] = [variant::KERNEL, variant::OWN, variant::SHARED, variant::MIXED];

#[test]
fn the_output_of_commands_is_the_same_on_several_cpus() {
    let each = |cpus| ON_A_MACHINE.map(|variant| (variant, run(&script(), &variant).cpus(cpus)));
    is_the_same_on([2, 4].into_iter().flat_map(each));
}

#[test]
fn the_output_of_commands_is_the_same_if_threads_are_preempted_anywhere() {
    let each = |(variant, cpus)| (variant, run(&script(), &variant).preempted_anywhere(cpus));
    is_the_same_on([(variant::OWN, 1), (variant::MIXED, 4)].into_iter().map(each));
}

#[test]
fn the_server_files_are_the_same_in_every_placement() {
    let runs = everywhere(&["ls / | wc -l".to_owned(), "servers".to_owned()]);
    let hashes: Vec<_> = runs.iter().map(|(variant, run)| (variant, hashes(run))).collect();
    let (_, all) = &hashes[0];
    assert!(all.len() >= 5, "{}", runs[0].1);
    for (variant, found) in &hashes {
        for (name, hash) in found {
            assert_eq!(all.get(name).unwrap_or(hash), hash, "{name} differs in {}", variant.name);
        }
    }
}

/// File and hash of each row of `servers`.
fn hashes(run: &Ended) -> BTreeMap<String, String> {
    let columns = run.lines().into_iter().map(|line| line.split_whitespace().collect::<Vec<_>>());
    columns
        .filter(|words| words.len() >= 4 && words.last().is_some_and(|hash| hash.len() == 16))
        .map(|words| (words[1].to_owned(), words[words.len() - 1].to_owned()))
        .collect()
}
