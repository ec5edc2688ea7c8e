//! A film that is played beside greedy clients of the same file server.

use serde_json::Value;
use warren_tests::{
    run::Run,
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
    let said: Value = serde_json::from_str(&run.output).unwrap_or_default();
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
