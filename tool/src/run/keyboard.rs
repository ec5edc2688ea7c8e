//! What a person or a script types, on its way to the console.

use std::io::{Read, Write};

/// ^A, which starts an order to the tool.
const ESCAPE: u8 = 1;
/// ^D, which ends a script.
pub const END: u8 = 4;

/// Keys without the orders to the tool: `^A x` leaves, `^A ^A` is one ^A.
#[derive(Debug, Default)]
pub struct Keys {
    escaped: bool,
}

/// What keys mean.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// These bytes are for the console.
    Bytes(Vec<u8>),
    /// The person wants to leave.
    Leave,
}

impl Keys {
    /// Takes the orders out of what was typed.
    pub fn take(&mut self, typed: &[u8]) -> Typed {
        let mut bytes = Vec::with_capacity(typed.len());
        for &key in typed {
            match (std::mem::take(&mut self.escaped), key) {
                (false, ESCAPE) => self.escaped = true,
                (true, b'x' | b'X') => return Typed::Leave,
                (_, key) => bytes.push(key),
            }
        }
        Typed::Bytes(bytes)
    }
}

/// Hands keys on until the person leaves or the console closes. Returns whether the person left.
pub fn copy_keys(from: &mut impl Read, to: &mut impl Write) -> bool {
    let mut keys = Keys::default();
    let mut buffer = [0; 256];
    loop {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => return true,
            Ok(count) => match keys.take(&buffer[..count]) {
                Typed::Leave => return true,
                Typed::Bytes(bytes) => {
                    if to.write_all(&bytes).and_then(|()| to.flush()).is_err() {
                        return false;
                    }
                }
            },
        }
    }
}

/// Hands a script on, with an end of line if it lacks one, and then the end.
pub fn copy_script(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    let mut last = b'\n';
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            count => {
                to.write_all(&buffer[..count])?;
                last = buffer[count - 1];
            }
        }
    }
    if last != b'\n' {
        to.write_all(b"\n")?;
    }
    to.write_all(&[END])?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_a_x_leaves() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"ls\x01"), Typed::Bytes(b"ls".to_vec()));
        assert_eq!(keys.take(b"x"), Typed::Leave);
    }

    #[test]
    fn control_a_twice_is_one() {
        assert_eq!(Keys::default().take(b"a\x01\x01x"), Typed::Bytes(b"a\x01x".to_vec()));
    }

    #[test]
    fn a_script_ends_its_last_line_and_then_itself() {
        let mut console = Vec::new();
        copy_script(&mut &b"ls\nexit"[..], &mut console).unwrap();
        assert_eq!(console, b"ls\nexit\n\x04");
        console.clear();
        copy_script(&mut &b""[..], &mut console).unwrap();
        assert_eq!(console, b"\x04");
    }
}
