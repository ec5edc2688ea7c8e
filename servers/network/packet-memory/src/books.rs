//! Who holds which buffer.
//!
//! A buffer has a count of holds, and each holder its own counts, of which the buffer's is the sum. Buffers that a device may still write
//! when their holder is gone stay counted, in *quarantine*, until the device is known to be quiet.
//!
//! # Why nobody waits for ever
//!
//! Whoever has received more than it can pass on must still be able to send, and acknowledgments must still arrive. So what a driver takes for its device leaves half of its limit to send from, and what
//! others hold of that a quarter of theirs. Of all buffers a sixteenth is for
//! drivers only, and nothing more of what was received is held when less than twice that is free.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use warren_idl::PacketError;

/// Holds of one buffer, all together.
type Count = u16;

/// Numbers of buffers, which are looked at twice only if something is wrong.
pub trait Indices: DoubleEndedIterator<Item = u32> + ExactSizeIterator + Clone {}

impl<I: DoubleEndedIterator<Item = u32> + ExactSizeIterator + Clone> Indices for I {}

/// All buffers of a packet memory.
#[derive(Debug)]
pub struct Books {
    /// Holds of each buffer.
    counts: Vec<Count>,
    /// Buffers that nobody holds; the last one is used next, for it is the likeliest to be in a cache.
    free: Vec<u32>,
    /// Drivers of each device.
    devices: BTreeMap<u64, Device>,
    holders: u32,
}

/// The drivers that a device has had.
#[derive(Debug, Default)]
struct Device {
    /// How often it was known to be quiet: once for each driver.
    drivers: u64,
    /// What the last one has left behind.
    quarantine: Option<Holder>,
}

/// What one share holds.
#[derive(Debug)]
pub struct Holder {
    /// Holds of each buffer.
    counts: Vec<Count>,
    /// Buffers among them.
    buffers: u32,
    /// Most of them.
    most: u32,
    /// Whether it is a driver's.
    receives: bool,
}

impl Holder {
    /// Most buffers that it may have after it has taken some.
    fn most_taken(&self) -> u32 {
        if self.receives { self.most - self.most / 2 } else { self.most }
    }

    /// Most that it may have after it holds some that others took.
    fn most_held(&self) -> u32 {
        if self.receives { self.most } else { self.most - self.most / 4 }
    }
}

impl Books {
    /// So many buffers, which nobody holds.
    pub fn new(buffers: u32) -> Self {
        let free = (0..buffers).rev().collect();
        let counts = vec![0; buffers as usize];
        Books { counts, free, devices: BTreeMap::new(), holders: 0 }
    }

    /// How many buffers there are.
    pub fn buffers(&self) -> u32 {
        self.counts.len() as u32
    }

    /// Those that nobody holds.
    pub fn free(&self) -> u32 {
        self.free.len() as u32
    }

    /// Those in quarantine; one that two devices may write counts twice.
    pub fn quarantined(&self) -> u32 {
        let left = self.devices.values().filter_map(|device| device.quarantine.as_ref());
        left.map(|holder| holder.buffers).sum()
    }

    /// Holders, those in quarantine not among them.
    pub fn holders(&self) -> u32 {
        self.holders
    }

    /// Somebody who may hold `most` buffers.
    pub fn holder(&mut self, most: u32) -> Holder {
        self.new_holder(most, false)
    }

    /// A driver that may hold `most` buffers.
    pub fn receiver(&mut self, most: u32) -> Holder {
        self.new_holder(most, true)
    }

    fn new_holder(&mut self, most: u32, receives: bool) -> Holder {
        self.holders += 1;
        Holder { counts: vec![0; self.counts.len()], buffers: 0, most, receives }
    }

    /// Buffers that are for drivers only.
    fn reserve(&self) -> usize {
        self.counts.len() / 16
    }

    /// Gives a holder free buffers, as many as `places` and its limit allow; returns how many, at least one.
    pub fn take(
        &mut self,
        holder: &mut Holder,
        places: usize,
        mut each: impl FnMut(u32),
    ) -> Result<u64, PacketError> {
        let may = holder.most_taken().saturating_sub(holder.buffers) as usize;
        if may == 0 {
            return Err(PacketError::Limit);
        }
        let reserve = if holder.receives { 0 } else { self.reserve() };
        let free = self.free.len().saturating_sub(reserve);
        if free == 0 {
            return Err(PacketError::Exhausted);
        }
        let count = places.min(may).min(free);
        for index in self.free.split_off(self.free.len() - count).into_iter().rev() {
            self.counts[index as usize] = 1;
            holder.counts[index as usize] = 1;
            holder.buffers += 1;
            each(index);
        }
        Ok(count as u64)
    }

    /// Lets a holder hold buffers that somebody holds: all of them, or none.
    pub fn hold(&mut self, holder: &mut Holder, indices: impl Indices) -> Result<(), PacketError> {
        for (done, index) in indices.clone().enumerate() {
            if let Err(error) = self.hold_one(holder, index) {
                indices.take(done).for_each(|index| self.give_one(holder, index));
                return Err(error);
            }
        }
        Ok(())
    }

    fn hold_one(&mut self, holder: &mut Holder, index: u32) -> Result<(), PacketError> {
        let is_short = !holder.receives && self.free.len() < 2 * self.reserve();
        let count = self.counts.get_mut(index as usize).filter(|count| **count != 0);
        let count = count.ok_or(PacketError::BadBuffer)?;
        let most = holder.most_held();
        let own = &mut holder.counts[index as usize];
        if *own == 0 && holder.buffers >= most {
            return Err(PacketError::Limit);
        }
        if *own == 0 && is_short {
            return Err(PacketError::Exhausted);
        }
        // The holder's count is no higher.
        *count = count.checked_add(1).ok_or(PacketError::Limit)?;
        holder.buffers += u32::from(*own == 0);
        *own += 1;
        Ok(())
    }

    /// Ends one hold of each of the buffers: all of them, or none.
    pub fn give(&mut self, holder: &mut Holder, indices: impl Indices) -> Result<(), PacketError> {
        for (done, index) in indices.clone().enumerate() {
            if holder.counts.get(index as usize).is_none_or(|own| *own == 0) {
                indices.take(done).rev().for_each(|index| self.give_again(holder, index));
                return Err(PacketError::BadBuffer);
            }
            self.give_one(holder, index);
        }
        Ok(())
    }

    /// Ends a hold that is known to be there.
    fn give_one(&mut self, holder: &mut Holder, index: u32) {
        let own = &mut holder.counts[index as usize];
        *own -= 1;
        holder.buffers -= u32::from(*own == 0);
        self.release(index, 1);
    }

    /// Undoes the last [`Self::give_one`] that is not undone.
    fn give_again(&mut self, holder: &mut Holder, index: u32) {
        let (count, own) = (&mut self.counts[index as usize], &mut holder.counts[index as usize]);
        if *count == 0 {
            self.free.pop();
        }
        holder.buffers += u32::from(*own == 0);
        *count += 1;
        *own += 1;
    }

    /// Ends `holds` of a buffer.
    fn release(&mut self, index: u32, holds: Count) {
        let count = &mut self.counts[index as usize];
        *count -= holds;
        if *count == 0 && holds > 0 {
            self.free.push(index);
        }
    }

    /// Ends all holds of a holder that is gone.
    pub fn end(&mut self, holder: &mut Holder) {
        self.holders -= 1;
        self.end_holds(holder);
    }

    fn end_holds(&mut self, holder: &mut Holder) {
        for (index, own) in (0..).zip(&mut holder.counts) {
            self.release(index, core::mem::take(own));
        }
        holder.buffers = 0;
    }

    /// The device is quiet, for it has a new driver, whose number among them is returned: what the one before has left behind can be used again.
    pub fn new_driver(&mut self, device: u64) -> u64 {
        let device = self.devices.entry(device).or_default();
        device.drivers += 1;
        let number = device.drivers;
        if let Some(mut left) = device.quarantine.take() {
            self.end_holds(&mut left);
        }
        number
    }

    /// Ends a driver of this number. What it held is kept until the device is quiet, unless it was after this driver already: a dead driver may
    /// leave long after the next one has come.
    pub fn end_driver(&mut self, device: u64, number: u64, mut holder: Holder) {
        self.holders -= 1;
        let device = self.devices.entry(device).or_default();
        match device.drivers == number {
            true => device.quarantine = Some(holder),
            false => self.end_holds(&mut holder),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const BUFFERS: u32 = 8;
    const HOLDERS: usize = 3;
    const MOST: u32 = 5;
    /// Most after others have filled them.
    const MOST_RECEIVED: u32 = 4;

    fn take(books: &mut Books, holder: &mut Holder, count: usize) -> Result<Vec<u32>, PacketError> {
        let mut taken = Vec::new();
        books.take(holder, count, |index| taken.push(index)).map(|_| taken)
    }

    #[test]
    fn a_buffer_is_free_when_nobody_holds_it() {
        let mut books = Books::new(2);
        let (mut one, mut other) = (books.holder(2), books.holder(2));
        let taken = take(&mut books, &mut one, 9).unwrap();
        assert_eq!(taken, [0, 1]);
        assert_eq!(take(&mut books, &mut other, 1), Err(PacketError::Exhausted));
        books.hold(&mut other, [0].iter().copied()).unwrap();
        books.give(&mut one, [0, 1].iter().copied()).unwrap();
        assert_eq!(books.free(), 1);
        books.end(&mut other);
        assert_eq!((books.free(), books.holders()), (2, 1));
    }

    #[test]
    fn a_holder_has_a_limit() {
        let mut books = Books::new(8);
        let (mut one, mut other) = (books.holder(2), books.holder(8));
        assert_eq!(take(&mut books, &mut one, 8).unwrap().len(), 2);
        assert_eq!(take(&mut books, &mut one, 1), Err(PacketError::Limit));
        let more = take(&mut books, &mut other, 1).unwrap();
        assert_eq!(books.hold(&mut one, more.iter().copied()), Err(PacketError::Limit));
        // What it has it may hold again.
        books.hold(&mut one, [0, 0, 1].iter().copied()).unwrap();
    }

    #[test]
    fn what_was_received_leaves_room_to_send() {
        let mut books = Books::new(64);
        let (mut driver, mut layer) = (books.receiver(26), books.holder(16));
        let received = take(&mut books, &mut driver, 26).unwrap();
        assert_eq!(received.len(), 13);
        let filled = take(&mut books, &mut layer, 14).unwrap();
        books.hold(&mut driver, filled[..4].iter().copied()).unwrap();
        assert_eq!(books.hold(&mut driver, filled[4..].iter().copied()), Err(PacketError::Limit));
        books.give(&mut layer, filled.iter().copied()).unwrap();
        books.hold(&mut layer, received[..12].iter().copied()).unwrap();
        assert_eq!(
            books.hold(&mut layer, received[12..13].iter().copied()),
            Err(PacketError::Limit)
        );
        assert_eq!(take(&mut books, &mut layer, 9).unwrap().len(), 4);
    }

    #[test]
    fn a_driver_can_receive_whatever_others_hold() {
        let mut books = Books::new(64);
        let (mut driver, mut layers) = (books.receiver(32), [books.holder(64), books.holder(64)]);
        let received = take(&mut books, &mut driver, 8).unwrap();
        assert_eq!(take(&mut books, &mut layers[0], 50).unwrap().len(), 50);
        // Six are free, of which four are the drivers'.
        assert_eq!(
            books.hold(&mut layers[1], received[..1].iter().copied()),
            Err(PacketError::Exhausted)
        );
        assert_eq!(take(&mut books, &mut layers[1], 9).unwrap().len(), 2);
        assert_eq!(take(&mut books, &mut layers[1], 1), Err(PacketError::Exhausted));
        assert_eq!(take(&mut books, &mut driver, 9).unwrap().len(), 4);
    }

    #[test]
    fn what_a_device_may_write_stays_out_of_use_until_it_is_quiet() {
        let mut books = Books::new(4);
        let (number, mut driver) = (books.new_driver(7), books.holder(4));
        take(&mut books, &mut driver, 3).unwrap();
        books.end_driver(7, number, driver);
        assert_eq!((books.free(), books.quarantined(), books.holders()), (1, 3, 0));
        books.new_driver(8);
        assert_eq!(books.free(), 1, "another device");
        books.new_driver(7);
        assert_eq!((books.free(), books.quarantined()), (4, 0));
    }

    #[test]
    fn a_driver_that_leaves_after_the_next_one_has_come_leaves_nothing_behind() {
        let mut books = Books::new(4);
        let (number, mut driver) = (books.new_driver(7), books.holder(4));
        take(&mut books, &mut driver, 3).unwrap();
        books.new_driver(7);
        assert_eq!((books.free(), books.quarantined()), (1, 0));
        books.end_driver(7, number, driver);
        assert_eq!((books.free(), books.quarantined()), (4, 0));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(usize, usize),
        Hold(usize, Vec<u32>),
        Give(usize, Vec<u32>),
        End(usize),
        Quarantine(usize),
        Quiet,
    }

    fn step() -> impl Strategy<Value = Step> {
        let indices = || prop::collection::vec(0..BUFFERS + 1, 0..6);
        prop_oneof![
            (0..HOLDERS, 1usize..5).prop_map(|(who, count)| Step::Take(who, count)),
            (0..HOLDERS, indices()).prop_map(|(who, indices)| Step::Hold(who, indices)),
            (0..HOLDERS, indices()).prop_map(|(who, indices)| Step::Give(who, indices)),
            (0..HOLDERS).prop_map(Step::End),
            (0..HOLDERS).prop_map(Step::Quarantine),
            Just(Step::Quiet),
        ]
    }

    /// Holds of each buffer by each holder, the quarantine being the last one.
    type Model = [[u32; BUFFERS as usize]; HOLDERS + 1];

    fn held(model: &Model, index: usize) -> u32 {
        model.iter().map(|counts| counts[index]).sum()
    }

    proptest! {
        /// Against a table of who holds what. Whatever is refused has changed nothing.
        #[test]
        fn the_books_are_a_table(steps in prop::collection::vec(step(), 0..60)) {
            let mut books = Books::new(BUFFERS);
            let mut holders: Vec<Holder> = (0..HOLDERS).map(|_| books.holder(MOST)).collect();
            let mut model: Model = Default::default();
            for step in steps {
                match step {
                    Step::Take(who, count) => {
                        if let Ok(taken) = take(&mut books, &mut holders[who], count) {
                            prop_assert!(!taken.is_empty() && taken.len() <= count);
                            for index in taken {
                                prop_assert_eq!(held(&model, index as usize), 0);
                                model[who][index as usize] = 1;
                            }
                        } else {
                            let own = model[who].iter().filter(|count| **count > 0).count() as u32;
                            prop_assert!(own == MOST || books.free() == 0);
                        }
                    }
                    Step::Hold(who, indices) => {
                        let mut after = model;
                        let mut right = true;
                        for index in &indices {
                            right &= *index < BUFFERS && held(&model, *index as usize) > 0;
                            let own = after[who].iter().filter(|count| **count > 0).count() as u32;
                            right &= own < MOST_RECEIVED || after[who].get(*index as usize).is_some_and(|count| *count > 0);
                            if right { after[who][*index as usize] += 1; }
                        }
                        prop_assert_eq!(books.hold(&mut holders[who], indices.iter().copied()).is_ok(), right);
                        if right { model = after; }
                    }
                    Step::Give(who, indices) => {
                        let mut after = model;
                        let right = indices.iter().all(|index| {
                            after[who].get_mut(*index as usize).is_some_and(|count| {
                                let one = *count > 0;
                                *count = count.saturating_sub(1);
                                one
                            })
                        });
                        prop_assert_eq!(books.give(&mut holders[who], indices.iter().copied()).is_ok(), right);
                        if right { model = after; }
                    }
                    Step::End(who) => {
                        books.end(&mut holders[who]);
                        holders[who] = books.holder(MOST);
                        model[who] = Default::default();
                    }
                    Step::Quarantine(who) => {
                        // The holder before it, if there is one, was the same device's.
                        let number = books.new_driver(1);
                        let fresh = books.holder(MOST);
                        books.end_driver(1, number, core::mem::replace(&mut holders[who], fresh));
                        model[HOLDERS] = core::mem::take(&mut model[who]);
                    }
                    Step::Quiet => {
                        books.new_driver(1);
                        model[HOLDERS] = Default::default();
                    }
                }
                let free = (0..BUFFERS as usize).filter(|index| held(&model, *index) == 0).count();
                prop_assert_eq!(books.free() as usize, free);
                prop_assert_eq!(books.holders() as usize, HOLDERS);
            }
        }
    }
}
