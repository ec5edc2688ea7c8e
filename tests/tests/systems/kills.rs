//! Ending principals and servers: everything that they had is released, and others go on.

use std::{
    fs,
    time::{Duration, Instant},
};

use warren_tests::{
    books::account,
    changed::changed,
    run::{Run, folder, root},
    station::wait_for,
    variant::{HOSTED, KERNEL, OWN},
};

/// What `accounts -j` shows of what a principal holds.
const HELD: [&str; 4] = ["memory_bytes", "threads", "objects", "references"];

#[test]
fn a_principal_that_is_ended_leaves_nothing_behind() {
    for variant in [KERNEL, OWN] {
        let script = ["exhauster", "accounts -j", "kill -p greedy", "echo status $?"];
        let before = Run::new("exhausted", &script).placed(&variant).go();
        let script = [&script[..], &["accounts -j", "exhauster | wc -l"]].concat();
        let after = Run::new("exhausted", &script).placed(&variant).go();
        after.expect_status(0);
        assert!(after.output.contains("status 0"), "{after}");
        for what in HELD {
            assert!(account("greedy", &before)[what].as_u64() > Some(0), "{what}: {before}");
            assert_eq!(account("greedy", &after)[what], 0, "{}: {what}: {after}", variant.name);
        }
        // Who is asked for again takes as much again.
        assert!(after.output.trim_end().ends_with('1'), "{after}");
    }
}

#[test]
fn servers_that_threads_of_an_ended_principal_were_in_go_on() {
    for variant in [KERNEL, OWN] {
        let sum = "sha256 /docs/README.md";
        let script = [sum, "kill -p readers", "echo status $?", sum, "accounts -j"];
        let run = Run::new("killed", &script).placed(&variant).go();
        run.expect_status(0);
        assert!(run.output.contains("status 0"), "{run}");
        let sums: Vec<_> =
            run.output.lines().filter(|line| line.ends_with("/docs/README.md")).collect();
        assert!(matches!(sums[..], [first, second] if first == second), "{run}");
        for name in ["readers", "eager-readers"] {
            for what in ["threads", "objects", "references"] {
                assert_eq!(account(name, &run)[what], 0, "{}: {what}: {run}", variant.name);
            }
        }
    }
}

#[test]
fn a_server_that_is_ended_comes_back() {
    for variant in [KERNEL, OWN] {
        let script = ["ls /docs | head -n 1", "kill -s namespace", "ls /docs | head -n 1"];
        let run = Run::new("demo", &script).placed(&variant).go();
        run.expect_status(0);
        let lines: Vec<_> = run.output.lines().collect();
        assert!(matches!(lines[..], [first, second] if first == second), "{run}");
    }
}

#[test]
fn a_server_that_is_ended_too_often_pauses_before_it_comes_back() {
    let system = folder("systems").join("pausing.kdl");
    let base = root().join("systems").join("demo.kdl");
    let change = "change \"namespace\" { restart times=1 pause=\"300 ms\"; }";
    fs::write(&system, format!("include {base:?}\n{change}\n")).expect("it can be written");
    for variant in [KERNEL, OWN, HOSTED] {
        let system = system.display().to_string();
        let run = Run::new(&system, &[""; 0]).placed(&variant).with(["--verbose"]).start();
        let listed = || run.ask("ls /docs | head -n 1").unwrap_or_default();
        let first = listed();
        // It comes back at once, and then after pauses that grow.
        for _ in 0..3 {
            run.ask("kill -s namespace");
            let end = Instant::now() + Duration::from_secs(30);
            while listed() != first {
                assert!(Instant::now() < end, "{}: it does not come back", variant.name);
            }
        }
        let ended = run.end();
        let pauses = ["300", "600"].map(|ms| format!("namespace: comes back in {ms} ms"));
        assert!(pauses.iter().all(|pause| ended.errors.contains(pause)), "{ended}");
        assert_eq!(ended.errors.matches("comes back in").count(), 2, "{ended}");
        ended.expect_status(0);
    }
}

#[test]
fn a_server_for_which_there_is_no_room_comes_back_when_there_is() {
    let system = changed(
        "exhausted",
        "change \"namespace\" { principal \"bounded\"; restart times=1 pause=\"2000 ms\"; }",
    );
    for variant in [KERNEL, OWN] {
        let run = Run::new(&system, &[""; 0]).placed(&variant).start();
        let ask = |line| run.ask(line).unwrap_or_default();
        let first = ask("ls /docs | head -n 1");
        let listed = || match ask("ls /docs | head -n 1") {
            shown if shown == first => Ok(()),
            shown => Err(shown),
        };
        ask("kill -s namespace");
        wait_for("it does not come back at once", listed);
        // This time it pauses, and somebody takes what it needs.
        ask("kill -s namespace");
        ask("exhauster-bounded");
        wait_for("nobody has tried", || match ask("log | grep namespace") {
            shown if shown.contains("not started: memory or objects have run out") => Ok(()),
            shown => Err(shown),
        });
        assert!(listed().is_err(), "{}", variant.name);
        ask("kill -s exhauster-bounded");
        wait_for("it does not come back when there is room", listed);
        run.end().expect_status(0);
    }
}

#[test]
fn what_cannot_be_ended_is_said() {
    let script = ["kill -p system", "kill -p nobody", "kill -s nobody", "kill -p a -s b"];
    let run = Run::new("demo", &script).go();
    assert_eq!(run.output.matches("no such principal").count(), 2, "{run}");
    assert_eq!(run.output.matches("no such server").count(), 1, "{run}");
    assert_eq!(run.output.matches("exclude each other").count(), 1, "{run}");
}
