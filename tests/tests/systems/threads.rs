//! What the shell shows of threads and accounts, and how a thread ends.

use warren_tests::{
    run::{Ended, Run},
    variant::{HOSTED, KERNEL, OWN, PROCESSES, Variant},
};

/// The value of a number in a line of JSON.
fn number(line: &str, name: &str) -> u64 {
    let start = format!("\"{name}\":");
    let (_, rest) = line.split_once(&start).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split([',', '}']).next().and_then(|digits| digits.parse().ok()).expect("a number")
}

#[test]
fn accounts_and_threads_are_shown_and_add_up() {
    let run = shown_in(&OWN);
    assert!(line(&run, "\"name\":\"round-robin\"").contains("\"state\":\"lending\""), "{run}");
    shown_in(&HOSTED);
    shown_in(&PROCESSES);
}

/// The first line with this in it.
#[track_caller]
fn line<'a>(run: &'a Ended, what: &str) -> &'a str {
    let found = run.output.lines().find(|line| line.contains(what));
    found.unwrap_or_else(|| panic!("no {what}: {run}"))
}

/// Shows threads and accounts in some place.
fn shown_in(variant: &Variant) -> Ended {
    let run = Run::new("demo", &["threads -j", "accounts -j"]).placed(variant).go();
    run.expect_status(0);
    let of = |what: &str| line(&run, what);
    assert!(number(of("\"name\":\"shell\""), "depth") >= 2, "{run}");
    let system = of("\"name\":\"system\"");
    let time = of("\"elapsed_ns\"");
    // The clock goes on between the two lines.
    assert!(
        number(system, "used_ns") + number(time, "idle_ns") <= number(time, "elapsed_ns"),
        "{run}"
    );
    assert!(number(system, "memory_bytes") > 1 << 20, "{run}");
    run
}

#[test]
fn a_thread_that_is_ended_leaves_all_servers_by_errors() {
    for variant in [KERNEL, OWN] {
        let shown = Run::new("demo", &["threads -j | grep '\"shell\"'"]).placed(&variant).go();
        let lines = shown.lines();
        let shell = lines.first().unwrap_or_else(|| panic!("{shown}"));
        let kill = format!("kill {}", number(shell, "context"));
        let run = Run::new("demo", &[&kill, "echo not any more"]).placed(&variant);
        let run = run.with(["-v"]).go();
        run.expect_status(1);
        assert!(!run.output.contains("not any more"), "{run}");
        assert!(run.errors.contains("shell failed: the thread was ended"), "{run}");
        assert!(run.errors.contains("all tasks have ended"), "{run}");
    }
}
