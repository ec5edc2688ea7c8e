//! Lines that were entered, to be had again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Lines that are kept.
pub const LINES: usize = 100;

/// The lines, and the place of whoever goes through them.
#[derive(Default)]
pub struct History {
    lines: VecDeque<Vec<char>>,
    /// Index of the line that is shown; `None` for the one that is being typed.
    shown: Option<usize>,
    /// The line that was being typed when the walk began.
    typed: Vec<char>,
}

impl History {
    /// Adds a line, unless it is empty or the last one again.
    pub fn add(&mut self, line: &[char]) {
        self.shown = None;
        if line.is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_vec());
    }

    /// Ends the walk.
    pub fn leave(&mut self) {
        self.shown = None;
    }

    /// The line before the one that is shown. `line` is what stands there now.
    pub fn up(&mut self, line: &[char]) -> Option<Vec<char>> {
        let index = self.shown.unwrap_or(self.lines.len()).checked_sub(1)?;
        if self.shown.is_none() {
            self.typed = line.to_vec();
        }
        self.shown = Some(index);
        self.lines.get(index).cloned()
    }

    /// The line after the one that is shown; after the last, the one that was being typed.
    pub fn down(&mut self) -> Option<Vec<char>> {
        let index = self.shown? + 1;
        match self.lines.get(index) {
            Some(line) => {
                self.shown = Some(index);
                Some(line.clone())
            }
            None => {
                self.shown = None;
                Some(core::mem::take(&mut self.typed))
            }
        }
    }
}
