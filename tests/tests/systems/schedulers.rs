//! Schedulers as servers: each of them runs a system, they stack, and they die without taking a thread along.

use std::sync::OnceLock;

use warren_tests::{changed::changed, run::Run, variant};

/// What a person does who notices whether everything still runs.
const SCRIPT: [&str; 4] =
    ["echo one | wc -l", "sha256 /docs/README.md", "ls / | head -n 1", "echo end"];

/// What the script shows in the first system.
fn expected() -> &'static str {
    static EXPECTED: OnceLock<String> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let run = Run::new("demo", &SCRIPT).go();
        run.expect_status(0);
        run.output
    })
}

/// Runs a system's script and compares its output with that of the first system.
#[track_caller]
fn works(system: &str, arguments: &[&str]) -> String {
    let run = Run::new(system, &SCRIPT).with(arguments).with(["--verbose"]).go();
    run.expect_status(0);
    assert_eq!(run.output, expected(), "{run}");
    run.errors
}

#[test]
fn every_scheduler_runs_the_first_system_in_every_placement() {
    for name in ["round-robin", "priorities", "shares", "guarantees"] {
        for placement in ["kernel", "own"] {
            let rest = format!(
                "principal \"system\" {{ scheduler \"{name}\"; }}\n\
                 server \"{name}\" {{ place \"{placement}\"; }}"
            );
            works(&changed("demo", &rest), &[]);
        }
    }
}

#[test]
fn schedulers_stack() {
    works("stacked", &[]);
    works("stacked", variant::OWN.arguments);
}

#[test]
fn a_scheduler_that_is_made_to_fail_comes_back() {
    for (fault, placement) in [("null", "kernel"), ("panic", "own"), ("loop", "own")] {
        let rest = format!("server \"round-robin\" {{ place \"{placement}\"; }}");
        let crash = format!("crash round-robin {fault}");
        let script: Vec<&str> = [crash.as_str()].into_iter().chain(SCRIPT).collect();
        let name = changed("demo", &rest);
        let run = Run::new(&name, &script).with(["--verbose"]).go();
        run.expect_status(0);
        assert_eq!(run.output, expected(), "{run}");
        assert_eq!(run.errors.matches("scheduler round-robin stopped").count(), 1, "{run}");
    }
}

#[test]
fn a_root_scheduler_that_dies_again_and_again_takes_no_thread_along() {
    let rest = "principal \"system\" { scheduler \"mortal\"; }\n\
                server \"mortal\" { parameter \"turns\" 3; }";
    let log = works(&changed("demo", rest), &[]);
    assert!(log.matches("scheduler mortal stopped").count() >= 3, "{log}");
}

#[test]
fn contexts_of_a_scheduler_that_stays_dead_go_to_the_one_above() {
    let rest = "principal \"people\" { scheduler \"mortal\"; }\n\
                principal \"below\" { scheduler \"round-robin\"; }\n\
                server \"mortal\" { principal \"below\"; parameter \"turns\" 3; restart times=1; }\n\
                change \"shell\" { principal \"people\"; }";
    let log = works(&changed("demo", rest), &[]);
    assert_eq!(log.matches("scheduler mortal stopped").count(), 2, "{log}");
    assert_eq!(
        log.matches("the contexts of scheduler mortal go to the one above").count(),
        1,
        "{log}"
    );
}
