//! What happens to commands whose output nobody takes.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

/// Runs a command that prints, with this as its standard output; its status and what it said to people.
fn header(output: Stdio) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_warren"))
        .env("WARREN_ROOT", Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace"))
        .arg("header")
        .stdout(output)
        .stderr(Stdio::piped())
        .output()
        .expect("cargo has built it");
    (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
}

#[test]
fn a_reader_that_has_enough_ends_the_command_in_silence() {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(header(writer.into()), (Some(141), String::new()));
}

#[test]
fn a_full_disk_is_said() {
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    let (status, errors) = header(full.into());
    assert_eq!(status, Some(1));
    assert!(errors.contains("error: cannot write to standard output: No space left"), "{errors}");
}
