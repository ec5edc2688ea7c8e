//! What was typed ahead of the command that will read it.

use alloc::collections::VecDeque;

/// Bytes that are kept. What is typed beyond is lost, but for ^C.
pub const AHEAD_BYTES: usize = 4096;

/// ^C
const INTERRUPT: u8 = 0x03;

/// Bytes that were read and not looked at.
#[derive(Default)]
pub struct Ahead {
    bytes: VecDeque<u8>,
}

impl Ahead {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.bytes.len() < AHEAD_BYTES || *byte == INTERRUPT {
                self.bytes.push_back(*byte);
            }
        }
    }

    /// Whether there is a ^C. It goes, and takes everything before it away.
    pub fn take_interrupt(&mut self) -> bool {
        match self.bytes.iter().rposition(|byte| *byte == INTERRUPT) {
            Some(last) => {
                self.bytes.drain(..=last);
                true
            }
            None => false,
        }
    }

    /// The oldest byte.
    pub fn next(&mut self) -> Option<u8> {
        self.bytes.pop_front()
    }
}
