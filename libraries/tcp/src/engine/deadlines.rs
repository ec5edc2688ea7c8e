//! Who is to be woken when: a heap, in which each connection stands at most once.
//!
//! A deadline that moves back is left where it is: whoever comes to it finds that there is nothing to do, and puts it in again. So the
//! usual case, that an acknowledgment moves a deadline back, costs a compare.

use alloc::vec::Vec;

use crate::time::NEVER_NS;

const ABSENT: u32 = u32::MAX;

/// Deadlines of connections, which are named by their slots.
#[derive(Debug, Default)]
pub struct Deadlines {
    /// A heap with the earliest one first.
    heap: Vec<(u64, u32)>,
    /// For each slot its place in the heap.
    places: Vec<u32>,
}

impl Deadlines {
    /// The earliest deadline, which may have moved back since.
    pub fn first_ns(&self) -> Option<u64> {
        self.heap.first().map(|(at_ns, _)| *at_ns)
    }

    /// Notes a deadline, if it ever comes. One that is noted already only moves forward.
    pub fn set(&mut self, slot: u32, at_ns: u64) {
        if at_ns == NEVER_NS {
            return;
        }
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, ABSENT);
        }
        match self.places[index] {
            ABSENT => {
                self.heap.push((at_ns, slot));
                self.rise(self.heap.len() - 1);
            }
            place => {
                let place = place as usize;
                if at_ns < self.heap[place].0 {
                    self.heap[place].0 = at_ns;
                    self.rise(place);
                }
            }
        }
    }

    /// Takes one out that has come.
    pub fn take(&mut self, now_ns: u64) -> Option<u32> {
        let &(at_ns, slot) = self.heap.first()?;
        if at_ns > now_ns {
            return None;
        }
        self.remove(slot);
        Some(slot)
    }

    /// Forgets a slot's one.
    pub fn remove(&mut self, slot: u32) {
        let Some(place) = self.places.get_mut(slot as usize) else { return };
        let place = core::mem::replace(place, ABSENT);
        if place == ABSENT {
            return;
        }
        let place = place as usize;
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.settle(place);
        }
    }

    /// The one at `place` came from the end: it goes to where it belongs.
    fn settle(&mut self, mut place: usize) {
        self.note(place);
        loop {
            let left = 2 * place + 1;
            let Some(least) =
                (left..self.heap.len().min(left + 2)).min_by_key(|child| self.heap[*child])
            else {
                break;
            };
            if self.heap[place] <= self.heap[least] {
                break;
            }
            self.heap.swap(place, least);
            self.note(place);
            place = least;
        }
        self.rise(place);
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.heap[place] < self.heap[(place - 1) / 2] {
            let parent = (place - 1) / 2;
            self.heap.swap(place, parent);
            self.note(place);
            place = parent;
        }
        self.note(place);
    }

    fn note(&mut self, place: usize) {
        let (_, slot) = self.heap[place];
        self.places[slot as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn deadlines_come_in_order_and_once(
            events in prop::collection::vec((0..4u8, 0..20u32, 0..1000u64), 1..200)
        ) {
            let mut deadlines = Deadlines::default();
            let mut expected = BTreeMap::new();
            for (event, slot, at_ns) in events {
                match event {
                    0 | 1 => {
                        deadlines.set(slot, at_ns);
                        expected.entry(slot).and_modify(|old: &mut u64| *old = at_ns.min(*old)).or_insert(at_ns);
                    }
                    2 => {
                        deadlines.remove(slot);
                        expected.remove(&slot);
                    }
                    _ => if let Some(slot) = deadlines.take(at_ns) {
                        let came = expected.remove(&slot);
                        prop_assert!(came.is_some_and(|came| came <= at_ns));
                        prop_assert!(expected.values().all(|other| Some(*other) >= came));
                    } else {
                        prop_assert!(expected.values().all(|other| *other > at_ns));
                    }
                }
                prop_assert_eq!(deadlines.first_ns(), expected.values().min().copied());
            }
        }
    }
}
