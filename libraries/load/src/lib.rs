//! What servers are made of that load a system: reading a file piece by piece, work on what was read or on nothing, and seeing when others run.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod runs;

use alloc::{boxed::Box, vec};
use core::hint::black_box;

use warren::{Cx, Object, Ref};
use warren_answers as answers;
use warren_idl::{File, FileError, FileSystem};

pub use runs::Runs;

/// Bytes of a piece.
pub const PIECE_BYTES: usize = 4096;
/// The file that is read: every demo disk has it.
const FILE: &str = "/docs/ARCHITECTURE.md";

/// The whole pieces of a file, in their order and from the beginning again.
pub struct Pieces<'f> {
    file: Ref<'f, dyn File>,
    /// How many there are.
    count: u64,
    /// The number of the next one.
    next: u64,
    piece: Box<[u8]>,
}

impl<'f> Pieces<'f> {
    /// Opens the file.
    pub fn open<S: Object>(
        cx: &mut Cx<'f, S>,
        files: Ref<'_, dyn FileSystem>,
    ) -> Result<Self, FileError> {
        let file = files.open(cx, FILE)?;
        let count = file.size(cx)? / PIECE_BYTES as u64;
        Ok(Pieces { file, count, next: 0, piece: vec![0; PIECE_BYTES].into() })
    }

    /// Reads the next piece.
    pub fn next<S: Object>(&mut self, cx: &mut Cx<'_, S>) -> Result<&[u8], FileError> {
        let read = self.file.read(cx, self.next * PIECE_BYTES as u64, &mut self.piece)?;
        self.next = (self.next + 1) % self.count.max(1);
        Ok(&self.piece[..read as usize])
    }
}

/// Work on nothing: as many rounds of a loop of a few instructions, however long others run meanwhile.
pub fn compute(rounds: u64) {
    for round in 0..rounds {
        black_box(round);
    }
}

/// Work on a piece: adds its bytes up, `passes` times.
pub fn work(piece: &[u8], passes: u64) -> u64 {
    (0..passes).fold(0, |sum, _| sum.wrapping_add(answers::sum(black_box(piece))))
}
