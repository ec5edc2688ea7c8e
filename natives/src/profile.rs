//! How often a thread of a principal was found in a server.

use alloc::{collections::TryReserveError, vec::Vec};

/// Counts by principal and server.
#[derive(Debug)]
pub struct Profile {
    servers: usize,
    /// Row by row: one row for each principal, with one count for each server and one for the platform itself.
    counts: Vec<u32>,
}

/// How often threads of one principal were found in one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number among all pairs; the next one is higher.
    pub index: usize,
    /// The principal.
    pub principal: usize,
    /// The server; `None` for the platform itself.
    pub server: Option<usize>,
    /// How often.
    pub count: u32,
}

impl Profile {
    /// For a system with so many principals and servers.
    pub fn new(principals: usize, servers: usize) -> Result<Self, TryReserveError> {
        let mut counts = Vec::new();
        counts.try_reserve_exact(principals * (servers + 1))?;
        counts.resize(principals * (servers + 1), 0);
        Ok(Profile { servers, counts })
    }

    /// A thread on this principal's account is in this server, or in the platform itself.
    pub fn note(&mut self, principal: usize, server: Option<usize>) {
        let index = principal * (self.servers + 1) + server.unwrap_or(self.servers);
        if let Some(count) = self.counts.get_mut(index) {
            *count = count.saturating_add(1);
        }
    }

    /// The first pair from this number on that was found at all.
    pub fn next(&self, index: usize) -> Option<Found> {
        let behind = self.counts.get(index..)?;
        let index = index + behind.iter().position(|count| *count != 0)?;
        let (principal, server) = (index / (self.servers + 1), index % (self.servers + 1));
        let server = Some(server).filter(|server| *server != self.servers);
        Some(Found { index, principal, server, count: self.counts[index] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_apart() {
        let mut profile = Profile::new(2, 3).unwrap();
        assert_eq!(profile.next(0), None);
        profile.note(1, Some(2));
        profile.note(0, None);
        profile.note(1, Some(2));
        profile.note(2, Some(0));
        let first = Found { index: 3, principal: 0, server: None, count: 1 };
        let second = Found { index: 6, principal: 1, server: Some(2), count: 2 };
        assert_eq!(profile.next(0), Some(first));
        assert_eq!(profile.next(4), Some(second));
        assert_eq!(profile.next(7), None);
        assert_eq!(profile.next(99), None);
    }
}
