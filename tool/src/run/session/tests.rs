//! Sessions with shell scripts in the place of systems.

use super::*;

/// Runs a shell script as if it were a system whose log is its standard error.
fn system(script: &str, input: &str, ready: Option<&str>) -> Seen {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let watch = Watch { verbose: false, ready: ready.map(String::from) };
    run(command, Input::Line(input.into()), Log::StandardError, &watch).expect("sh starts")
}

#[test]
fn a_script_reaches_the_console_and_the_status_comes_back() {
    let seen = system("read line; test \"$line\" = hello && exit 42", "hello", None);
    assert_eq!(seen.code, Some(42));
}

#[test]
fn a_script_waits_until_the_log_says_that_the_system_is_ready() {
    let early = "read -t 1 line && exit 1; echo shell: started >&2; read line; exit 7";
    let mut command = Command::new("bash");
    command.args(["-c", early]);
    let watch = Watch { verbose: false, ready: Some("shell: started".into()) };
    let seen = run(command, Input::Line("x".into()), Log::StandardError, &watch);
    assert_eq!(seen.expect("bash starts").code, Some(7));
}

#[test]
fn the_last_lines_of_the_log_are_kept() {
    let seen = system("for n in $(seq 30); do echo line $n >&2; done", "", None);
    assert_eq!(seen.log.len(), TAIL);
    assert_eq!(seen.log.back().map(String::as_str), Some("line 30"));
    assert!(seen.heard);
}

#[test]
fn the_reason_of_a_server_that_did_not_start_is_its_own_last_line() {
    let line = "[   0.1] ext4: not started: its constructor failed with error 65535";
    assert_eq!(not_started(line), Some("ext4"));
    assert!(is_reason_of("ext4", "[   0.1] ext4: the disk is too small"));
    assert!(!is_reason_of("ext4", "[   0.1] ext4: loaded at 0x10"));
    assert!(!is_reason_of("ext4", "[   0.1] ext4-two: the disk is too small"));
}

#[test]
fn a_process_that_says_nothing_was_not_heard_of() {
    let seen = system("exit 1", "", None);
    assert!(!seen.heard);
    assert_eq!(seen.code, Some(1));
}
