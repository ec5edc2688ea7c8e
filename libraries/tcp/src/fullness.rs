//! How full the pieces are in which bytes arrive.
//!
//! A segment of Ethernet's takes a piece by itself, however large that is. What a device has put together, or never cut, fills all its pieces but the last one.

/// Pieces of which it is known: more than one of the largest segments has.
const KNOWN: u32 = 64;

/// How full those were that arrived lately: the longer ago, the less they count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fullness {
    bytes: u32,
    pieces: u32,
}

impl Fullness {
    /// So many bytes arrived in so many pieces.
    pub fn note(&mut self, bytes: u32, pieces: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.pieces = self.pieces.saturating_add(pieces as u32);
        while self.pieces > KNOWN {
            self.bytes /= 2;
            self.pieces /= 2;
        }
    }

    /// Bytes of a piece; 0 if none has arrived.
    pub fn piece_bytes(&self) -> u32 {
        self.bytes.checked_div(self.pieces).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_lately_counts() {
        let mut fullness = Fullness::default();
        assert_eq!(fullness.piece_bytes(), 0);
        fullness.note(1000, 1);
        assert_eq!(fullness.piece_bytes(), 1000);
        for _ in 0..20 {
            fullness.note(64_000, 16);
        }
        assert!((3900..=4100).contains(&fullness.piece_bytes()), "{fullness:?}");
        for _ in 0..200 {
            fullness.note(1000, 1);
        }
        assert!((1000..=1200).contains(&fullness.piece_bytes()), "{fullness:?}");
    }

    #[test]
    fn no_count_is_too_large() {
        let mut fullness = Fullness::default();
        for _ in 0..100 {
            fullness.note(u32::MAX, usize::MAX);
        }
        assert!(fullness.pieces <= KNOWN);
    }
}
