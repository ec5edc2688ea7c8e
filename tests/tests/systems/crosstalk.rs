//! A film that is played beside greedy clients of the same file server.

use serde_json::Value;
use warren_tests::{
    books::account,
    run::{Ended, Run},
    variant::{self, Variant},
};

/// Frames of the film.
const FRAMES: u64 = 25;
/// Greedy clients beside it.
const CLIENTS: u64 = 16;

/// Plays the film, and returns how many frames were late.
fn late(system: &str, variant: &Variant) -> u64 {
    let parameters = format!("clients={CLIENTS}");
    let further = ["--count-instructions", "--append", &parameters];
    let run = Run::new(system, &[format!("player -n {FRAMES}")]).placed(variant).with(further).go();
    run.expect_status(0);
    late_frames(&run)
}

/// How many frames were late, as the player says in its first line.
fn late_frames(run: &Ended) -> u64 {
    let said = run.output.lines().next().unwrap_or_default();
    let said: Value = serde_json::from_str(said).unwrap_or_default();
    assert_eq!(said["frames"], FRAMES, "{run}");
    said["late"].as_u64().unwrap_or_else(|| panic!("{run}"))
}

#[test]
fn no_frame_is_late_beside_greedy_clients_if_its_time_is_guaranteed() {
    for variant in [variant::KERNEL, variant::OWN] {
        assert_eq!(late("crosstalk-guaranteed", &variant), 0, "{}", variant.name);
    }
}

#[test]
fn frames_are_late_beside_greedy_clients_if_all_have_their_turn() {
    assert!(late("crosstalk", &variant::KERNEL) > 0);
}

/// Plays the film beside a device that interrupts each so many counts of a clock of 1.193182 MHz.
fn beside_a_storm(variant: &Variant, period: u32) -> Ended {
    let script = ["storm".into(), format!("player -n {FRAMES}"), "accounts -j".into()];
    let parameters = format!("period={period}");
    let further = ["--count-instructions", "--append", &parameters];
    let run = Run::new("crosstalk-storm", &script).placed(variant).with(further).go();
    run.expect_status(0);
    assert_eq!(late_frames(&run), 0, "{}, {period}: {run}", variant.name);
    run
}

#[test]
fn a_device_that_interrupts_without_end_costs_its_own_account() {
    for variant in [variant::KERNEL, variant::OWN] {
        let run = beside_a_storm(&variant, 12);
        let used = |name| account(name, &run)["used_ns"].as_u64().expect("a number");
        assert!(used("storm") > 10_000_000, "{}: {run}", variant.name);
    }
}

#[test]
fn a_device_that_interrupts_faster_than_that_can_be_handled_stops_nobody() {
    beside_a_storm(&variant::KERNEL, 4);
}
