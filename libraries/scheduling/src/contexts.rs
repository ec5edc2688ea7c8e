//! The contexts that a scheduler is responsible for.

use alloc::vec::Vec;

use crate::Slot;

/// Whether a context can be dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It can, and the policy knows.
    Ready,
    /// It can, but the policy is not to choose it now.
    Aside,
    /// It cannot.
    Blocked,
}

/// The table of contexts.
#[derive(Debug, Default)]
pub struct Contexts {
    /// The processor's numbers, ascending, with the slots.
    slots: Vec<(u64, Slot)>,
    /// One for each slot.
    records: Vec<Record>,
    /// Slots of contexts that are gone.
    free: Vec<Slot>,
}

#[derive(Debug)]
struct Record {
    number: u64,
    state: State,
}

impl Contexts {
    /// The slot of the context with this number.
    pub fn find(&self, number: u64) -> Option<Slot> {
        Some(self.slots[self.position(number).ok()?].1)
    }

    /// Takes up a context, which is blocked, unless it is there already.
    pub fn add(&mut self, number: u64) -> Slot {
        let position = match self.position(number) {
            Ok(position) => return self.slots[position].1,
            Err(position) => position,
        };
        let record = Record { number, state: State::Blocked };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.records[slot.0] = record;
                slot
            }
            None => {
                self.records.push(record);
                Slot(self.records.len() - 1)
            }
        };
        self.slots.insert(position, (number, slot));
        slot
    }

    /// Frees the slot of a context.
    pub fn remove(&mut self, slot: Slot) {
        if let Ok(position) = self.position(self.number(slot)) {
            self.slots.remove(position);
            self.free.push(slot);
        }
    }

    /// The processor's number for a context.
    pub fn number(&self, slot: Slot) -> u64 {
        self.records[slot.0].number
    }

    /// Whether the context can be dispatched.
    pub fn state(&self, slot: Slot) -> State {
        self.records[slot.0].state
    }

    /// Notes whether the context can be dispatched.
    pub fn set_state(&mut self, slot: Slot, state: State) {
        self.records[slot.0].state = state;
    }

    fn position(&self, number: u64) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&number, |(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_found_by_its_number_until_it_is_removed() {
        let mut contexts = Contexts::default();
        let numbers = [u64::MAX, 1, 7, 3];
        let slots = numbers.map(|number| contexts.add(number));
        assert_eq!(slots, [0, 1, 2, 3].map(Slot));
        for (number, slot) in numbers.into_iter().zip(slots) {
            assert_eq!((contexts.find(number), contexts.number(slot)), (Some(slot), number));
        }
        contexts.remove(slots[1]);
        assert_eq!(contexts.find(1), None);
        assert_eq!(contexts.find(7), Some(slots[2]));
    }

    #[test]
    fn a_free_slot_is_used_again() {
        let mut contexts = Contexts::default();
        let slots = [5, 6].map(|number| contexts.add(number));
        contexts.set_state(slots[0], State::Ready);
        contexts.remove(slots[0]);
        assert_eq!(contexts.add(9), slots[0]);
        assert_eq!(contexts.state(slots[0]), State::Blocked);
        assert_eq!(contexts.add(9), slots[0], "it is there already");
        assert_eq!(contexts.add(10), Slot(2));
    }
}
