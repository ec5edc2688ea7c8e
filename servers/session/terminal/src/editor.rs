//! The line editor: keys in, a line and what the screen must show out.
//!
//! The line takes one row of the screen. One that is longer than the row is shown in part, around the
//! cursor: the editor never depends on where a row wraps, which it could not know. After each key the
//! row is drawn again, except when a character is typed at its end, the usual case.

use alloc::string::String;
use alloc::vec::Vec;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::history::History;
use crate::keys::{Key, Keys};

/// Characters of a line at most.
pub const LINE_CHARACTERS: usize = 4096;

/// Columns that are left for the line, whatever the prompt takes.
const LEAST_COLUMNS: usize = 8;

const BELL: &str = "\x07";
const CLEAR_SCREEN: &str = "\x1b[H\x1b[2J";
const CLEAR_TO_END: &str = "\x1b[K";
const NEW_LINE: &str = "\r\n";

/// How a line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was entered.
    Line(String),
    /// It was given up (^C).
    Cancelled,
    /// There is no more input (^D).
    Ended,
}

/// The editor.
pub struct Editor {
    keys: Keys,
    history: History,
    columns: usize,
    prompt: String,
    line: Vec<char>,
    /// Index of the character that the cursor is on.
    cursor: usize,
    /// Index of the first character that is shown.
    first: usize,
    /// Whether others left the screen's cursor within a row.
    mid_row: bool,
    /// What the screen must be sent.
    output: String,
}

impl Editor {
    /// An editor for a screen with so many columns.
    pub fn new(columns: usize) -> Self {
        Editor {
            keys: Keys::default(),
            history: History::default(),
            columns,
            prompt: String::new(),
            line: Vec::new(),
            cursor: 0,
            first: 0,
            mid_row: false,
            output: String::new(),
        }
    }

    /// Takes note of what the screen was sent by others.
    pub fn wrote(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.mid_row = *last != b'\n';
        }
    }

    /// Begins a line, in a row of its own.
    pub fn begin(&mut self, prompt: &str) {
        if core::mem::take(&mut self.mid_row) {
            self.output.push_str(NEW_LINE);
        }
        self.prompt = shortened(prompt, self.columns.saturating_sub(LEAST_COLUMNS + 1));
        self.history.leave();
        self.replace(Vec::new());
    }

    /// What the screen must be sent since the last call.
    pub fn take_output(&mut self) -> String {
        core::mem::take(&mut self.output)
    }

    /// Takes the next byte.
    pub fn feed(&mut self, byte: u8) -> Option<Event> {
        let key = self.keys.feed(byte)?;
        self.press(key)
    }

    fn press(&mut self, key: Key) -> Option<Event> {
        match key {
            Key::Character(c) => self.insert(c),
            Key::Enter => return Some(self.enter()),
            Key::Cancel => {
                self.output.push_str("^C");
                self.output.push_str(NEW_LINE);
                return Some(Event::Cancelled);
            }
            Key::DeleteOrEnd if self.line.is_empty() => {
                if !self.prompt.is_empty() {
                    self.output.push_str(NEW_LINE);
                }
                return Some(Event::Ended);
            }
            Key::DeleteOrEnd | Key::Delete => self.delete(self.cursor, self.right()),
            Key::Backspace => self.delete(self.left(), self.cursor),
            Key::DeleteWordBefore => self.delete(self.word_left(), self.cursor),
            Key::DeleteWordAfter => self.delete(self.cursor, self.word_right()),
            Key::DeleteBefore => self.delete(0, self.cursor),
            Key::DeleteAfter => self.delete(self.cursor, self.line.len()),
            Key::Left => self.move_to(self.left()),
            Key::Right => self.move_to(self.right()),
            Key::WordLeft => self.move_to(self.word_left()),
            Key::WordRight => self.move_to(self.word_right()),
            Key::Home => self.move_to(0),
            Key::End => self.move_to(self.line.len()),
            Key::Up => {
                let line = self.history.up(&self.line);
                self.recall(line);
            }
            Key::Down => {
                let line = self.history.down();
                self.recall(line);
            }
            Key::Clear => {
                self.output.push_str(CLEAR_SCREEN);
                self.draw();
            }
        }
        None
    }

    fn enter(&mut self) -> Event {
        if self.cursor < self.line.len() {
            self.move_to(self.line.len());
        }
        self.output.push_str(NEW_LINE);
        // What is typed without a prompt is some command's input and not worth keeping.
        if !self.prompt.is_empty() {
            self.history.add(&self.line);
        }
        Event::Line(self.line.iter().collect())
    }

    fn insert(&mut self, c: char) {
        if c.is_control() || self.line.len() >= LINE_CHARACTERS {
            self.output.push_str(BELL);
            return;
        }
        let at_end = self.cursor == self.line.len();
        self.line.insert(self.cursor, c);
        self.cursor += 1;
        if at_end && self.width(self.first..self.cursor) <= self.room() {
            self.output.push(c);
        } else {
            self.draw();
        }
    }

    fn delete(&mut self, from: usize, to: usize) {
        if from == to {
            self.output.push_str(BELL);
            return;
        }
        self.line.drain(from..to);
        self.cursor = from;
        self.draw();
    }

    fn move_to(&mut self, cursor: usize) {
        self.cursor = cursor;
        self.draw();
    }

    fn recall(&mut self, line: Option<Vec<char>>) {
        match line {
            Some(line) => self.replace(line),
            None => self.output.push_str(BELL),
        }
    }

    fn replace(&mut self, line: Vec<char>) {
        self.cursor = line.len();
        self.line = line;
        self.first = 0;
        self.draw();
    }

    /// Where the character before the cursor starts: marks that combine with it belong to it.
    fn left(&self) -> usize {
        let mut at = self.cursor.saturating_sub(1);
        while at > 0 && columns(self.line[at]) == 0 {
            at -= 1;
        }
        at
    }

    /// Where the character under the cursor ends.
    fn right(&self) -> usize {
        let mut at = (self.cursor + 1).min(self.line.len());
        while at < self.line.len() && columns(self.line[at]) == 0 {
            at += 1;
        }
        at
    }

    fn word_left(&self) -> usize {
        let before = &self.line[..self.cursor];
        let end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |at| at + 1);
        before[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1)
    }

    fn word_right(&self) -> usize {
        let after = &self.line[self.cursor..];
        let start = after.iter().position(|c| !c.is_whitespace()).unwrap_or(after.len());
        let length = after[start..].iter().position(|c| c.is_whitespace());
        self.cursor + length.map_or(after.len(), |length| start + length)
    }

    fn width(&self, range: core::ops::Range<usize>) -> usize {
        self.line[range].iter().map(|c| columns(*c)).sum()
    }

    /// Columns for the line. The last one of the row stays free for the cursor.
    fn room(&self) -> usize {
        self.columns.saturating_sub(self.prompt.width() + 1).max(LEAST_COLUMNS)
    }

    /// Draws the row.
    fn draw(&mut self) {
        let room = self.room();
        self.first = self.first.min(self.cursor);
        while self.width(self.first..self.cursor) > room {
            self.first += 1;
        }
        let mut end = self.cursor;
        while end < self.line.len() && self.width(self.first..end + 1) <= room {
            end += 1;
        }
        let behind = self.width(self.cursor..end);
        self.output.push('\r');
        self.output.push_str(&self.prompt);
        self.output.extend(&self.line[self.first..end]);
        self.output.push_str(CLEAR_TO_END);
        if behind > 0 {
            self.output.push_str(&alloc::format!("\x1b[{behind}D"));
        }
    }
}

/// The end of a prompt that fits into so many columns.
fn shortened(prompt: &str, columns: usize) -> String {
    let prompt: String = prompt.chars().filter(|c| !c.is_control()).collect();
    if prompt.width() <= columns {
        return prompt;
    }
    let mut rest = prompt.as_str();
    while rest.width() >= columns.max(1) {
        rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
    }
    ["…", rest].concat()
}

/// Columns that a character takes.
fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}
