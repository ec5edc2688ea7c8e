//! Lines of a script: bytes as they are, until ^D.

use alloc::vec::Vec;

/// ^D, the end of the script.
const END: u8 = 0x04;

/// Bytes of a line that are kept. Of a longer one the rest is only counted.
pub const LINE_BYTES: usize = 64 * 1024;

/// The line that is being read.
#[derive(Default)]
pub struct Script {
    line: Vec<u8>,
    length: u64,
    ended: bool,
}

/// A line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptLine {
    /// Its bytes, as many as are kept.
    pub bytes: Vec<u8>,
    /// Its length.
    pub length: u64,
}

impl Script {
    /// Whether the script has ended.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Takes the next byte; gives a line if it is the last of one.
    pub fn feed(&mut self, byte: u8) -> Option<ScriptLine> {
        match byte {
            _ if self.ended => None,
            b'\n' => Some(self.take()),
            END => self.end(),
            byte => {
                self.length += 1;
                if self.line.len() < LINE_BYTES {
                    self.line.push(byte);
                }
                None
            }
        }
    }

    /// Takes the end; gives a line if there is an unfinished one.
    pub fn end(&mut self) -> Option<ScriptLine> {
        self.ended = true;
        (self.length > 0).then(|| self.take())
    }

    fn take(&mut self) -> ScriptLine {
        let length = core::mem::take(&mut self.length);
        ScriptLine { bytes: core::mem::take(&mut self.line), length }
    }
}
