//! What name servers have said.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use warren_idl::Address;

use crate::message::Name;

/// Most names that are remembered.
const MOST_NAMES: usize = 256;
/// For how long at most (RFC 8767, section 4, lets it be less than what a server says).
const MOST_TIME: Duration = Duration::from_hours(24);

/// Addresses of names, until they are no good any more.
#[derive(Debug, Default)]
pub struct Cache {
    all: BTreeMap<Name, Entry>,
}

#[derive(Debug)]
struct Entry {
    addresses: Vec<Address>,
    until_ns: u64,
}

impl Cache {
    /// The addresses of a name, if they are known.
    pub fn get(&self, name: &Name, now_ns: u64) -> Option<&[Address]> {
        let entry = self.all.get(name).filter(|entry| now_ns < entry.until_ns)?;
        Some(&entry.addresses)
    }

    /// Remembers the addresses of a name. Where there is no room, that is forgotten which would be first.
    pub fn add(&mut self, name: Name, addresses: Vec<Address>, time: Duration, now_ns: u64) {
        self.all.retain(|_, entry| now_ns < entry.until_ns);
        if self.all.len() >= MOST_NAMES {
            let first = self.all.iter().min_by_key(|(_, entry)| entry.until_ns);
            if let Some(first) = first.map(|(name, _)| name.clone()) {
                self.all.remove(&first);
            }
        }
        let until_ns = now_ns.saturating_add(time.min(MOST_TIME).as_nanos() as u64);
        self.all.insert(name, Entry { addresses, until_ns });
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;

    #[test]
    fn what_was_said_is_good_for_as_long_as_was_said() {
        let mut cache = Cache::default();
        let name = Name::parse("a").unwrap();
        cache.add(name.clone(), vec![Address::v4(1)], Duration::from_secs(1), 5);
        assert_eq!(cache.get(&name, 1_000_000_004), Some(&[Address::v4(1)][..]));
        assert_eq!(cache.get(&name, 1_000_000_005), None);
        cache.add(name.clone(), vec![Address::v4(1)], Duration::MAX, 0);
        assert_eq!(cache.get(&name, MOST_TIME.as_nanos() as u64), None);
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut cache = Cache::default();
        let name = |number: u64| Name::parse(&format!("n{number}")).unwrap();
        for number in 0..300 {
            cache.add(name(number), vec![Address::v4(1)], Duration::from_secs(100 + number), 0);
        }
        assert_eq!(cache.all.len(), MOST_NAMES);
        assert_eq!(
            (cache.get(&name(43), 0), cache.get(&name(44), 0)),
            (None, Some(&[Address::v4(1)][..]))
        );
    }
}
