//! From bytes to keys. Escape sequences are parsed by the `vte` crate.

use vte::{Params, Parser, Perform};

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

/// Bytes of an operating system command that are kept: no key is one.
const COMMAND_BYTES: usize = 16;

/// Tells keys apart.
pub struct Keys {
    parser: Parser<COMMAND_BYTES>,
    state: State,
}

/// What must be remembered from byte to byte beside the parser.
#[derive(Default)]
struct State {
    key: Option<Key>,
    /// After `ESC O`, one character names a key.
    shifted: bool,
    /// After a carriage return, a line feed is the same key.
    returned: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Keys { parser: Parser::new_with_size(), state: State::default() }
    }
}

impl Keys {
    /// Takes the next byte; gives a key if it is the last of one.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        let returned = core::mem::replace(&mut self.state.returned, byte == b'\r');
        if returned && byte == b'\n' {
            return None;
        }
        self.parser.advance(&mut self.state, &[byte]);
        self.state.key.take()
    }
}

impl Perform for State {
    fn print(&mut self, character: char) {
        let shifted = core::mem::take(&mut self.shifted);
        self.key = match character {
            '\x7f' => Some(Key::Backspace),
            letter if shifted => movement(letter, false),
            character => Some(Key::Character(character)),
        };
    }

    fn execute(&mut self, byte: u8) {
        self.shifted = false;
        self.key = Some(match byte {
            0x01 => Key::Home,
            0x02 => Key::Left,
            0x03 => Key::Cancel,
            0x04 => Key::DeleteOrEnd,
            0x05 => Key::End,
            0x06 => Key::Right,
            0x08 => Key::Backspace,
            b'\t' => Key::Character(' '),
            b'\r' | b'\n' => Key::Enter,
            0x0b => Key::DeleteAfter,
            0x0c => Key::Clear,
            0x0e => Key::Down,
            0x10 => Key::Up,
            0x15 => Key::DeleteBefore,
            0x17 => Key::DeleteWordBefore,
            _ => return,
        });
    }

    fn csi_dispatch(&mut self, parameters: &Params, intermediates: &[u8], _: bool, action: char) {
        if !intermediates.is_empty() {
            return;
        }
        let mut numbers = parameters.iter().map(|it| it.first().copied().unwrap_or(0));
        let first = numbers.next().unwrap_or(0);
        // The second is 1 more than the sum of Shift 1, Alt 2 and Control 4.
        let modifiers = numbers.next().unwrap_or(1).saturating_sub(1);
        self.key = match (action, first) {
            ('~', 1 | 7) => Some(Key::Home),
            ('~', 3) => Some(Key::Delete),
            ('~', 4 | 8) => Some(Key::End),
            _ => movement(action, modifiers & 6 != 0),
        };
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        if !intermediates.is_empty() {
            return;
        }
        self.shifted = byte == b'O';
        self.key = match byte {
            b'b' => Some(Key::WordLeft),
            b'f' => Some(Key::WordRight),
            b'd' => Some(Key::DeleteWordAfter),
            _ => None,
        };
    }
}

/// The key of the letter that ends its sequence.
fn movement(letter: char, by_word: bool) -> Option<Key> {
    match letter {
        'A' => Some(Key::Up),
        'B' => Some(Key::Down),
        'C' if by_word => Some(Key::WordRight),
        'C' => Some(Key::Right),
        'D' if by_word => Some(Key::WordLeft),
        'D' => Some(Key::Left),
        'H' => Some(Key::Home),
        'F' => Some(Key::End),
        _ => None,
    }
}
