//! An important thread that waits for a lock which a less important one has, while a third one, between the two, computes.

use serde_json::Value;
use warren_tests::{
    run::Run,
    variant::{KERNEL, OWN, Variant},
};

/// Instructions that a wait may take beyond the critical section: the call, and a few switches.
const CONSTANT: u64 = 20_000;

/// Times in instructions.
#[derive(Debug)]
struct Waits {
    /// How long the lock is held where nobody disturbs.
    critical: u64,
    /// How long the thread in the middle computes.
    middle: u64,
    /// How long the important thread's call took.
    waited: u64,
}

impl Waits {
    /// Runs the three threads.
    #[track_caller]
    fn of(variant: &Variant, arguments: &[&str]) -> Self {
        let run = Run::new("inversion", &["inverter"]).placed(variant).with(arguments);
        let run = run.with(["--count-instructions"]).go();
        run.expect_status(0);
        let line = run.output.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = line.unwrap_or_else(|| panic!("{}: no waits: {run}", variant.name));
        let number = |name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{name}: {run}"));
        let waits = Waits {
            critical: number("critical"),
            middle: number("middle"),
            waited: number("waited"),
        };
        eprintln!("{} {arguments:?}: {waits:?}", variant.name);
        waits
    }

    /// How long a wait may be, whatever others do.
    fn bound(&self) -> u64 {
        self.critical + CONSTANT
    }
}

#[test]
fn whoever_waits_for_a_lock_waits_for_its_holder_and_for_nobody_between_the_two() {
    for variant in [KERNEL, OWN] {
        let waits = Waits::of(&variant, &[]);
        assert!(waits.waited >= waits.critical * 3 / 4, "the lock was held: {waits:?}");
        assert!(waits.waited <= waits.bound(), "{}: {waits:?}", variant.name);
        assert!(waits.middle > 4 * waits.bound(), "who is in the middle would show: {waits:?}");
    }
}

/// The bound above is help's doing: without it the same wait lasts as long as the thread in the middle computes.
#[test]
fn without_help_the_wait_has_no_bound() {
    for variant in [KERNEL, OWN] {
        let waits = Waits::of(&variant, &["--append", "help=off"]);
        assert!(waits.waited > waits.bound() && waits.waited > waits.middle, "{waits:?}");
    }
}
