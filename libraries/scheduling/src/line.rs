//! Round robin among equals.
//!
//! Contexts stand in a line. The first one runs until its slice is used up, and then goes to the end with a new slice.
//!
//! # Those that block
//!
//! They keep their place and the rest of their slice. So whoever waits for a device comes before those that stand further back
//! when it wakes, and runs soon; but not longer than for the rest of its slice, and then it goes to the end like everybody.
//! To block often wins nothing. Whoever sleeps until all those have had their turn that stood in line when it blocked gets a new
//! slice, as if it had gone to the end at that time. To sleep longer wins nothing more.

use alloc::collections::VecDeque;

use crate::Slot;

/// A line of contexts that are ready.
#[derive(Clone, Debug)]
pub struct Line {
    /// Places, ascending, with the contexts that have them.
    waiting: VecDeque<(u64, Slot)>,
    /// The place behind all others.
    end: u64,
    slice_ns: u64,
}

/// The place of one context, which it keeps when it is not ready.
#[derive(Clone, Debug)]
pub struct Place {
    number: u64,
    /// The place that it would have, had it gone to the end when it blocked.
    retreat: u64,
    /// Rest of its slice.
    left_ns: u64,
}

impl Place {
    /// What is left of the slice, in nanoseconds; at least 1.
    pub fn left_ns(&self) -> u64 {
        self.left_ns
    }
}

impl Line {
    /// An empty line, in which everybody has slices of `slice_ns` nanoseconds, which is not 0.
    pub const fn new(slice_ns: u64) -> Self {
        Line { waiting: VecDeque::new(), end: 0, slice_ns }
    }

    /// A place at the end, for a context that is not ready yet.
    pub fn place(&mut self) -> Place {
        let number = self.take_end();
        Place { number, retreat: number, left_ns: self.slice_ns }
    }

    /// Lets a context in that is ready.
    pub fn enter(&mut self, slot: Slot, place: &mut Place) {
        let all_had_their_turn =
            self.waiting.front().is_none_or(|(first, _)| *first > place.retreat);
        if all_had_their_turn {
            place.left_ns = self.slice_ns;
        }
        let position = self.waiting.partition_point(|(number, _)| *number < place.number);
        self.waiting.insert(position, (place.number, slot));
    }

    /// Lets a context out that blocks.
    pub fn leave(&mut self, place: &mut Place) {
        self.remove(place);
        place.retreat = self.take_end();
    }

    /// Whose turn it is.
    pub fn first(&self) -> Option<Slot> {
        self.waiting.front().map(|(_, slot)| *slot)
    }

    /// The context in line with this place has used time, and goes to the end if its slice is used up or it gave way.
    pub fn charge(&mut self, slot: Slot, place: &mut Place, used_ns: u64, gave_way: bool) {
        place.left_ns = place.left_ns.saturating_sub(used_ns);
        if place.left_ns == 0 || gave_way {
            self.remove(place);
            place.number = self.take_end();
            place.left_ns = self.slice_ns;
            self.waiting.push_back((place.number, slot));
        }
    }

    fn remove(&mut self, place: &Place) {
        let position = self.waiting.binary_search_by_key(&place.number, |(number, _)| *number);
        if let Ok(position) = position {
            self.waiting.remove(position);
        }
    }

    fn take_end(&mut self) -> u64 {
        let end = self.end;
        self.end += 1;
        end
    }
}
