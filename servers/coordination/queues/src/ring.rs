//! A queue of records in memory of its own, which is never more than it was at the start.

use alloc::{boxed::Box, vec::Vec};

/// Records of one length, oldest first.
///
/// R1: `first` is below the capacity, and `count` at most that. R2: the memory has room for the capacity.
#[derive(Debug)]
pub struct Ring {
    memory: Box<[u8]>,
    record_bytes: usize,
    first: usize,
    count: usize,
}

impl Ring {
    /// An empty one with room for `capacity` records of `record_bytes`. `None` if either is 0, or there is not that much memory.
    pub fn new(capacity: usize, record_bytes: usize) -> Option<Self> {
        let bytes = capacity.checked_mul(record_bytes).filter(|bytes| *bytes != 0)?;
        let mut memory = Vec::new();
        memory.try_reserve_exact(bytes).ok()?;
        memory.resize(bytes, 0);
        Some(Ring { memory: memory.into_boxed_slice(), record_bytes, first: 0, count: 0 })
    }

    /// Bytes of a record.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.count == self.capacity()
    }

    fn capacity(&self) -> usize {
        self.memory.len() / self.record_bytes
    }

    /// The place of the record that is `index` behind the first.
    fn place(&self, index: usize) -> core::ops::Range<usize> {
        let place = (self.first + index) % self.capacity() * self.record_bytes;
        place..place + self.record_bytes
    }

    /// Puts in as many of the records as there is room for; returns how many.
    pub fn put(&mut self, records: &[u8]) -> usize {
        let room = self.capacity() - self.count;
        let taken = records.chunks_exact(self.record_bytes).take(room);
        let before = self.count;
        for record in taken {
            let place = self.place(self.count);
            self.memory[place].copy_from_slice(record);
            self.count += 1;
        }
        self.count - before
    }

    /// Takes out the oldest records, as many as `most`, one by one; returns how many.
    pub fn take(&mut self, most: usize, mut each: impl FnMut(&[u8])) -> usize {
        let taken = most.min(self.count);
        for _ in 0..taken {
            each(&self.memory[self.place(0)]);
            self.first = (self.first + 1) % self.capacity();
            self.count -= 1;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, vec::Vec};

    use proptest::prelude::*;

    use super::Ring;

    #[test]
    fn a_ring_without_room_is_none() {
        assert!(Ring::new(0, 8).is_none());
        assert!(Ring::new(8, 0).is_none());
        assert!(Ring::new(usize::MAX, 2).is_none());
        assert!(Ring::new(usize::MAX, 1).is_none());
    }

    proptest! {
        /// Each step puts so many bytes' records in, or takes so many out.
        #[test]
        fn a_ring_is_a_queue(
            capacity in 1usize..9,
            record_bytes in 1usize..5,
            steps in prop::collection::vec((any::<bool>(), 0usize..12), 0..60),
        ) {
            let mut ring = Ring::new(capacity, record_bytes).unwrap();
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            let mut next = 0u8;
            for (put, count) in steps {
                if put {
                    let records: Vec<u8> = (0..count * record_bytes).map(|_| { next = next.wrapping_add(1); next }).collect();
                    let done = ring.put(&records);
                    prop_assert_eq!(done, count.min(capacity - model.len()));
                    model.extend(records.chunks(record_bytes).take(done).map(<[u8]>::to_vec));
                } else {
                    let mut taken = Vec::new();
                    let done = ring.take(count, |record| taken.push(record.to_vec()));
                    let expected: Vec<_> = model.drain(..count.min(model.len())).collect();
                    prop_assert_eq!(done, expected.len());
                    prop_assert_eq!(taken, expected);
                }
                prop_assert_eq!(ring.len(), model.len());
            }
        }
    }
}
