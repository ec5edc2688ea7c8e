//! The system's log: lines with the time, on a serial port.

use core::fmt::{self, Write};

use crate::{
    cpu::clock,
    guarded::Guarded,
    serial::{COM1, COM2, Serial},
};

static PORT: Guarded<Option<Serial>> = Guarded::new(None);

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

/// Writes one line. Control characters are shown as such: a server cannot write two lines as one.
pub fn write(line: fmt::Arguments<'_>) {
    let now = clock::now_ns() / 1000;
    PORT.with(|port| {
        if let Some(port) = port {
            // A serial port does not fail.
            let _ = write!(port, "[{:4}.{:06}] ", now / 1_000_000, now % 1_000_000);
            let _ = Visible(port).write_fmt(line);
            let _ = port.write_str("\n");
        }
    });
}

/// Lets control characters pass only in their escaped form.
struct Visible<'a>(&'a mut Serial);

impl fmt::Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character.is_control() {
                write!(self.0, "{}", character.escape_default())?;
            } else {
                self.0.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Writes one line of the kernel's own.
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::log::write(format_args!("kernel: {}", format_args!($($argument)*)))
    };
}

pub(crate) use log;
