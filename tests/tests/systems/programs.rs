//! The test servers' own programs: what can be passed between servers, and what cannot be broken.

use warren_tests::{
    changed::changed,
    run::{Ended, Run},
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
/// survives panics, one of its own stack, seven with threads, one of the log, and one of the heap.
const CHECKS: usize = 2 * 35 + VICTIMS + 6 + 1 + THREADS + 2;
/// Those that kill the third one.
const VICTIMS: usize = 9;
/// Those with threads.
const THREADS: usize = 7;

/// Runs all exercisers in one boot.
fn exercise(arguments: &[&str]) {
    exercise_with(&EXERCISERS, arguments);
}

/// Runs these exercisers in one boot.
fn exercise_with(exercisers: &[&str], arguments: &[&str]) {
    passes(&Run::new("test", exercisers).with(arguments).go(), CHECKS * exercisers.len());
}

/// So many checks were made, and all of them passed.
#[track_caller]
fn passes(run: &Ended, checks: usize) {
    run.expect_status(0);
    let count = |start: &str| run.lines().iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("FAILED"), 0, "{run}");
    assert_eq!(count("ok "), checks, "{run}");
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

#[test]
fn everything_can_be_passed_between_threads_that_are_preempted_anywhere() {
    let run =
        Run::new("test", &["exerciser-crossed"]).preempted_anywhere(1).with(["--verbose"]).go();
    passes(&run, CHECKS);
    assert!(run.errors.contains("preempt: somebody else may run every"), "{run}");
}

#[test]
fn deaths_and_waits_on_four_cpus_go_right_wherever_threads_are_preempted() {
    let lines = ["exerciser-own victim", "exerciser-own threads", "exerciser-mixed victim"];
    let run = Run::new("test", &lines).preempted_anywhere(4).go();
    passes(&run, 2 * VICTIMS + THREADS);
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
    let change = |name| format!("change {name:?} {{ parameter \"blocks\" \"many\"; }}\n");
    let system = changed("test", &[change("ramdisk-rust"), change("ramdisk-c")].concat());
    for variant in [variant::OWN, variant::HOSTED] {
        let lines = ["disk-tester-rust", "disk-tester-c"];
        let run = Run::new(&system, &lines).placed(&variant).go();
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

/// A run of the prober with a seed.
fn prober(seed: u64, tries: u64) -> Run {
    let change = format!(
        "change \"prober\" {{\n    parameter \"seed\" {seed}\n    parameter \"tries\" {tries}\n}}"
    );
    Run::new(&changed("test", &change), &["prober", "echo status $?", "ls /docs"])
}

/// It did no harm.
#[track_caller]
fn is_harmless(run: &Ended) {
    assert!(run.output.contains("nothing leaked"), "{run}");
    assert!(run.output.contains("status 0"), "{run}");
    assert!(run.output.contains("README.md"), "the rest of the system goes on: {run}");
}

#[test]
fn a_million_random_system_calls_do_no_harm_and_tell_nothing() {
    is_harmless(&prober(1, 1_000_000).go());
}

#[test]
fn another_hundred_thousand_random_system_calls_do_no_harm() {
    is_harmless(&prober(0x0dd_5eed, 100_000).go());
}

#[test]
fn random_system_calls_of_a_thread_that_is_preempted_anywhere_do_no_harm() {
    is_harmless(&prober(2, 50_000).preempted_anywhere(1).go());
    is_harmless(&prober(3, 20_000).preempted_anywhere(4).go());
}
