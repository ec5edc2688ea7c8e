//! Programs that make objects and keep references until they are refused: only they are.

use serde_json::Value;
use warren_tests::{
    run::{Ended, Run},
    variant::{KERNEL, OWN, Variant},
};

/// Objects that there are, and principals of the system.
const OBJECTS: u64 = 8192;
const PRINCIPALS: u64 = 4;

/// What `accounts -j` says of a principal.
#[track_caller]
fn account(line: &str, run: &Ended) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("no account: {line}\n{run}"))
}

fn run(script: &[&str], variant: &Variant) -> Ended {
    let run = Run::new("exhausted", script).placed(variant).go();
    run.expect_status(0);
    run
}

/// The last account of a principal that the output has.
#[track_caller]
fn last(name: &str, run: &Ended) -> Value {
    let name = format!("\"name\":\"{name}\"");
    let line = run.output.lines().rfind(|line| line.contains(&name));
    account(line.unwrap_or_default(), run)
}

#[test]
fn whoever_takes_all_objects_leaves_others_their_part() {
    for variant in [KERNEL, OWN] {
        let script = [
            "exhauster",
            "exhauster-bounded",
            "sha256 /docs/README.md | wc -l",
            "ls / | sort | head -n 1",
            "accounts -j",
        ];
        let run = run(&script, &variant);
        let (greedy, bounded) = (last("greedy", &run), last("bounded", &run));
        // The bounded one has a smaller part.
        let part = OBJECTS / 2 / PRINCIPALS;
        let common = OBJECTS - (PRINCIPALS - 1) * part - 100;
        assert_eq!(greedy["objects"], part + common, "{run}");
        assert_eq!(bounded["objects"], 100, "{run}");
        assert!((140..=150).contains(&bounded["references"].as_u64().unwrap()), "{run}");
        assert!(greedy["references"].as_u64() > Some(40_000), "{run}");
        assert!(last("person", &run)["objects"].as_u64() > Some(0), "{run}");
    }
}
