//! What has arrived: bytes in order that wait for the reader, and islands behind gaps.
//!
//! # Shape
//!
//! Each piece that arrived behind a gap stands in `islands` by itself, ascending and without overlap. `blocks` has the same
//! positions as ranges without neighbours, because that is what a selective acknowledgment says.

use alloc::collections::VecDeque;

use crate::{
    output::Output,
    piece::Piece,
    segment::BLOCKS,
    sequence::{Range, Sequence},
};

/// The received side of a stream.
#[derive(Debug)]
pub struct Reassembly<B> {
    /// The position that is waited for (RCV.NXT).
    next: Sequence,
    ready: VecDeque<Piece<B>>,
    ready_bytes: u32,
    islands: VecDeque<(Sequence, Piece<B>)>,
    blocks: VecDeque<Range>,
    /// Where pieces arrived behind gaps, the newest first.
    newest: [Sequence; BLOCKS],
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The reader can have it, and nothing is missing before or behind it.
    InOrder,
    /// It closed a gap, at least in part.
    ClosedGap,
    /// Something is missing before it.
    BehindGap,
    /// All of it was there.
    Duplicate,
}

impl<B: Copy> Reassembly<B> {
    /// A stream whose first byte has the position `next`.
    pub fn new(next: Sequence) -> Self {
        Reassembly {
            next,
            ready: VecDeque::new(),
            ready_bytes: 0,
            islands: VecDeque::new(),
            blocks: VecDeque::new(),
            newest: [next; BLOCKS],
        }
    }

    /// The position that is waited for (RCV.NXT).
    pub fn next(&self) -> Sequence {
        self.next
    }

    /// Counts a FIN, which takes a position.
    pub fn pass_finish(&mut self) {
        self.next += 1;
    }

    /// Bytes that the reader can have.
    pub fn ready_bytes(&self) -> u32 {
        self.ready_bytes
    }

    /// Pieces that are held.
    pub fn pieces(&self) -> usize {
        self.ready.len() + self.islands.len()
    }

    /// Those of them behind gaps.
    pub fn islands(&self) -> usize {
        self.islands.len()
    }

    /// Whether something is missing before something that arrived.
    pub fn has_gap(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Where what arrived behind a gap begins that is next behind `start`, or at it: `start` itself if that byte is there. `None` if nothing is.
    pub fn missing_from(&self, start: Sequence) -> Option<Sequence> {
        let place = self.blocks.partition_point(|block| !block.end.after(start));
        self.blocks.get(place).map(|block| block.start.max(start))
    }

    /// What the reader can have, in order.
    pub fn ready(&self) -> impl Iterator<Item = Piece<B>> {
        self.ready.iter().copied()
    }

    /// Hands the next piece out, and with it its holder's duty.
    pub fn take(&mut self) -> Option<Piece<B>> {
        let piece = self.ready.pop_front()?;
        self.ready_bytes -= piece.length;
        Some(piece)
    }

    /// Forgets `bytes` that the reader has had, or all if there are not so many. Returns how many they were.
    pub fn consume(&mut self, bytes: u32, output: &mut impl Output<B>) -> u32 {
        let mut left = bytes;
        while left > 0
            && let Some(front) = self.ready.front_mut()
        {
            let part = front.length.min(left);
            *front = front.without_first(part);
            left -= part;
            if front.length == 0
                && let Some(empty) = self.ready.pop_front()
            {
                output.release(empty.buffer);
            }
        }
        self.ready_bytes -= bytes - left;
        bytes - left
    }

    /// Takes a piece whose first byte has the position `start`. It ends within the window, which the caller sees to.
    pub fn insert(
        &mut self,
        start: Sequence,
        piece: Piece<B>,
        output: &mut impl Output<B>,
    ) -> Arrival {
        let known = if start.before(self.next) { self.next - start } else { 0 };
        if piece.length <= known {
            output.release(piece.buffer);
            return Arrival::Duplicate;
        }
        let (start, piece) = (start + known, piece.without_first(known));
        match start == self.next {
            true if self.islands.is_empty() => {
                self.append(piece);
                Arrival::InOrder
            }
            true => {
                self.append(piece);
                self.join(output);
                Arrival::ClosedGap
            }
            false => self.insert_behind_gap(start, piece, output),
        }
    }

    fn append(&mut self, piece: Piece<B>) {
        self.next += piece.length;
        self.ready_bytes += piece.length;
        self.ready.push_back(piece);
    }

    /// Appends the islands that have become reachable.
    fn join(&mut self, output: &mut impl Output<B>) {
        while let Some(&(start, piece)) = self.islands.front()
            && !start.after(self.next)
        {
            self.islands.pop_front();
            let known = self.next - start;
            match piece.length <= known {
                true => output.release(piece.buffer),
                false => self.append(piece.without_first(known)),
            }
        }
        while self.blocks.front().is_some_and(|block| !block.end.after(self.next)) {
            self.blocks.pop_front();
        }
    }

    fn insert_behind_gap(
        &mut self,
        start: Sequence,
        piece: Piece<B>,
        output: &mut impl Output<B>,
    ) -> Arrival {
        self.note_newest(start);
        let range = Range::new(start, piece.length);
        if self.blocks.back().is_none_or(|last| !last.end.after(start)) {
            // Most pieces come behind all that are there.
            self.islands.push_back((start, piece));
            match self.blocks.back_mut() {
                Some(last) if last.end == start => last.end = range.end,
                _ => self.blocks.push_back(range),
            }
            return Arrival::BehindGap;
        }
        let block = self.blocks.partition_point(|block| !block.end.after(start));
        if self.blocks.get(block).is_some_and(|block| block.covers(range)) {
            output.release(piece.buffer);
            return Arrival::Duplicate;
        }
        let place = self.islands.partition_point(|(other, _)| !other.after(start));
        let known = match place.checked_sub(1).map(|before| self.islands[before]) {
            Some((other, before)) if (other + before.length).after(start) => {
                other + before.length - start
            }
            _ => 0,
        };
        // Not covered by a block, so not by the island before alone, unless that and the ones behind cover it together.
        if piece.length <= known {
            output.release(piece.buffer);
            return Arrival::Duplicate;
        }
        let (start, mut piece) = (start + known, piece.without_first(known));
        while let Some(&(other, behind)) = self.islands.get(place)
            && !(other + behind.length).after(start + piece.length)
        {
            self.islands.remove(place);
            output.release(behind.buffer);
        }
        if let Some(&(other, _)) = self.islands.get(place) {
            piece = piece.first(other - start);
        }
        if piece.length == 0 {
            output.release(piece.buffer);
            return Arrival::Duplicate;
        }
        self.islands.insert(place, (start, piece));
        self.mark(Range::new(start, piece.length));
        Arrival::BehindGap
    }

    /// Adds a range to the blocks and melts it with its neighbours.
    fn mark(&mut self, range: Range) {
        let first = self.blocks.partition_point(|block| block.end.before(range.start));
        let mut melted = range;
        while let Some(&block) = self.blocks.get(first)
            && !block.start.after(range.end)
        {
            melted = Range { start: melted.start.min(block.start), end: melted.end.max(block.end) };
            self.blocks.remove(first);
        }
        self.blocks.insert(first, melted);
    }

    fn note_newest(&mut self, start: Sequence) {
        if self.newest[0] != start {
            self.newest.rotate_right(1);
            self.newest[0] = start;
        }
    }

    /// What a selective acknowledgment says: the blocks where something arrived last, the newest first (RFC 2018, section 4). In front
    /// of them `duplicate`, if something arrived twice (RFC 2883, section 4).
    pub fn report(&self, duplicate: Option<Range>) -> [Option<Range>; BLOCKS] {
        let mut report = [None; BLOCKS];
        let mut length = 0;
        if duplicate.is_some() {
            report[0] = duplicate;
            length = 1;
        }
        let first = length;
        for newest in self.newest {
            let place = self.blocks.partition_point(|block| !block.end.after(newest));
            if let Some(&block) = self.blocks.get(place)
                && !block.start.after(newest)
                && length < BLOCKS
                && !report[first..length].contains(&Some(block))
            {
                report[length] = Some(block);
                length += 1;
            }
        }
        report
    }

    /// Gives everything back.
    pub fn clear(&mut self, output: &mut impl Output<B>) {
        for piece in self.ready.drain(..) {
            output.release(piece.buffer);
        }
        for (_, piece) in self.islands.drain(..) {
            output.release(piece.buffer);
        }
        self.ready_bytes = 0;
        *self = Reassembly::new(self.next);
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};
    use proptest::prelude::*;

    use super::*;
    use crate::output::Outgoing;

    /// Buffers that came back.
    #[derive(Default)]
    struct Released(Vec<usize>);

    impl Output<usize> for Released {
        fn send(&mut self, _: Outgoing<'_, usize>) {}

        fn release(&mut self, buffer: usize) {
            self.0.push(buffer);
        }
    }

    const FIRST: Sequence = Sequence(u32::MAX - 50);

    fn piece(buffer: usize, length: u32) -> Piece<usize> {
        Piece { buffer, offset: 0, length }
    }

    fn block(start: u32, end: u32) -> Option<Range> {
        Some(Range { start: FIRST + start, end: FIRST + end })
    }

    #[test]
    fn bytes_behind_a_gap_wait_for_it() {
        let (mut stream, mut released) = (Reassembly::new(FIRST), Released::default());
        assert_eq!(stream.insert(FIRST + 10, piece(1, 10), &mut released), Arrival::BehindGap);
        assert_eq!(stream.ready_bytes(), 0);
        assert_eq!(stream.insert(FIRST, piece(0, 10), &mut released), Arrival::ClosedGap);
        assert_eq!(stream.ready().map(|piece| piece.buffer).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(stream.next(), FIRST + 20);
        assert!(!stream.has_gap());
    }

    #[test]
    fn the_newest_block_is_reported_first() {
        let (mut stream, mut released) = (Reassembly::new(FIRST), Released::default());
        for start in [30, 50, 10, 70, 35] {
            stream.insert(FIRST + start, piece(0, 5), &mut released);
        }
        assert_eq!(stream.report(None), [block(30, 40), block(70, 75), block(10, 15)]);
        assert_eq!(stream.report(block(1, 2)), [block(1, 2), block(30, 40), block(70, 75)]);
    }

    #[test]
    fn it_is_known_how_far_nothing_has_arrived() {
        let (mut stream, mut released) = (Reassembly::new(FIRST), Released::default());
        assert_eq!(stream.missing_from(FIRST), None);
        for start in [10, 30] {
            stream.insert(FIRST + start, piece(0, 10), &mut released);
        }
        for (start, end) in [(0, 10), (5, 10), (10, 10), (15, 15), (20, 30), (39, 39)] {
            assert_eq!(stream.missing_from(FIRST + start), Some(FIRST + end), "{start}");
        }
        assert_eq!(stream.missing_from(FIRST + 40), None);
    }

    #[test]
    fn what_arrives_twice_is_given_back() {
        let (mut stream, mut released) = (Reassembly::new(FIRST), Released::default());
        stream.insert(FIRST + 10, piece(1, 10), &mut released);
        assert_eq!(stream.insert(FIRST + 12, piece(2, 5), &mut released), Arrival::Duplicate);
        stream.insert(FIRST, piece(3, 20), &mut released);
        assert_eq!(stream.insert(FIRST, piece(4, 20), &mut released), Arrival::Duplicate);
        assert_eq!(released.0, [2, 1, 4]);
    }

    proptest! {
        /// Overlapping pieces in any order: each byte is read once, in order, and each buffer comes back once.
        #[test]
        fn bytes_come_out_once_and_in_order(
            cuts in prop::collection::vec((0..200u32, 1..40u32), 1..60),
            reads in prop::collection::vec(1..50u32, 1..20),
        ) {
            let (mut stream, mut released) = (Reassembly::new(FIRST), Released::default());
            let mut there = vec![false; 240];
            let mut read = 0;
            let mut reads = reads.into_iter().cycle();
            let count = cuts.len();
            for (buffer, (start, length)) in cuts.into_iter().enumerate() {
                // The buffer is as the stream, so that an offset is the position of a byte.
                let piece = Piece { buffer, offset: start, length };
                stream.insert(FIRST + start, piece, &mut released);
                there[start as usize..][..length as usize].fill(true);
                let contiguous = there.iter().take_while(|there| **there).count() as u32;
                prop_assert_eq!(stream.next(), FIRST + contiguous);
                let mut expected = read;
                for piece in stream.ready() {
                    prop_assert_eq!(piece.offset, expected);
                    expected += piece.length;
                }
                prop_assert_eq!(expected, contiguous);
                let islands: u32 = stream.islands.iter().map(|(_, piece)| piece.length).sum();
                let blocks: u32 = stream.blocks.iter().map(|block| block.length()).sum();
                let behind = there[contiguous as usize..].iter().filter(|there| **there).count();
                prop_assert_eq!((islands as usize, blocks as usize), (behind, behind));
                read += stream.consume(reads.next().unwrap_or(1), &mut released);
            }
            stream.clear(&mut released);
            released.0.sort_unstable();
            prop_assert_eq!(released.0, (0..count).collect::<Vec<_>>());
        }
    }
}
