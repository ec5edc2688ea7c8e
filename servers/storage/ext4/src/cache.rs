//! What was needed lately and may be needed again.

use alloc::collections::{BTreeMap, VecDeque};
use core::borrow::Borrow;

/// Values by keys. What came first goes first.
#[derive(Debug)]
pub struct Cache<K, V> {
    values: BTreeMap<K, V>,
    order: VecDeque<K>,
    most: usize,
}

impl<K: Ord + Clone, V> Cache<K, V> {
    /// An empty one with room for `most` values.
    pub fn new(most: usize) -> Self {
        Cache { values: BTreeMap::new(), order: VecDeque::new(), most }
    }

    /// What is there.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(key)
    }

    /// What is there from a key on, in the order of keys.
    pub fn from(&self, first: K) -> impl Iterator<Item = (&K, &V)> {
        self.values.range(first..)
    }

    /// Adds a value, unless there is one with this key already.
    pub fn insert(&mut self, key: K, value: V) {
        if self.most == 0 || self.values.contains_key(&key) {
            return;
        }
        if self.order.len() == self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.values.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn what_came_first_makes_room() {
        let mut cache = Cache::new(2);
        for key in [1, 2, 1, 3] {
            cache.insert(key, key * 10);
        }
        assert_eq!([1, 2, 3].map(|key| cache.get(&key).copied()), [None, Some(20), Some(30)]);
        assert!(cache.from(3).eq([(&3, &30)]) && cache.from(0).count() == 2);
    }

    #[test]
    fn a_cache_without_room_keeps_nothing() {
        let mut cache = Cache::new(0);
        cache.insert(1, 1);
        assert_eq!(cache.get(&1), None);
    }
}
