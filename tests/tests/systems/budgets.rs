//! What Warren may cost. The ceilings stand in `tool/src/bench/limits.rs`, beside what is aimed at.

use std::process::Command;

use warren_tests::run::{root, target};

#[test]
fn no_number_exceeds_its_ceiling() {
    let output = Command::new(target().join("release").join("warren"))
        .env("WARREN_ROOT", root())
        .args(["bench", "--check"])
        .output()
        .expect("`./warren build` makes the tool");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
