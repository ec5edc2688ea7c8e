//! A system under gdb, and what becomes of it when the terminal is closed.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use warren_tests::run::{root, target};

/// How long anything may take to happen.
const LIMIT: Duration = Duration::from_secs(60);

/// Starts a system in which nothing happens, because nothing comes in, under a gdb that waits for it.
fn start() -> Child {
    Command::new(target().join("release").join("warren"))
        .env("WARREN_ROOT", root())
        .args(["debug", "demo", "-x", "continue", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`./warren build` makes the tool")
}

/// The process that `parent` has started and whose program's name starts like this.
fn child_of(parent: u32, program: &str) -> Option<u32> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("stat")).ok()?;
        // `number (program) state parent …`
        let (name, rest) = status.split_once('(')?.1.rsplit_once(')')?;
        let of = rest.split_whitespace().nth(1)?;
        (of == parent.to_string() && name.starts_with(program)).then_some(number)
    })
}

/// Whether a process runs: it is there, and nobody only waits to hear its status.
fn runs(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until something is so; `false` if that takes too long.
fn until(mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

fn send(signal: &str, process: u32) {
    // Whoever is gone already needs none.
    let _ =
        Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status();
}

#[test]
fn a_system_ends_with_the_terminal_of_its_debugger() {
    for (signal, status) in [("-HUP", 129), ("-TERM", 143)] {
        let mut tool = start();
        let (mut system, mut debugger) = (None, None);
        until(|| {
            system = system.or_else(|| child_of(tool.id(), "qemu"));
            debugger = debugger.or_else(|| child_of(tool.id(), "gdb"));
            system.is_some() && debugger.is_some()
        });
        send(signal, tool.id());
        let ended = until(|| matches!(tool.try_wait(), Ok(Some(_))));
        let left: Vec<_> =
            [system, debugger].into_iter().flatten().filter(|one| runs(*one)).collect();
        left.iter().for_each(|process| send("-KILL", *process));
        send("-KILL", tool.id());
        let code = tool.wait().ok().and_then(|status| status.code());
        assert!(system.is_some() && debugger.is_some(), "both were started");
        assert!(ended, "the tool goes on after {signal}");
        assert_eq!(left, [] as [u32; 0], "still there after {signal}");
        assert_eq!(code, Some(status), "{signal}");
    }
}

#[test]
fn a_breakpoint_in_a_server_that_is_not_loaded_yet_stops_there() {
    let commands = ["break walk.rs:22", "continue", "backtrace", "kill"];
    let output = Command::new(target().join("release").join("warren"))
        .env("WARREN_ROOT", root())
        .args(["debug", "demo"])
        .args(commands.iter().flat_map(|line| ["-x", line]))
        .args(["--", "cat", "/docs/README.md"])
        .stdin(Stdio::null())
        .output()
        .expect("`./warren build` makes the tool");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let stopped = said.split_once("Breakpoint 1, ").map(|(_, rest)| rest).unwrap_or_default();
    assert!(stopped.starts_with("warren_ext4::walk::"), "{said}{errors}");
    assert!(stopped.contains("#1 "), "the stack below it: {said}{errors}");
}
