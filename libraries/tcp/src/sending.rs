//! The bytes that the application wants to have sent: a queue from the first one that is not acknowledged on.

use alloc::collections::{VecDeque, vec_deque};

use crate::{
    output::Output,
    piece::Piece,
    sequence::{Range, Sequence},
};

/// Bytes that are not acknowledged, or not even sent.
#[derive(Debug)]
pub struct SendQueue<B> {
    /// Position of the first byte.
    start: Sequence,
    bytes: u32,
    pieces: VecDeque<Piece<B>>,
    /// A piece and the position of its first byte: where the last payload ended, since the next one mostly begins there.
    cursor: (usize, Sequence),
}

/// The payload of one segment: an iterator over its pieces.
#[derive(Clone, Debug)]
pub struct Payload<'a, B> {
    pieces: vec_deque::Iter<'a, Piece<B>>,
    /// Bytes of the first piece that come before the payload.
    skip: u32,
    bytes: u32,
}

impl<B: Copy> SendQueue<B> {
    /// An empty queue, whose first byte will have the position `start`.
    pub fn new(start: Sequence) -> Self {
        SendQueue { start, bytes: 0, pieces: VecDeque::new(), cursor: (0, start) }
    }

    /// The position behind the last byte.
    pub fn end(&self) -> Sequence {
        self.start + self.bytes
    }

    /// Bytes in the queue.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Pieces in the queue.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Puts a piece at the end.
    pub fn push(&mut self, piece: Piece<B>) {
        self.bytes += piece.length;
        self.pieces.push_back(piece);
    }

    /// The piece at the end.
    pub fn last(&self) -> Option<Piece<B>> {
        self.pieces.back().copied()
    }

    /// Makes the piece at the end longer; false if there is none.
    pub fn extend(&mut self, bytes: u32) -> bool {
        let Some(last) = self.pieces.back_mut() else { return false };
        last.length += bytes;
        self.bytes += bytes;
        true
    }

    /// Gives pieces back that end at or before `position`.
    pub fn release_before(&mut self, position: Sequence, output: &mut impl Output<B>) {
        while let Some(front) = self.pieces.front()
            && !(self.start + front.length).after(position)
        {
            output.acknowledged(front.buffer);
            self.start += front.length;
            self.bytes -= front.length;
            self.pieces.pop_front();
            self.cursor = match self.cursor.0 {
                0 => (0, self.start),
                place => (place - 1, self.cursor.1),
            };
        }
    }

    /// The bytes of `range`, as far as they are in the queue, but no more than lie in `pieces` pieces.
    pub fn payload(&mut self, range: Range, pieces: usize) -> Payload<'_, B> {
        let range = Range { start: range.start.max(self.start), end: range.end.min(self.end()) };
        let (mut place, mut position) = match self.cursor.1.after(range.start) {
            true => (0, self.start),
            false => self.cursor,
        };
        while let Some(piece) = self.pieces.get(place)
            && !(position + piece.length).after(range.start)
        {
            position += piece.length;
            place += 1;
        }
        self.cursor = (place, position);
        let skip = range.start - position;
        let wanted = if range.end.after(range.start) { range.length() } else { 0 };
        let held: u32 = self
            .pieces
            .range(place.min(self.pieces.len())..)
            .take(pieces)
            .map(|piece| piece.length)
            .sum();
        Payload {
            pieces: self.pieces.range(place.min(self.pieces.len())..),
            skip,
            bytes: wanted.min(held.saturating_sub(skip)),
        }
    }

    /// Gives everything back.
    pub fn clear(&mut self, output: &mut impl Output<B>) {
        for piece in self.pieces.drain(..) {
            output.acknowledged(piece.buffer);
        }
        *self = SendQueue::new(self.end());
    }
}

impl<B> Payload<'_, B> {
    /// A payload without bytes.
    pub fn empty() -> Self {
        Payload { pieces: Default::default(), skip: 0, bytes: 0 }
    }

    /// Bytes that are left.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }
}

impl<B: Copy> Iterator for Payload<'_, B> {
    type Item = Piece<B>;

    fn next(&mut self) -> Option<Piece<B>> {
        if self.bytes == 0 {
            return None;
        }
        let piece = self.pieces.next()?.without_first(self.skip).first(self.bytes);
        self.skip = 0;
        self.bytes -= piece.length;
        Some(piece)
    }
}
