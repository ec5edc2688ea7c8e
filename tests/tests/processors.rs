//! Machines with several CPUs.

use warren_tests::{disk, run::Run};

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
