//! Servers that take all there is: they are refused, and nobody else notices.

use warren_tests::{disk::known, run::Run};

/// Lets eight servers take all memory and as many mappings as they get, twice.
fn hoard(memory_mib: &str) {
    let script = [
        "giant",
        "hoarder",
        "echo status $?",
        "hoarder",
        "echo status $?",
        "ls /",
        "echo status $?",
    ];
    let run = Run::new("hoard", &script).disk(&known().image).with(["--memory", memory_mib]).go();
    run.expect_status(0);
    assert_eq!(run.output.matches("hoarded ").count(), 16, "{run}");
    assert_eq!(run.output.matches("status 0").count(), 3, "{run}");
}

#[test]
fn servers_that_take_all_memory_and_all_mappings_are_refused() {
    hoard("96");
    hoard("56");
}

#[test]
fn a_server_that_is_launched_endlessly_leaves_nothing_behind() {
    let script = ["relauncher-own", "echo status $?", "relauncher-kernel", "echo status $?"];
    let run = Run::new("hoard", &script).disk(&known().image).with(["--memory", "64"]).go();
    run.expect_status(0);
    assert_eq!(run.output.matches(": 1000 launches").count(), 2, "{run}");
    assert_eq!(run.output.matches("status 0").count(), 2, "{run}");
}
