//! Sequence numbers: a circle of 2³² positions, one for each byte, for SYN and for FIN (RFC 9293, section 3.4).

use core::ops::{Add, AddAssign, Sub};

/// A position in the stream of one direction. Of two positions, that is earlier from which the way up to the other is the shorter one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequence(pub u32);

impl Sequence {
    /// Whether `self` comes before `other`.
    pub const fn before(self, other: Sequence) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether `self` comes after `other`.
    pub const fn after(self, other: Sequence) -> bool {
        other.before(self)
    }

    /// The later one of two.
    pub fn max(self, other: Sequence) -> Sequence {
        if self.before(other) { other } else { self }
    }

    /// The earlier one of two.
    pub fn min(self, other: Sequence) -> Sequence {
        if self.before(other) { self } else { other }
    }
}

impl Add<u32> for Sequence {
    type Output = Sequence;

    fn add(self, bytes: u32) -> Sequence {
        Sequence(self.0.wrapping_add(bytes))
    }
}

impl AddAssign<u32> for Sequence {
    fn add_assign(&mut self, bytes: u32) {
        *self = *self + bytes;
    }
}

impl Sub<u32> for Sequence {
    type Output = Sequence;

    fn sub(self, bytes: u32) -> Sequence {
        Sequence(self.0.wrapping_sub(bytes))
    }
}

/// The way from an earlier position up to this one.
impl Sub for Sequence {
    type Output = u32;

    fn sub(self, earlier: Sequence) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// Positions from `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first position.
    pub start: Sequence,
    /// The position behind the last one.
    pub end: Sequence,
}

impl Range {
    /// The positions of `length` from `start` on.
    pub fn new(start: Sequence, length: u32) -> Range {
        Range { start, end: start + length }
    }

    /// How many positions there are.
    pub fn length(self) -> u32 {
        self.end - self.start
    }

    /// Whether `other` lies within.
    pub fn covers(self, other: Range) -> bool {
        !other.start.before(self.start) && !other.end.after(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_goes_on_where_numbers_begin_again() {
        let last = Sequence(u32::MAX);
        assert!(last.before(last + 1));
        assert_eq!(last + 1, Sequence(0));
        assert_eq!((last + 5) - last, 5);
        assert_eq!(last.max(Sequence(3)), Sequence(3));
        assert_eq!(last.min(Sequence(3)), last);
        assert!(!last.after(last));
    }
}
