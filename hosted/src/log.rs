//! The system's log: lines on standard error, and the newest of them in memory.

use std::{
    collections::VecDeque,
    fmt::Arguments,
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use crate::{critical, machine};

/// Lines that stay in memory.
const LINES: usize = 256;

static VERBOSE: AtomicBool = AtomicBool::new(false);
static RECENT: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Whether lines are shown as they come.
pub fn set_verbose(verbose: bool) {
    VERBOSE.store(verbose, Relaxed);
}

/// Adds a line.
pub fn line(text: Arguments<'_>) {
    // A critical section also keeps the mutex from being met locked by another Warren thread.
    critical::run(|| {
        let milliseconds = machine::now_ns() / 1_000_000;
        let line = format!("[{:5}.{:03}] {text}", milliseconds / 1000, milliseconds % 1000);
        if VERBOSE.load(Relaxed) {
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        let mut recent = RECENT.lock().expect("nobody panics while holding the log");
        if recent.len() == LINES {
            recent.pop_front();
        }
        recent.push_back(line);
    });
}

/// The newest lines, oldest first.
pub fn recent() -> Vec<String> {
    critical::run(|| {
        let recent = RECENT.lock().expect("nobody panics while holding the log");
        recent.iter().cloned().collect()
    })
}
