//! Cutting a datagram into fragments: none of its bytes is copied.

use alloc::vec::Vec;

use warren_idl::Packet;

use crate::batch::length;

/// Fragments start at multiples of this (RFC 791, RFC 8200, section 4.5).
const UNIT: usize = 8;

/// One fragment of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Where in the datagram it starts.
    pub offset: u16,
    /// Whether others follow.
    pub more: bool,
    /// Its bytes, without a header.
    pub pieces: Vec<Packet>,
}

/// Cuts a datagram into fragments of at most `most` bytes each, which is at least 8.
pub fn cut(datagram: &[Packet], most: usize) -> Vec<Fragment> {
    let (total, most) = (length(datagram), most / UNIT * UNIT);
    let mut fragments = Vec::new();
    let mut start = 0;
    while start < total {
        let end = total.min(start + most);
        fragments.push(Fragment {
            offset: start as u16,
            more: end < total,
            pieces: slice(datagram, start, end),
        });
        start = end;
    }
    fragments
}

/// The pieces of the bytes from `start` to `end`.
fn slice(datagram: &[Packet], start: usize, end: usize) -> Vec<Packet> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for piece in datagram {
        let bytes = usize::from(piece.bytes);
        let (from, to) = (start.max(at), end.min(at + bytes));
        if from < to {
            let offset = piece.offset + (from - at) as u16;
            let bytes = (to - from) as u16;
            pieces.push(Packet { buffer: piece.buffer, offset, bytes, ..Packet::default() });
        }
        at += bytes;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fragments_are_the_datagram(lengths in prop::collection::vec(0u16..3000, 1..9), most in 8usize..2000) {
            let datagram: Vec<Packet> = (0..)
                .zip(&lengths)
                .map(|(buffer, bytes)| Packet { buffer, offset: 7, bytes: *bytes, ..Packet::default() })
                .collect();
            let bytes = |pieces: &[Packet]| -> Vec<(u32, u16)> {
                let each = |piece: &Packet| {
                    let buffer = piece.buffer;
                    (piece.offset..piece.offset + piece.bytes).map(move |at| (buffer, at))
                };
                pieces.iter().flat_map(each).collect()
            };
            let fragments = cut(&datagram, most);
            let mut together = Vec::new();
            for (at, fragment) in fragments.iter().enumerate() {
                prop_assert_eq!(usize::from(fragment.offset), together.len());
                prop_assert_eq!(fragment.offset % 8, 0);
                prop_assert_eq!(fragment.more, at + 1 < fragments.len());
                let own = bytes(&fragment.pieces);
                prop_assert!(!own.is_empty() && own.len() <= most);
                together.extend(own);
            }
            prop_assert_eq!(together, bytes(&datagram));
        }
    }
}
