//! Payload, as ranges of buffers that only the caller can look into.

/// A range of one of the caller's buffers.
///
/// `B` is the caller's name for a buffer: an index, a pointer. The engine copies it and compares nothing. Each piece that is
/// handed over stands for one holder of its buffer, and comes back once: by [`Output::release`](crate::Output::release), or
/// with [`Connection::take`](crate::Connection::take).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<B> {
    /// The buffer.
    pub buffer: B,
    /// Where the range begins in it, in bytes.
    pub offset: u32,
    /// Bytes of the range.
    pub length: u32,
}

impl<B: Copy> Piece<B> {
    /// The same without its first `bytes`, which it has.
    pub(crate) fn without_first(self, bytes: u32) -> Piece<B> {
        Piece { offset: self.offset + bytes, length: self.length - bytes, ..self }
    }

    /// The first `bytes` of it, or all if it has no more.
    pub(crate) fn first(self, bytes: u32) -> Piece<B> {
        Piece { length: self.length.min(bytes), ..self }
    }
}

/// How many bytes pieces have together.
pub(crate) fn bytes<B>(pieces: &[Piece<B>]) -> u32 {
    pieces.iter().fold(0, |sum: u32, piece| sum.saturating_add(piece.length))
}
