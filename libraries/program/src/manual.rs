//! How a program is used, as text.

use alloc::format;
use alloc::string::String;

/// How a program is used. What it does, in a line, is the summary of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manual {
    /// How its arguments are written, after its name; may be empty.
    pub usage: &'static str,
    /// What else is worth knowing, in whole lines; may be empty.
    pub details: &'static str,
}

impl Manual {
    /// The line that says how the arguments are written.
    pub fn usage(&self, name: &str) -> String {
        format!("usage: {}\n", format!("{name} {}", self.usage).trim_end())
    }

    /// What is shown to whoever has misused it: this line, and where there is more if there is.
    pub fn reminder(&self, name: &str) -> String {
        let more = match self.details.is_empty() {
            true => String::new(),
            false => format!("`help {name}` says more\n"),
        };
        self.usage(name) + &more
    }

    /// All of it.
    pub fn text(&self, name: &str, summary: &str) -> String {
        format!("{name}: {summary}\n{}{}", self.usage(name), self.details)
    }
}
