//! Rows of frames that a device may still write to.
//!
//! A driver that died leaves its device as it was: requests under way end in memory that the driver held. Such
//! memory is therefore never used for anything but devices again: it waits here for the next driver that asks.

use alloc::vec::Vec;

/// Frames in a row: the first one's number, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of the first frame.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// Rows that no driver holds now.
#[derive(Debug, Default)]
pub struct Rows(Vec<Row>);

impl Rows {
    /// None.
    pub const fn new() -> Self {
        Rows(Vec::new())
    }

    /// Takes a row of `count` frames from the smallest row that has as many.
    pub fn take(&mut self, count: u64) -> Option<Row> {
        let fits = self.0.iter().enumerate().filter(|(_, row)| row.count >= count);
        let (index, _) = fits.min_by_key(|(_, row)| row.count)?;
        let row = &mut self.0[index];
        let taken = Row { first: row.first, count };
        row.first += count;
        row.count -= count;
        if row.count == 0 {
            self.0.swap_remove(index);
        }
        Some(taken)
    }

    /// Gives a row back. Rows that touch become one.
    pub fn give(&mut self, row: Row) {
        let mut whole = row;
        self.0.retain(|other| {
            let before = other.first + other.count == whole.first;
            let behind = whole.first + whole.count == other.first;
            if before || behind {
                whole.first = whole.first.min(other.first);
                whole.count += other.count;
            }
            !(before || behind)
        });
        self.0.push(whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first: u64, count: u64) -> Row {
        Row { first, count }
    }

    #[test]
    fn what_was_given_is_taken_again() {
        let mut rows = Rows::new();
        rows.give(row(10, 4));
        assert_eq!(rows.take(4), Some(row(10, 4)));
        assert_eq!(rows.take(1), None);
    }

    #[test]
    fn the_smallest_row_that_fits_is_cut() {
        let mut rows = Rows::new();
        rows.give(row(100, 8));
        rows.give(row(10, 3));
        assert_eq!(rows.take(2), Some(row(10, 2)));
        assert_eq!(rows.take(2), Some(row(100, 2)));
        assert_eq!(rows.take(1), Some(row(12, 1)));
        assert_eq!(rows.take(7), None);
        assert_eq!(rows.take(6), Some(row(102, 6)));
    }

    #[test]
    fn rows_that_touch_become_one() {
        let mut rows = Rows::new();
        for first in [10, 12, 11] {
            rows.give(row(first, 1));
        }
        assert_eq!(rows.take(3), Some(row(10, 3)));
    }
}
