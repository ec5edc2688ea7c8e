//! Machines with several CPUs.

use std::time::Duration;

use warren_tests::{disk, run::Run};

/// How long the checks may take where four CPUs share those of a busy host.
const PATIENCE: Duration = Duration::from_secs(600);

/// Boots with so many CPUs, all of which have to run, and reads a file.
fn boot(arguments: &[&str], cpus: usize) {
    let count = cpus.to_string();
    let run = Run::new("demo", &["head -n 1 /poem.txt", "exit 5"])
        .with(["--verbose", "--cpus", &count])
        .with(arguments)
        .disk(&disk::known().image)
        .go();
    assert!(run.output.starts_with("line 1 of a burrow with 1 entrances\n"), "{run}");
    assert!(run.errors.contains(&format!("{cpus} of {cpus} CPUs run")), "{run}");
    run.expect_status(5);
}

#[test]
fn all_cpus_run_on_q35() {
    boot(&[], 2);
    boot(&["--place", "all=own"], 4);
    boot(&["--place", "all=kernel"], 4);
}

#[test]
fn all_cpus_run_on_pc() {
    boot(&["--machine", "pc"], 4);
}

#[test]
fn all_cpus_run_on_microvm_which_has_no_acpi() {
    boot(&["--machine", "microvm"], 4);
}

#[test]
fn a_cpu_that_is_not_there_is_left_out_and_the_others_run() {
    let run = Run::new("demo", &["head -n 1 /poem.txt", "exit 5"])
        .cpus(3)
        .with(["--verbose", "--append", "cpus=0,1,9,2"])
        .disk(&disk::known().image)
        .go();
    assert!(run.output.starts_with("line 1 of a burrow with 1 entrances\n"), "{run}");
    let left_out = "the CPU with the local APIC 9 does not answer, and is left out";
    assert!(run.errors.contains(left_out) && run.errors.contains("3 of 4 CPUs run"), "{run}");
    run.expect_status(5);
}

/// Servers and the root's scheduler die and come back while several CPUs run threads.
#[test]
fn servers_and_the_scheduler_die_and_come_back_on_several_cpus() {
    for cpus in ["1", "2", "4"] {
        let lines = [
            "crash namespace panic; head -n 1 /poem.txt; crash round-robin panic",
            "head -n 1 /poem.txt",
        ];
        let run = Run::new("demo", &lines).with(["--cpus", cpus]).disk(&disk::known().image).go();
        assert!(run.output.ends_with("line 1 of a burrow with 1 entrances\n"), "{run}");
        run.expect_status(0);
    }
}

/// All that an exerciser tries, deaths and contended locks among it, on four CPUs.
#[test]
fn an_exerciser_finds_nothing_wrong_on_four_cpus() {
    let run = Run::new("test", &["exerciser-kernel"]).with(["--cpus", "4"]).limit(PATIENCE).go();
    assert!(run.output.contains(" passed, 0 failed"), "{run}");
    run.expect_status(0);
}

/// Threads on four CPUs call one server at once.
#[test]
fn no_call_of_a_contended_server_is_lost() {
    let lines =
        ["contender-kernel -n 10000000", "contender-mixed -n 200000", "contender-own -n 10000"];
    let run = Run::new("contended", &lines).with(["--cpus", "4"]).go();
    for counted in [5_000_000, 100_000, 5_000] {
        let line = format!("counted {counted} of {counted}, 0 wrong answers");
        assert!(run.output.contains(&line), "{run}");
    }
    run.expect_status(0);
}
