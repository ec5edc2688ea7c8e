//! Programs that make objects and keep references until they are refused: only they are.

use warren_tests::{
    books::account,
    run::Run,
    variant::{KERNEL, OWN},
};

/// Objects that there are, and principals of the system.
const OBJECTS: u64 = 16_384;
const PRINCIPALS: u64 = 4;

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
        let run = Run::new("exhausted", &script).placed(&variant).go();
        run.expect_status(0);
        let (greedy, bounded) = (account("greedy", &run), account("bounded", &run));
        // The bounded one has a smaller part.
        let part = OBJECTS / 2 / PRINCIPALS;
        let common = OBJECTS - (PRINCIPALS - 1) * part - 100;
        assert_eq!(greedy["objects"], part + common, "{run}");
        assert_eq!(bounded["objects"], 100, "{run}");
        assert!((140..=150).contains(&bounded["references"].as_u64().unwrap()), "{run}");
        assert!(greedy["references"].as_u64() > Some(40_000), "{run}");
        assert!(account("person", &run)["objects"].as_u64() > Some(0), "{run}");
    }
}
