//! The system's log: lines with the time, on a serial port and the newest in memory.

use core::fmt::{Arguments, Write};

use warren_engine::platform::Level;
use warren_natives::Journal;

use crate::{
    cpu::clock,
    guarded::Guarded,
    serial::{COM1, COM2, Serial},
};

static PORT: Guarded<Option<Serial>> = Guarded::new(None);
static JOURNAL: Guarded<Journal> = Guarded::new(Journal::new());

/// Opens the log on the second port, or the first if there is no second; `choice` from the command
/// line is `com1`, `com2` or `none`.
pub fn install(choice: Option<&str>) {
    let port = match choice {
        Some("none") => None,
        Some("com1") => Serial::find(COM1),
        Some("com2") => Serial::find(COM2),
        _ => Serial::find(COM2).or_else(|| Serial::find(COM1)),
    };
    PORT.with(|stored| *stored = port);
}

/// Writes one line of a server, or about it.
pub fn write(level: Level, server: &str, line: Arguments<'_>) {
    let now_ns = clock::now_ns();
    JOURNAL.with(|journal| {
        let (server, line) = journal.add(now_ns, level, server, line);
        let now = now_ns / 1000;
        PORT.with(|port| {
            if let Some(port) = port {
                let (seconds, rest) = (now / 1_000_000, now % 1_000_000);
                // A serial port does not fail.
                let _ = writeln!(port, "[{seconds:4}.{rest:06}] {server}: {line}");
            }
        });
    });
}

/// Reads the lines in memory.
pub fn read(work: &mut dyn FnMut(&Journal)) {
    JOURNAL.with(|journal| work(journal));
}

/// Writes one line of the kernel's own.
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::log::write(
            ::warren_engine::platform::Level::Info,
            "kernel",
            format_args!($($argument)*),
        )
    };
}

pub(crate) use log;
