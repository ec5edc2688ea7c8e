//! Putting datagrams together of fragments (RFC 815, RFC 1858, RFC 5722's rule for overlaps). What fragments of one datagram have in common is its name.
//!
//! Pure: time is a parameter. Whoever uses this holds the buffers of the pieces that are kept here, and gives back those that are
//! given up.
//!
//! # Limits
//!
//! Fragments cost their receiver memory, and their sender nothing. So there are few datagrams at a time, the oldest of which makes room; each
//! has so many pieces at most, and half a minute.

use alloc::vec::Vec;

use warren_idl::{BATCH, Packet, TO_SEVERAL};

use crate::batch::length;

/// Datagrams that are being put together.
const MOST_DATAGRAMS: usize = 16;
/// How long a datagram may take (RFC 1122, section 3.3.2, says a minute at least; Linux, half of that).
const PATIENCE_NS: u64 = 30_000_000_000;
/// Most bytes of a datagram without its header, of IPv4.
const MOST_BYTES: usize = 65_515;

#[derive(Debug)]
struct Part {
    start: usize,
    end: usize,
    pieces: Vec<Packet>,
}

#[derive(Debug)]
struct Datagram<N> {
    name: N,
    since_ns: u64,
    /// By their starts; no two overlap.
    parts: Vec<Part>,
    /// Where it ends, once the last fragment is there.
    end: Option<usize>,
}

/// Datagrams that are not complete.
#[derive(Debug)]
pub struct Reassembly<N> {
    datagrams: Vec<Datagram<N>>,
    counts: Counts,
}

/// What has become of fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fragments that came.
    pub came: u64,
    /// Those that were given up.
    pub dropped: u64,
    /// Datagrams that were put together and handed on.
    pub reassembled: u64,
    /// Those of them that nobody was served.
    pub unknown: u64,
}

impl<N> Default for Reassembly<N> {
    fn default() -> Self {
        Reassembly { datagrams: Vec::new(), counts: Counts::default() }
    }
}

/// What came of a fragment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// The datagram, if this fragment has completed it. The first piece's record speaks for it.
    pub complete: Vec<Packet>,
    /// Pieces that were given up; the fragment's own may be among them.
    pub dropped: Vec<Packet>,
}

impl<N: Copy + PartialEq> Reassembly<N> {
    /// Takes a fragment, whose pieces have lost their header: of which datagram it is, where in that it starts, and whether more follow.
    pub fn add(
        &mut self,
        name: N,
        (start, more): (usize, bool),
        pieces: &[Packet],
        now_ns: u64,
    ) -> Came {
        self.counts.came += 1;
        let mut came = Came { dropped: self.expire(now_ns), ..Came::default() };
        let end = start + length(pieces);
        let known = self.datagrams.iter().position(|datagram| datagram.name == name);
        let at = known.unwrap_or_else(|| {
            if self.datagrams.len() == MOST_DATAGRAMS {
                came.dropped.extend(self.datagrams.remove(0).into_pieces());
            }
            let parts = Vec::new();
            self.datagrams.push(Datagram { name, since_ns: now_ns, parts, end: None });
            self.datagrams.len() - 1
        });
        let datagram = &mut self.datagrams[at];
        match datagram.add(start, end, pieces, more) {
            Ok(true) => came.complete = self.datagrams.remove(at).complete(),
            Ok(false) => (),
            Err(Hopeless) => {
                came.dropped.extend(self.datagrams.remove(at).into_pieces());
                came.dropped.extend_from_slice(pieces);
            }
        }
        self.counts.dropped += came.dropped.len() as u64;
        came
    }

    /// A fragment has come for which there is no memory.
    pub fn refuse(&mut self) {
        self.counts.came += 1;
        self.counts.dropped += 1;
    }

    /// A datagram that is complete was handed on; whether anybody is served it.
    pub fn handed_on(&mut self, was_known: bool) {
        self.counts.reassembled += 1;
        self.counts.unknown += u64::from(!was_known);
    }

    /// What has been counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Gives up what has taken too long.
    fn expire(&mut self, now_ns: u64) -> Vec<Packet> {
        let late =
            |datagram: &mut Datagram<N>| now_ns.saturating_sub(datagram.since_ns) >= PATIENCE_NS;
        self.datagrams.extract_if(.., late).flat_map(Datagram::into_pieces).collect()
    }

    /// Pieces that are kept.
    pub fn kept(&self) -> usize {
        let parts = self.datagrams.iter().flat_map(|datagram| &datagram.parts);
        parts.map(|part| part.pieces.len()).sum()
    }
}

/// The fragments contradict each other, or are too many.
struct Hopeless;

impl<N> Datagram<N> {
    /// Adds a part; whether the datagram is complete now.
    fn add(
        &mut self,
        start: usize,
        end: usize,
        pieces: &[Packet],
        more: bool,
    ) -> Result<bool, Hopeless> {
        let fits = start < end && end <= MOST_BYTES && (!more || (end - start).is_multiple_of(8));
        let last = if more { self.end } else { Some(self.end.unwrap_or(end)) };
        let furthest = self.parts.last().map_or(0, |part| part.end).max(end);
        let contradicts = last.is_some_and(|last| furthest > last || !more && end != last);
        let count: usize = self.parts.iter().map(|part| part.pieces.len()).sum();
        if !fits || contradicts || count + pieces.len() > BATCH {
            return Err(Hopeless);
        }
        let at = self.parts.partition_point(|part| part.start < start);
        let overlaps = at > 0 && self.parts[at - 1].end > start
            || self.parts.get(at).is_some_and(|part| part.start < end);
        if overlaps {
            return Err(Hopeless);
        }
        self.end = last;
        self.parts.insert(at, Part { start, end, pieces: pieces.to_vec() });
        let mut reached = 0;
        let gapless = self.parts.iter().all(|part| {
            let follows = part.start == reached;
            reached = part.end;
            follows
        });
        Ok(gapless && Some(reached) == self.end)
    }

    fn into_pieces(self) -> impl Iterator<Item = Packet> {
        self.parts.into_iter().flat_map(|part| part.pieces)
    }

    /// The pieces as one packet.
    fn complete(self) -> Vec<Packet> {
        let mut pieces: Vec<Packet> = self.into_pieces().collect();
        let more = pieces.len() as u16;
        for (at, piece) in (1..).zip(&mut pieces) {
            piece.more = more - at;
            // Whoever vouched for a fragment did not see the whole; whom it was for, they did.
            piece.flags &= TO_SEVERAL;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use proptest::prelude::*;
    use warren_idl::CHECKSUM_GOOD;

    use super::*;

    const S: u64 = 1_000_000_000;

    fn pieces(buffer: u32, bytes: u16) -> Vec<Packet> {
        vec![Packet { buffer, offset: 34, bytes, ..Packet::default() }]
    }

    fn buffers(pieces: &[Packet]) -> Vec<u32> {
        pieces.iter().map(|piece| piece.buffer).collect()
    }

    #[test]
    fn fragments_in_any_order_are_the_datagram() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.add(1, (16, true), &pieces(2, 8), 0), Came::default());
        assert_eq!(reassembly.add(1, (24, false), &pieces(3, 5), 0), Came::default());
        let came = reassembly.add(1, (0, true), &pieces(1, 16), 0);
        assert_eq!(buffers(&came.complete), [1, 2, 3]);
        assert_eq!(came.complete.iter().map(|piece| piece.more).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(reassembly.kept(), 0);
    }

    #[test]
    fn a_datagram_for_several_is_still_for_several_and_its_checksum_unknown() {
        let mut reassembly = Reassembly::default();
        let flagged = |buffer, bytes| {
            let flags = TO_SEVERAL | CHECKSUM_GOOD;
            vec![Packet { buffer, bytes, flags, ..Packet::default() }]
        };
        reassembly.add(1, (0, true), &flagged(1, 8), 0);
        let came = reassembly.add(1, (8, false), &flagged(2, 8), 0);
        assert_eq!(came.complete[0].flags, TO_SEVERAL);
    }

    #[test]
    fn what_becomes_of_fragments_is_counted() {
        let mut reassembly = Reassembly::default();
        reassembly.refuse();
        reassembly.add(1, (0, true), &pieces(1, 8), 0);
        reassembly.add(1, (0, true), &pieces(2, 8), 0);
        for was_known in [true, false] {
            reassembly.add(1, (0, false), &pieces(3, 8), 0);
            reassembly.handed_on(was_known);
        }
        let expected = Counts { came: 5, dropped: 3, reassembled: 2, unknown: 1 };
        assert_eq!(reassembly.counts(), expected);
    }

    #[test]
    fn contradictions_end_the_datagram() {
        for (offset, bytes, more) in [
            (8, 16, true),     // It overlaps the next one.
            (0, 16, true),     // It overlaps the one before.
            (40, 8, true),     // It is behind the end.
            (8, 9, false),     // It is another end.
            (8, 7, true),      // The next one could not start there.
            (65_512, 8, true), // It is too long.
            (8, 0, true),      // It is nothing.
        ] {
            let mut reassembly = Reassembly::default();
            reassembly.add(1, (0, true), &pieces(1, 8), 0);
            reassembly.add(1, (16, true), &pieces(2, 8), 0);
            reassembly.add(1, (32, false), &pieces(3, 8), 0);
            let came = reassembly.add(1, (offset, more), &pieces(4, bytes), 0);
            assert_eq!(buffers(&came.dropped), [1, 2, 3, 4], "{offset} {bytes} {more}");
            assert_eq!(reassembly.kept(), 0);
        }
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let mut reassembly = Reassembly::default();
        reassembly.add(1, (0, true), &pieces(1, 8), 0);
        reassembly.add(2, (0, true), &pieces(2, 8), 20 * S);
        let came = reassembly.add(3, (0, true), &pieces(3, 8), 31 * S);
        assert_eq!(buffers(&came.dropped), [1]);
        assert_eq!(reassembly.kept(), 2);
    }

    #[test]
    fn the_oldest_datagram_makes_room() {
        let mut reassembly = Reassembly::default();
        for name in 0..20u16 {
            let came = reassembly.add(name, (0, true), &pieces(name.into(), 8), 0);
            let expected: Vec<u32> =
                (16..20).contains(&name).then(|| u32::from(name) - 16).into_iter().collect();
            assert_eq!(buffers(&came.dropped), expected);
        }
        assert_eq!(reassembly.kept(), MOST_DATAGRAMS);
    }

    proptest! {
        /// Every piece that was handed over is kept, given up, or part of a whole datagram, and the whole has no gaps.
        #[test]
        fn no_piece_is_lost(
            fragments in prop::collection::vec((0u16..20, 0u16..6, any::<bool>(), 0u16..4, 0..3 * S), 0..200),
        ) {
            let mut reassembly = Reassembly::default();
            let (mut now, mut out) = (0, vec![]);
            for (number, (name, place, more, units, time)) in (0..).zip(&fragments) {
                now += time;
                let bytes = if *more { units * 8 } else { units * 8 + 3 };
                let came = reassembly.add(*name, (usize::from(*place) * 8, *more), &pieces(number, bytes), now);
                if !came.complete.is_empty() {
                    prop_assert_eq!(usize::from(came.complete[0].more) + 1, came.complete.len());
                    prop_assert!(length(&came.complete) > 0);
                }
                out.extend(buffers(&came.complete));
                out.extend(buffers(&came.dropped));
            }
            prop_assert_eq!(out.len() + reassembly.kept(), fragments.len());
            out.sort_unstable();
            out.dedup();
            prop_assert_eq!(out.len() + reassembly.kept(), fragments.len());
        }
    }
}
