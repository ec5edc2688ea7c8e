//! From bytes to keys: characters in UTF-8, control characters, and the sequences that terminals like
//! xterm send for the other keys.
//!
//! Written here because the crates that parse such sequences keep a writable global, if only for the
//! choice of a `memchr`, and a server file has none.

/// What a person pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Character(char),
    /// The line is done.
    Enter,
    /// ^C
    Cancel,
    /// ^D: the character under the cursor, or the end of input.
    DeleteOrEnd,
    /// The character before the cursor goes.
    Backspace,
    /// The character under the cursor goes.
    Delete,
    /// ^W
    DeleteWordBefore,
    /// Alt-D
    DeleteWordAfter,
    /// ^U
    DeleteBefore,
    /// ^K
    DeleteAfter,
    /// One character back.
    Left,
    /// One character on.
    Right,
    /// One word back.
    WordLeft,
    /// One word on.
    WordRight,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// The line before in the history.
    Up,
    /// The line after in the history.
    Down,
    /// ^L
    Clear,
}

/// ^[, which starts the sequence of a key that has no code of its own.
const ESCAPE: u8 = 0x1b;

/// ^X and ^Z, which end a sequence before its time.
const ABORT: [u8; 2] = [0x18, 0x1a];

/// Numbers of a sequence that are kept: a key has two at most.
const NUMBERS: usize = 2;

/// Tells keys apart.
#[derive(Default)]
pub struct Keys {
    state: State,
    /// After a carriage return, a line feed is the same key.
    returned: bool,
}

/// What the bytes before mean for the next one.
#[derive(Default)]
enum State {
    /// Nothing.
    #[default]
    Ground,
    /// The first bytes of a character.
    Character { bytes: [u8; 4], length: usize },
    /// An escape.
    Escape,
    /// `ESC O`: the next byte names a key.
    Shifted,
    /// `ESC [` and maybe numbers.
    Sequence(Sequence),
}

/// A sequence before its last byte.
#[derive(Default)]
struct Sequence {
    numbers: [u16; NUMBERS],
    /// Index of the number that is being read.
    index: usize,
    /// It has a mark that makes it no key.
    foreign: bool,
}

impl Keys {
    /// Takes the next byte; gives a key if it is the last of one.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        let returned = core::mem::replace(&mut self.returned, byte == b'\r');
        if returned && byte == b'\n' {
            return None;
        }
        match (byte, core::mem::take(&mut self.state)) {
            (ESCAPE, _) => {
                self.state = State::Escape;
                None
            }
            (byte, _) if ABORT.contains(&byte) => None,
            // A control character means itself wherever it comes.
            (0..0x20 | 0x7f, _) => control(byte),
            (_, State::Ground) => self.character([0; 4], 0, byte),
            (_, State::Character { bytes, length }) => self.character(bytes, length, byte),
            (_, State::Escape) => self.escaped(byte),
            (_, State::Shifted) => movement(byte, false),
            (_, State::Sequence(sequence)) => self.sequence(sequence, byte),
        }
    }

    /// A byte of a character in UTF-8. One that is cut short by another is forgotten; a byte that
    /// starts none becomes the replacement character.
    fn character(&mut self, mut bytes: [u8; 4], length: usize, byte: u8) -> Option<Key> {
        bytes[length] = byte;
        let length = length + 1;
        match str::from_utf8(&bytes[..length]) {
            Ok(text) => text.chars().next().map(Key::Character),
            Err(error) if error.error_len().is_none() => {
                self.state = State::Character { bytes, length };
                None
            }
            Err(_) if length > 1 => self.character([0; 4], 0, byte),
            Err(_) => Some(Key::Character(char::REPLACEMENT_CHARACTER)),
        }
    }

    fn escaped(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'[' => self.state = State::Sequence(Sequence::default()),
            b'O' => self.state = State::Shifted,
            b'b' => return Some(Key::WordLeft),
            b'f' => return Some(Key::WordRight),
            b'd' => return Some(Key::DeleteWordAfter),
            _ => {}
        }
        None
    }

    /// A byte of a control sequence (ECMA-48, 5.4).
    fn sequence(&mut self, mut sequence: Sequence, byte: u8) -> Option<Key> {
        match byte {
            b'0'..=b'9' => sequence.digit(byte - b'0'),
            b';' => sequence.index += 1,
            0x20..=0x3f => sequence.foreign = true,
            0x40..=0x7e => return sequence.key(byte),
            _ => return None,
        }
        self.state = State::Sequence(sequence);
        None
    }
}

impl Sequence {
    fn digit(&mut self, digit: u8) {
        if let Some(number) = self.numbers.get_mut(self.index) {
            *number = number.saturating_mul(10).saturating_add(digit.into());
        }
    }

    /// The key, by the sequence's last byte.
    fn key(&self, last: u8) -> Option<Key> {
        // The second number is 1 more than the sum of Shift 1, Alt 2 and Control 4.
        let modifiers = self.numbers[1].saturating_sub(1);
        match (last, self.numbers[0]) {
            _ if self.foreign => None,
            (b'~', 1 | 7) => Some(Key::Home),
            (b'~', 3) => Some(Key::Delete),
            (b'~', 4 | 8) => Some(Key::End),
            _ => movement(last, modifiers & 6 != 0),
        }
    }
}

fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Cancel,
        0x04 => Key::DeleteOrEnd,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Character(' '),
        b'\r' | b'\n' => Key::Enter,
        0x0b => Key::DeleteAfter,
        0x0c => Key::Clear,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::DeleteBefore,
        0x17 => Key::DeleteWordBefore,
        _ => return None,
    })
}

/// The key of the letter that ends its sequence.
fn movement(letter: u8, by_word: bool) -> Option<Key> {
    match letter {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' if by_word => Some(Key::WordRight),
        b'C' => Some(Key::Right),
        b'D' if by_word => Some(Key::WordLeft),
        b'D' => Some(Key::Left),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        _ => None,
    }
}
