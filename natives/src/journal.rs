//! The newest lines of the log, as far as the platform itself keeps them.
//!
//! Lines are written before there is any server, by servers, and in places where nothing can be called, so a
//! platform keeps a few of them in memory that is set aside from the beginning, without a heap. Whoever wants
//! to keep more of them reads them from here by their numbers.

use core::fmt::{self, Arguments, Write};

use warren_engine::platform::Level;
use warren_idl::LogRecord;

/// Bytes of memory for lines.
const BYTES: usize = 16 * 1024;
/// Bytes of a line that are kept: the port on which platforms show them is slow, and nobody else runs meanwhile.
const LINE_BYTES: usize = 1024;
/// Bytes of a server's name that are kept.
const NAME_BYTES: usize = 64;
/// Bytes of a name and a line together.
pub const TEXT_BYTES: usize = NAME_BYTES + LINE_BYTES;
/// Bytes before the text of each line: time, level, bytes of the name, bytes of name and line.
const HEAD_BYTES: usize = 12;

/// Lines with consecutive numbers: a new one takes the place of the oldest.
pub struct Journal {
    ring: Ring,
    /// Number of the oldest line.
    first: u64,
    /// Number of the next line.
    next: u64,
    /// The line that was added last.
    newest: Text,
}

/// Bytes in a ring.
struct Ring {
    bytes: [u8; BYTES],
    /// Where the oldest byte is.
    start: usize,
    /// Bytes in use.
    used: usize,
}

/// A server's name and a line of it, without control characters.
struct Text {
    bytes: [u8; TEXT_BYTES],
    name: usize,
    length: usize,
}

impl Journal {
    /// One without lines.
    pub const fn new() -> Self {
        let newest = Text { bytes: [0; TEXT_BYTES], name: 0, length: 0 };
        let ring = Ring { bytes: [0; BYTES], start: 0, used: 0 };
        Journal { ring, first: 0, next: 0, newest }
    }

    /// Adds a line about, or of, a server. Control characters are kept in their escaped form: nobody can write two
    /// lines as one. Returns name and line as they were kept.
    pub fn add(
        &mut self,
        time_ns: u64,
        level: Level,
        server: &str,
        line: Arguments<'_>,
    ) -> (&str, &str) {
        self.newest.set(server, line);
        let Text { bytes, name, length } = &self.newest;
        while self.ring.free() < HEAD_BYTES + length {
            self.ring.forget(HEAD_BYTES + Head::read(&self.ring, 0).length);
            self.first += 1;
        }
        let head = Head { time_ns, level: level as u8, name: *name, length: *length };
        self.ring.append(&head.bytes());
        self.ring.append(&bytes[..*length]);
        self.next += 1;
        self.newest.parts()
    }

    /// The oldest line whose number is at least `number`. Name and line go to `text`.
    pub fn record(&self, number: u64, text: &mut [u8; TEXT_BYTES]) -> Option<LogRecord> {
        let number = number.max(self.first);
        if number >= self.next {
            return None;
        }
        let mut at = 0;
        for _ in self.first..number {
            at += HEAD_BYTES + Head::read(&self.ring, at).length;
        }
        let Head { time_ns, level, name, length } = Head::read(&self.ring, at);
        self.ring.read(at + HEAD_BYTES, &mut text[..length]);
        Some(LogRecord {
            number,
            time_ns,
            level: level.into(),
            server_bytes: name as u32,
            text_bytes: (length - name) as u32,
            padding: 0,
        })
    }
}

impl Ring {
    fn free(&self) -> usize {
        BYTES - self.used
    }

    /// Gives the oldest bytes up.
    fn forget(&mut self, bytes: usize) {
        self.start = (self.start + bytes) % BYTES;
        self.used -= bytes;
    }

    /// Adds bytes, for which there is room.
    fn append(&mut self, bytes: &[u8]) {
        let at = (self.start + self.used) % BYTES;
        let (before, after) = bytes.split_at(bytes.len().min(BYTES - at));
        self.bytes[at..at + before.len()].copy_from_slice(before);
        self.bytes[..after.len()].copy_from_slice(after);
        self.used += bytes.len();
    }

    /// Reads bytes from the one on that is `offset` behind the oldest.
    fn read(&self, offset: usize, bytes: &mut [u8]) {
        let at = (self.start + offset) % BYTES;
        let (before, after) = bytes.split_at_mut(bytes.len().min(BYTES - at));
        before.copy_from_slice(&self.bytes[at..at + before.len()]);
        after.copy_from_slice(&self.bytes[..after.len()]);
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

/// What stands before a line.
struct Head {
    time_ns: u64,
    level: u8,
    name: usize,
    /// Bytes of name and line.
    length: usize,
}

impl Head {
    fn bytes(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&self.time_ns.to_le_bytes());
        bytes[8..10].copy_from_slice(&[self.level, self.name as u8]);
        bytes[10..].copy_from_slice(&(self.length as u16).to_le_bytes());
        bytes
    }

    fn read(ring: &Ring, offset: usize) -> Self {
        let mut bytes = [0; HEAD_BYTES];
        ring.read(offset, &mut bytes);
        let (time, rest) = bytes.split_first_chunk().expect("a head has a time");
        Head {
            time_ns: u64::from_le_bytes(*time),
            level: rest[0],
            name: rest[1].into(),
            length: u16::from_le_bytes([rest[2], rest[3]]).into(),
        }
    }
}

impl Text {
    /// Takes as much of a name and a line as is kept.
    fn set(&mut self, name: &str, line: Arguments<'_>) {
        self.length = 0;
        // What does not fit is left out.
        let _ = Visible { text: self, end: NAME_BYTES }.write_str(name);
        self.name = self.length;
        let end = self.length + LINE_BYTES;
        let _ = Visible { text: self, end }.write_fmt(line);
    }

    fn parts(&self) -> (&str, &str) {
        let part = |bytes| str::from_utf8(bytes).unwrap_or_default();
        (part(&self.bytes[..self.name]), part(&self.bytes[self.name..self.length]))
    }
}

/// Writes up to `end`, whole characters only, and control characters in their escaped form.
struct Visible<'a> {
    text: &'a mut Text,
    end: usize,
}

impl Visible<'_> {
    fn put(&mut self, character: char) -> fmt::Result {
        let length = self.text.length;
        let place = &mut self.text.bytes[length..self.end];
        if place.len() < character.len_utf8() {
            return Err(fmt::Error);
        }
        self.text.length += character.encode_utf8(place).len();
        Ok(())
    }
}

impl Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = self.text.length;
        // Most text is like that, and short.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && start + text.len() <= self.end {
            self.text.bytes[start..][..text.len()].copy_from_slice(text.as_bytes());
            self.text.length += text.len();
            return Ok(());
        }
        for character in text.chars() {
            match character.is_control() {
                true => character.escape_default().try_for_each(|shown| self.put(shown))?,
                false => self.put(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::String, vec::Vec};

    use super::*;

    fn line(journal: &Journal, number: u64) -> Option<(u64, String)> {
        let mut text = [0; TEXT_BYTES];
        let record = journal.record(number, &mut text)?;
        let length = (record.server_bytes + record.text_bytes) as usize;
        let (name, line) = text[..length].split_at(record.server_bytes as usize);
        let text = |bytes: &[u8]| String::from_utf8(bytes.into()).unwrap();
        Some((record.number, format!("{}|{}", text(name), text(line))))
    }

    #[test]
    fn lines_are_found_by_their_numbers() {
        let mut journal = Journal::new();
        assert_eq!(line(&journal, 0), None);
        assert_eq!(journal.add(5, Level::Info, "a", format_args!("one")), ("a", "one"));
        journal.add(6, Level::Error, "", format_args!("two"));
        assert_eq!(line(&journal, 0), Some((0, "a|one".into())));
        assert_eq!(line(&journal, 1), Some((1, "|two".into())));
        assert_eq!(line(&journal, 2), None);
        let record = journal.record(1, &mut [0; TEXT_BYTES]).unwrap();
        assert_eq!((record.time_ns, record.level), (6, LogRecord::ERROR));
    }

    #[test]
    fn the_oldest_lines_make_room_for_new_ones() {
        let mut journal = Journal::new();
        for number in 0..10_000 {
            journal.add(number, Level::Info, "server", format_args!("line {number}"));
        }
        let (oldest, _) = line(&journal, 0).unwrap();
        assert!(oldest > 9_000 && oldest < 9_990, "{oldest}");
        for number in oldest..10_000 {
            assert_eq!(line(&journal, number), Some((number, format!("server|line {number}"))));
        }
    }

    #[test]
    fn lines_of_any_length_leave_the_others_whole() {
        let mut journal = Journal::new();
        let mut written = Vec::new();
        for number in 0..500_usize {
            let text = "é".repeat(number * 7 % 700);
            let (_, kept) = journal.add(0, Level::Info, "x", format_args!("{text}"));
            assert!(text.starts_with(kept) && kept.len() >= text.len().min(LINE_BYTES - 1));
            written.push(format!("x|{kept}"));
            let (oldest, _) = line(&journal, 0).unwrap();
            for at in oldest..=number as u64 {
                assert_eq!(line(&journal, at).unwrap().1, written[at as usize]);
            }
        }
    }

    #[test]
    fn control_characters_are_shown() {
        let mut journal = Journal::new();
        let name = "n".repeat(100);
        let (server, text) = journal.add(0, Level::Info, &name, format_args!("a\nb\x1b[2J"));
        assert_eq!(server, "n".repeat(NAME_BYTES));
        assert_eq!(text, "a\\nb\\u{1b}[2J");
    }
}
