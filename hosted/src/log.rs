//! The system's log: lines on standard error, and the newest of them in memory.

use std::{
    fmt::Arguments,
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use warren_engine::platform::Level;
use warren_natives::Journal;

use crate::{critical, machine};

static VERBOSE: AtomicBool = AtomicBool::new(false);
static JOURNAL: Mutex<Journal> = Mutex::new(Journal::new());

/// Whether lines are shown as they come.
pub fn set_verbose(verbose: bool) {
    VERBOSE.store(verbose, Relaxed);
}

/// Writes one line of a server, or about it.
pub fn write(level: Level, server: &str, line: Arguments<'_>) {
    // A critical section also keeps the mutex from being met locked by another Warren thread.
    critical::run(|| {
        let now_ns = machine::now_ns();
        let mut journal = JOURNAL.lock().expect("nobody panics while holding the log");
        let (server, line) = journal.add(now_ns, level, server, line);
        if VERBOSE.load(Relaxed) {
            let now = now_ns / 1_000_000;
            let (seconds, rest) = (now / 1000, now % 1000);
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(std::io::stderr(), "[{seconds:5}.{rest:03}] {server}: {line}");
        }
    });
}

/// Reads the lines in memory.
pub fn read(work: &mut dyn FnMut(&Journal)) {
    critical::run(|| work(&JOURNAL.lock().expect("nobody panics while holding the log")));
}
