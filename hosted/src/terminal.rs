//! The terminal on standard input: raw while the system runs, as it was before on every way out.
#![expect(unsafe_code, reason = "terminal settings are the C library's structures")]

use std::sync::OnceLock;

/// What the terminal's settings were.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();

/// Makes standard input raw, if it is a terminal: every key is a byte that the system interprets.
pub fn make_raw() {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut settings: libc::termios = unsafe { core::mem::zeroed() };
    // SAFETY: the structure is ours; it fails if standard input is no terminal.
    if unsafe { libc::tcgetattr(libc::STDIN_FILENO, &mut settings) } != 0 {
        return;
    }
    if BEFORE.set(settings).is_err() {
        return;
    }
    // SAFETY: the structure is ours.
    unsafe { libc::cfmakeraw(&mut settings) };
    apply(&settings);
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        // SAFETY: the handler makes only calls that signal handlers may make.
        unsafe { libc::signal(signal, leave as *const () as usize) };
    }
}

/// Gives the terminal its settings back.
pub fn restore() {
    if let Some(settings) = BEFORE.get() {
        apply(settings);
    }
}

fn apply(settings: &libc::termios) {
    // SAFETY: the structure is a terminal's.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, settings) };
}

/// The handler of signals that end the process.
extern "C" fn leave(signal: i32) {
    restore();
    // SAFETY: ending the process has no preconditions.
    unsafe { libc::_exit(128 + signal) };
}
