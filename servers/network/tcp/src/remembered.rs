//! Connections that there are, where this server's next life finds them.
//!
//! Who dies tells nobody. The other side of a connection hears that nobody knows it when it next sends something; but if it only waits for bytes it would
//! wait for ever. So the next life asks each of them where it stands ([`crate::farewell`]).
//!
//! A connection stands at one of a few places, by its addresses and ports. What is read after a death may be anything: what is no connection is passed over.

use alloc::vec::Vec;

use warren_idl::Address;
use warren_packets::{Bytes, network::is_station};
use warren_tcp::Flow;

/// Bytes of an entry: this side's address, the other one's, this side's port, the other one's, and a mark.
const ENTRY_BYTES: usize = MARK + size_of::<u32>();
/// Where the mark stands, which tells whether the entry is whole; 0 if it is free.
const MARK: usize = 36;
/// Places at which a connection may stand, one behind the other.
const PLACES: usize = 8;

type Entry = [u8; ENTRY_BYTES];

/// Connections that there are; none if there is no memory for them.
pub struct Remembered<M> {
    memory: Option<M>,
}

impl<M: Bytes> Remembered<M> {
    /// Those in this memory.
    pub fn new(memory: Option<M>) -> Self {
        Remembered { memory }
    }

    /// Notes a connection. If others have its places, nobody will be told of it.
    pub fn note(&self, flow: &Flow) {
        let entry = encode(flow);
        let free = self.places(&entry).find(|(memory, at)| mark(*memory, *at) == 0);
        if let Some((memory, at)) = free {
            memory.copy_in(at, &entry);
        }
    }

    /// Forgets a connection.
    pub fn forget(&self, flow: &Flow) {
        if let Some((memory, at)) = self.find(flow) {
            clear(memory, at);
        }
    }

    /// Whether it knows a connection.
    pub fn knows(&self, flow: &Flow) -> bool {
        self.find(flow).is_some()
    }

    /// Takes those out that were left there.
    pub fn take(&self) -> Vec<Flow> {
        let Some(memory) = &self.memory else { return Vec::new() };
        let all = (0..memory.len() / ENTRY_BYTES).map(|place| place * ENTRY_BYTES);
        let taken = all.filter(|at| mark(memory, *at) != 0);
        taken
            .filter_map(|at| {
                let entry = read(memory, at);
                clear(memory, at);
                decode(&entry)
            })
            .collect()
    }

    fn find(&self, flow: &Flow) -> Option<(&M, usize)> {
        let entry = encode(flow);
        self.places(&entry).find(|(memory, at)| read(*memory, *at) == entry)
    }

    /// Where an entry may stand.
    fn places(&self, entry: &Entry) -> impl Iterator<Item = (&M, usize)> {
        let [.., a, b, c, d] = *entry;
        let first = u32::from_ne_bytes([a, b, c, d]) as usize;
        self.memory.iter().flat_map(move |memory| {
            let count = memory.len() / ENTRY_BYTES;
            (0..PLACES.min(count))
                .map(move |step| (memory, (first / 2 + step) % count * ENTRY_BYTES))
        })
    }
}

fn read(memory: &impl Bytes, at: usize) -> Entry {
    let mut entry = [0; ENTRY_BYTES];
    memory.copy_out(at, &mut entry);
    entry
}

fn mark(memory: &impl Bytes, at: usize) -> u32 {
    let mut mark = [0; ENTRY_BYTES - MARK];
    memory.copy_out(at + MARK, &mut mark);
    u32::from_ne_bytes(mark)
}

/// Makes the place free.
fn clear(memory: &impl Bytes, at: usize) {
    memory.copy_in(at + MARK, &[0; ENTRY_BYTES - MARK]);
}

fn encode(flow: &Flow) -> Entry {
    let mut entry = [0; ENTRY_BYTES];
    entry[..16].copy_from_slice(&Address::from(flow.local).bytes);
    entry[16..32].copy_from_slice(&Address::from(flow.remote).bytes);
    entry[32..34].copy_from_slice(&flow.local_port.to_ne_bytes());
    entry[34..MARK].copy_from_slice(&flow.remote_port.to_ne_bytes());
    let mark = mark_of(&entry);
    entry[MARK..].copy_from_slice(&mark.to_ne_bytes());
    entry
}

/// What an entry says; `None` if it is free, or is none.
fn decode(entry: &Entry) -> Option<Flow> {
    let (local, rest) = entry.split_first_chunk::<16>()?;
    let (remote, rest) = rest.split_first_chunk::<16>()?;
    let [a, b, c, d, mark @ ..] = *rest.first_chunk::<8>()?;
    let [local, remote] = [local, remote].map(|bytes| Address { bytes: *bytes });
    let ports = [u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d])];
    let is_one = u32::from_ne_bytes(mark) == mark_of(entry)
        && is_station(&local)
        && is_station(&remote)
        && !ports.contains(&0);
    let [local_port, remote_port] = ports;
    is_one.then(|| Flow { local: local.ip(), remote: remote.ip(), local_port, remote_port })
}

/// The mark of an entry, which is never 0: by all that stands before it, so that no other entry is likely to have it.
fn mark_of(entry: &Entry) -> u32 {
    let (words, _) = entry[..MARK].as_chunks();
    let mix = |mark: u32, word: &[u8; 4]| {
        (mark ^ u32::from_ne_bytes(*word)).wrapping_mul(0x9e37_79b1).rotate_left(15)
    };
    words.iter().fold(1, mix) | 1
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, vec::Vec};

    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    fn flow(number: u16) -> Flow {
        let station = |last: u16| Address::v4(0x0a00_0000 | u32::from(last)).ip();
        Flow {
            local: station(15),
            remote: station(2 + number % 7),
            local_port: 80,
            remote_port: 1024 + number,
        }
    }

    #[test]
    fn without_memory_nothing_is_known() {
        let none = Remembered::<Plain>::new(None);
        none.note(&flow(1));
        assert!(!none.knows(&flow(1)) && none.take().is_empty());
    }

    #[test]
    fn the_next_life_finds_what_the_last_one_left() {
        let remembered = Remembered::new(Some(Plain::new(1)));
        (1..=4).for_each(|number| remembered.note(&flow(number)));
        remembered.forget(&flow(3));
        let next = Remembered::new(remembered.memory);
        let left: HashSet<Flow> = next.take().into_iter().collect();
        assert_eq!(left, [1, 2, 4].map(flow).into());
        assert!(next.take().is_empty() && !next.knows(&flow(1)));
    }

    proptest! {
        #[test]
        fn those_are_known_that_there_are(steps in prop::collection::vec((any::<bool>(), 0..400u16), 0..600)) {
            let remembered = Remembered::new(Some(Plain::new(2)));
            let mut held = HashSet::new();
            for (opens, number) in steps {
                let flow = flow(number);
                if opens && held.insert(flow) {
                    remembered.note(&flow);
                }
                if !opens && held.remove(&flow) {
                    remembered.forget(&flow);
                }
                prop_assert!(!remembered.knows(&flow) || held.contains(&flow));
            }
            let known = held.iter().filter(|flow| remembered.knows(flow)).count();
            let left = remembered.take();
            prop_assert_eq!(left.len(), known);
            prop_assert!(left.iter().all(|flow| held.contains(flow)));
            // There are twice as many places as connections at most.
            prop_assert!(known * 20 >= held.len() * 19 || held.len() > 100);
        }

        #[test]
        fn whatever_was_left_there_only_connections_are_found(bytes in prop::collection::vec(any::<u8>(), 4096), number: u16) {
            let memory = Plain::new(1);
            memory.copy_in(0, &bytes);
            let found: Vec<Flow> = Remembered::new(Some(memory)).take();
            prop_assert!(found.len() <= 1, "chance alone makes none");
            let memory = Plain::new(1);
            let remembered = Remembered::new(Some(memory));
            remembered.note(&flow(number % 60_000));
            prop_assert_eq!(remembered.take(), [flow(number % 60_000)]);
        }
    }
}
