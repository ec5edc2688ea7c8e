//! Servers that take all there is: they are refused, and nobody else notices.

use warren_tests::run::Run;

/// Lets eight servers take all memory and as many mappings as they get, twice.
fn hoard(memory_mib: &str) {
    let script = ["run hoarder", "echo status $?", "run hoarder", "echo status $?", "ls /docs"];
    let run = Run::new("hoard", &script).with(["--memory", memory_mib]).go();
    run.expect_status(0);
    assert_eq!(run.output.matches("hoarded ").count(), 16, "{run}");
    assert_eq!(run.output.matches("status 0").count(), 2, "{run}");
    assert!(run.output.contains("README.md"), "the rest of the system goes on: {run}");
}

#[test]
fn servers_that_take_all_memory_and_all_mappings_are_refused() {
    hoard("96");
    hoard("48");
}
