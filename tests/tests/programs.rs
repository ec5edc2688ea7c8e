//! The test servers' own programs: what can be passed between servers, and what cannot be broken.

use std::fs;

use warren_tests::{
    run::{Ended, Run, folder},
    variant,
};

/// The exercisers of the test system: the same file in other places, beside other servers.
const EXERCISERS: [&str; 5] = [
    "exerciser-kernel",
    "exerciser-own",
    "exerciser-shared",
    "exerciser-mixed",
    "exerciser-crossed",
];

/// Checks that one exerciser makes: as many for each of two servers, some that kill a third, some with one that
/// survives panics, one of its own stack, five with threads, one of the log.
const CHECKS: usize = 2 * 34 + 6 + 6 + 1 + 5 + 1;

/// Runs all exercisers in one boot.
fn exercise(arguments: &[&str]) {
    exercise_with(&EXERCISERS, arguments);
}

/// Runs these exercisers in one boot.
fn exercise_with(exercisers: &[&str], arguments: &[&str]) {
    let run = Run::new("test", exercisers).with(arguments).go();
    run.expect_status(0);
    let count = |start: &str| run.lines().iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("FAILED"), 0, "{run}");
    assert_eq!(count("ok "), CHECKS * exercisers.len(), "{run}");
}

#[test]
fn everything_can_be_passed_between_servers_wherever_they_are() {
    exercise(&[]);
}

#[test]
fn everything_can_be_passed_between_servers_in_a_linux_process() {
    exercise(&["--hosted"]);
}

#[test]
fn everything_can_be_passed_between_servers_in_processes_of_their_own() {
    // Each call of this one crosses a border, of those that it calls and that call it.
    exercise_with(&["exerciser-crossed"], &["--hosted", "--processes"]);
}

#[test]
fn everything_can_be_passed_on_a_processor_with_no_extensions() {
    exercise(&["--cpu", "qemu64"]);
}

/// Programs that hold values in registers and the red zone while they are interrupted.
fn interrupt(arguments: &[&str]) {
    let run = Run::new("test", &["registers-kernel", "registers-own"]).with(arguments).go();
    run.expect_status(0);
    assert_eq!(run.output.matches("changed 0 times in 36 rounds").count(), 2, "{run}");
}

#[test]
fn interrupts_change_no_register_and_no_red_zone() {
    interrupt(&[]);
}

#[test]
fn interrupts_change_no_register_on_a_processor_with_no_extensions() {
    interrupt(&["--cpu", "qemu64"]);
}

#[test]
fn signals_change_no_register_in_a_linux_process() {
    interrupt(&["--hosted"]);
}

/// Checks that the tester of disks makes.
const DISK_CHECKS: usize = 10;

#[test]
fn a_disk_in_c_does_what_its_twin_in_rust_does_in_every_placement() {
    for variant in variant::ALL {
        let lines = ["disk-tester-rust", "echo status $?", "disk-tester-c", "echo status $?"];
        let run = Run::new("test", &lines).placed(&variant).go();
        let said = run.lines();
        let (rust, c) = said.split_at(said.len() / 2);
        assert_eq!(rust, c, "{}: {run}", variant.name);
        assert_eq!(rust.last(), Some(&"status 0"), "{}: {run}", variant.name);
        let passed = rust.iter().filter(|line| line.starts_with("ok "));
        assert_eq!(passed.count(), DISK_CHECKS, "{}: {run}", variant.name);
    }
}

#[test]
fn a_disk_in_c_says_like_its_twin_why_it_does_not_start() {
    let system = folder("systems").join("bad-twins.kdl");
    let base = warren_tests::run::root().join("systems").join("test.kdl");
    let change = |name| format!("change {name:?} {{ parameter \"blocks\" \"many\"; }}\n");
    let text = format!("include {base:?}\n{}{}", change("ramdisk-rust"), change("ramdisk-c"));
    fs::write(&system, text).expect("the target directory can be written");
    for variant in [variant::OWN, variant::HOSTED] {
        let lines = ["disk-tester-rust", "disk-tester-c"];
        let run = Run::new(&system.display().to_string(), &lines).placed(&variant).go();
        for name in ["ramdisk-rust", "ramdisk-c"] {
            let why = format!("{name}: not started: `blocks` is no number of blocks");
            assert!(run.errors.contains(&why), "{}: {run}", variant.name);
        }
    }
}

#[test]
fn many_threads_that_read_a_disk_read_what_one_reads() {
    for variant in [variant::KERNEL, variant::OWN, variant::HOSTED] {
        let run = Run::new("test", &["disk-reader"]).placed(&variant).go();
        assert_eq!((run.status, &*run.output), (Some(0), ""), "{}: {run}", variant.name);
    }
}

/// Runs the prober with a seed.
fn probe(seed: u64, tries: u64) -> Ended {
    let system = folder("systems").join(format!("probe-{seed}.kdl"));
    let base = warren_tests::run::root().join("systems").join("test.kdl");
    let text = format!(
        "include {base:?}\nchange \"prober\" {{\n    parameter \"seed\" {seed}\n    parameter \"tries\" {tries}\n}}\n"
    );
    fs::write(&system, text).expect("the target directory can be written");
    Run::new(&system.display().to_string(), &["prober", "echo status $?", "ls /docs"]).go()
}

#[test]
fn a_million_random_system_calls_do_no_harm_and_tell_nothing() {
    let run = probe(1, 1_000_000);
    assert!(run.output.contains("nothing leaked"), "{run}");
    assert!(run.output.contains("status 0"), "{run}");
    assert!(run.output.contains("README.md"), "the rest of the system goes on: {run}");
}

#[test]
fn another_hundred_thousand_random_system_calls_do_no_harm() {
    let run = probe(0x0dd_5eed, 100_000);
    assert!(run.output.contains("nothing leaked"), "{run}");
}
