//! The records that a call carries.

use alloc::vec::Vec;

use warren_idl::{BATCH, Packet};
use zerocopy::{IntoBytes, transmute};

use crate::buffers::Bad;

/// Up to [`BATCH`] records, in the order in which they travel.
///
/// They lie on the heap: most batches have few of them, and one that lies on the stack is filled and copied at full length.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    records: Vec<Packet>,
}

impl Batch {
    /// No records.
    pub const fn new() -> Self {
        Batch { records: Vec::new() }
    }

    /// The records that a call has carried.
    ///
    /// # Errors
    ///
    /// They are too many, or not whole, or the last packet's are not all there.
    pub fn read(bytes: &[u8]) -> Result<Self, Bad> {
        let count = bytes.len() / size_of::<Packet>();
        if count > BATCH || !bytes.len().is_multiple_of(size_of::<Packet>()) {
            return Err(Bad);
        }
        let mut records: Vec<Packet> = Vec::new();
        records.try_reserve_exact(count).map_err(|_| Bad)?;
        let (whole, _) = bytes.as_chunks::<{ size_of::<Packet>() }>();
        records.extend(whole.iter().map(|record| -> Packet { transmute!(*record) }));
        let mut at = 0;
        while let Some(first) = records.get(at) {
            at += 1 + usize::from(first.more);
        }
        if at == count { Ok(Batch { records }) } else { Err(Bad) }
    }

    /// Packets whose records lie one behind the other, in as few batches as they fit into.
    ///
    /// # Errors
    ///
    /// The last packet's records are not all there, or one has more than a batch.
    pub fn split(mut records: &[Packet]) -> Result<Vec<Self>, Bad> {
        let (mut all, mut batch) = (Vec::new(), Batch::new());
        while let [first, ..] = records {
            let pieces = 1 + usize::from(first.more);
            let (packet, behind) = records.split_at_checked(pieces).ok_or(Bad)?;
            if batch.room() < pieces {
                all.push(core::mem::take(&mut batch));
            }
            batch.push_packet(packet)?;
            records = behind;
        }
        if !batch.is_empty() {
            all.push(batch);
        }
        Ok(all)
    }

    /// The records as a call carries them.
    pub fn as_bytes(&self) -> &[u8] {
        self.records.as_bytes()
    }

    /// The records.
    pub fn records(&self) -> &[Packet] {
        &self.records
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many more there is room for.
    pub fn room(&self) -> usize {
        BATCH - self.records.len()
    }

    /// Makes room on the heap for so many more records at once, as far as a batch can have them.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub fn reserve(&mut self, count: usize) -> Result<(), Bad> {
        self.records.try_reserve_exact(count.min(self.room())).map_err(|_| Bad)
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// There is no room.
    pub fn push(&mut self, record: Packet) -> Result<(), Bad> {
        self.push_packet(&[record])
    }

    /// Adds all records of a packet, or none.
    ///
    /// # Errors
    ///
    /// There is no room.
    pub fn push_packet(&mut self, pieces: &[Packet]) -> Result<(), Bad> {
        if pieces.len() > self.room() || self.records.try_reserve(pieces.len()).is_err() {
            return Err(Bad);
        }
        self.records.extend_from_slice(pieces);
        Ok(())
    }

    /// The first record.
    pub fn first_mut(&mut self) -> Option<&mut Packet> {
        self.records.first_mut()
    }

    /// The packets: each is its first record and those that follow it.
    pub fn packets(&self) -> impl Iterator<Item = &[Packet]> {
        let mut rest = self.records();
        core::iter::from_fn(move || {
            let pieces = 1 + usize::from(rest.first()?.more);
            let (packet, behind) = rest.split_at_checked(pieces)?;
            rest = behind;
            Some(packet)
        })
    }

    /// Goes through the packets and keeps those for which `keep` says so, whose first record it may change.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut Packet, &[Packet]) -> bool) {
        let (mut from, mut to) = (0, 0);
        let count = self.records.len();
        while from < count {
            let pieces = (1 + usize::from(self.records[from].more)).min(count - from);
            let (first, others) = self.records[from..from + pieces].split_at_mut(1);
            if keep(&mut first[0], others) {
                if to < from {
                    self.records.copy_within(from..from + pieces, to);
                }
                to += pieces;
            }
            from += pieces;
        }
        self.records.truncate(to);
    }

    /// The same with a `keep` that can fail, and is not asked any more after that.
    ///
    /// # Errors
    ///
    /// That of `keep`; what is left of the batch is of no use then.
    pub fn try_retain<E>(
        &mut self,
        mut keep: impl FnMut(&mut Packet, &[Packet]) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut all = Ok(());
        self.retain(|first, others| {
            let kept = if all.is_ok() { keep(first, others) } else { Ok(false) };
            kept.unwrap_or_else(|error| {
                all = Err(error);
                false
            })
        });
        all
    }

    /// Keeps the packets whose protocol `protocol` says, and returns the protocols.
    pub fn sort(
        &mut self,
        mut protocol: impl FnMut(&mut Packet, &[Packet]) -> Option<u16>,
    ) -> Protocols {
        let mut protocols = Protocols { all: [0; BATCH], count: 0 };
        self.retain(|first, others| {
            let known = protocol(first, others);
            if let Some(known) = known {
                protocols.all[protocols.count] = known;
                protocols.count += 1;
            }
            known.is_some()
        });
        protocols
    }
}

/// The protocols of a batch's packets, one for each.
pub struct Protocols {
    all: [u16; BATCH],
    count: usize,
}

impl Protocols {
    /// In the order of the packets.
    pub fn as_slice(&self) -> &[u16] {
        &self.all[..self.count]
    }
}

/// Bytes of a packet.
pub fn length(pieces: &[Packet]) -> usize {
    pieces.iter().map(|piece| usize::from(piece.bytes)).sum()
}

/// A packet's records together.
pub fn whole(first: &Packet, others: &[Packet]) -> Vec<Packet> {
    let mut pieces = Vec::with_capacity(1 + others.len());
    pieces.push(*first);
    pieces.extend_from_slice(others);
    pieces
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    fn of_pieces(pieces: &[u16]) -> Batch {
        let mut batch = Batch::new();
        for (number, count) in (0..).zip(pieces) {
            for more in (0..*count).rev() {
                batch.push(Packet { buffer: number, more, ..Packet::default() }).unwrap();
            }
        }
        batch
    }

    #[test]
    fn a_batch_is_the_same_after_a_call() {
        let batch = of_pieces(&[1, 3, 2]);
        let read = Batch::read(batch.as_bytes()).unwrap();
        assert_eq!(read.records(), batch.records());
        assert_eq!(read.packets().map(<[Packet]>::len).collect::<Vec<_>>(), [1, 3, 2]);
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let whole = of_pieces(&[1, 3]);
        let bytes = whole.as_bytes();
        assert!(Batch::read(&bytes[..bytes.len() - 1]).is_err(), "half a record");
        assert!(Batch::read(&bytes[..3 * size_of::<Packet>()]).is_err(), "a piece is missing");
        let many = vec![0; (BATCH + 1) * size_of::<Packet>()];
        assert!(Batch::read(&many).is_err(), "too many");
        assert!(Batch::read(&many[..BATCH * size_of::<Packet>()]).is_ok());
    }

    #[test]
    fn many_packets_are_split_between_them() {
        let most = BATCH as u16;
        let records = [of_pieces(&[1, 3]), of_pieces(&[most - 3]), of_pieces(&[2, 1])];
        let records: Vec<Packet> = records.iter().flat_map(|it| it.records().to_vec()).collect();
        let batches = Batch::split(&records).unwrap();
        let lengths = |batch: &Batch| batch.packets().map(<[Packet]>::len).collect::<Vec<_>>();
        let all: Vec<_> = batches.iter().map(lengths).collect();
        assert_eq!(all, [vec![1, 3], vec![BATCH - 3, 2, 1]]);
        assert!(batches.iter().flat_map(Batch::records).eq(&records));
        assert!(Batch::split(&records[..records.len() - 2]).is_err(), "a piece is missing");
        assert!(Batch::split(&[Packet { more: most, ..Packet::default() }; BATCH + 1]).is_err());
        assert_eq!(Batch::split(&[]).unwrap().len(), 0);
    }

    #[test]
    fn packets_are_taken_out_whole() {
        let mut batch = of_pieces(&[1, 3, 2, 1]);
        batch.retain(|first, others| {
            first.offset = 7;
            others.len() != 2
        });
        let left: Vec<_> = batch.packets().map(|packet| (packet[0].buffer, packet.len())).collect();
        assert_eq!(left, [(0, 1), (2, 2), (3, 1)]);
        assert!(batch.packets().all(|packet| packet[0].offset == 7));
    }

    #[test]
    fn nothing_is_asked_for_after_a_failure() {
        let mut batch = of_pieces(&[1, 3, 2, 1]);
        let kept = batch.try_retain(|first, _| Ok::<_, u32>(first.buffer != 2));
        assert_eq!((kept, batch.packets().count()), (Ok(()), 3));
        let mut asked = 0;
        let failed = batch.try_retain(|first, _| {
            asked += 1;
            if first.buffer == 1 { Err(first.buffer) } else { Ok(true) }
        });
        assert_eq!((failed, asked), (Err(1), 2));
    }

    #[test]
    fn packets_are_kept_with_their_protocols() {
        let mut batch = of_pieces(&[1, 3, 2, 1]);
        let mut all = Vec::new();
        let protocols = batch.sort(|first, others| {
            all.push(whole(first, others));
            (others.len() != 2).then_some(first.buffer as u16 + 10)
        });
        assert_eq!(protocols.as_slice(), [10, 12, 13]);
        assert_eq!(batch.packets().map(<[Packet]>::len).collect::<Vec<_>>(), [1, 2, 1]);
        assert_eq!(all.concat(), of_pieces(&[1, 3, 2, 1]).records());
    }

    proptest! {
        #[test]
        fn whatever_was_read_is_walked_through_whole(bytes in prop::collection::vec(0u8..3, 0..1400)) {
            if let Ok(batch) = Batch::read(&bytes) {
                let walked: usize = batch.packets().map(<[Packet]>::len).sum();
                prop_assert_eq!(walked, batch.records().len());
            }
        }
    }
}
