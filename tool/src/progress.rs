//! One line on standard error for each step that takes a while, in cargo's manner.

use std::io::{IsTerminal, stderr};

/// Says what was done, where a person reads it.
pub fn step(verb: &str, what: &str) {
    if stderr().is_terminal() {
        eprintln!("\x1b[1;32m{verb:>12}\x1b[0m {what}");
    }
}
