//! Who waits for connections, and how many may wait for them.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::IpAddr;

use hashbrown::HashMap;
use siphasher::sip::SipHasher13;

use super::table::Name;

/// Where a listener listens: a port, and one of this side's addresses or all.
pub type Listening = (u16, Option<IpAddr>);

/// Counts what came to a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Connections that were made.
    pub connections: u64,
    /// SYNs that were answered without anything being kept.
    pub cookies: u64,
    /// SYNs, and acknowledgments of cookies, that were dropped because nobody accepts what waits.
    pub dropped: u64,
}

/// A port that connections can come to.
#[derive(Debug)]
pub struct Listener {
    /// How many may be half open, and how many may wait to be accepted.
    pub backlog: u32,
    /// Those that are half open.
    pub opening: u32,
    /// Those that wait to be accepted, in the order in which they came.
    pub waiting: VecDeque<Name>,
    pub arrivals: Arrivals,
}

impl Listener {
    /// Whether there are so many that wait that no more are let in.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.backlog as usize
    }
}

/// All listeners.
#[derive(Debug, Default)]
pub struct Listeners {
    // Their keys are chosen on this side, so that nobody can make them collide.
    by_place: HashMap<Listening, Listener, core::hash::BuildHasherDefault<SipHasher13>>,
}

impl Listeners {
    /// Returns false if somebody listens there.
    pub fn insert(&mut self, place: Listening, backlog: u32) -> bool {
        if self.by_place.contains_key(&place) {
            return false;
        }
        let (waiting, arrivals) = (VecDeque::new(), Arrivals::default());
        self.by_place
            .insert(place, Listener { backlog: backlog.max(1), opening: 0, waiting, arrivals });
        true
    }

    /// Who gets connections to this port of this address: rather who listens to this address than who listens to all.
    pub fn find(&self, port: u16, address: IpAddr) -> Option<Listening> {
        [(port, Some(address)), (port, None)]
            .into_iter()
            .find(|place| self.by_place.contains_key(place))
    }

    pub fn get_mut(&mut self, place: Listening) -> Option<&mut Listener> {
        self.by_place.get_mut(&place)
    }

    /// Returns those that wait.
    pub fn remove(&mut self, place: Listening) -> Vec<Name> {
        self.by_place.remove(&place).map_or(Vec::new(), |listener| listener.waiting.into())
    }

    pub fn all(&self) -> impl Iterator<Item = (Listening, &Listener)> {
        self.by_place.iter().map(|(place, listener)| (*place, listener))
    }
}
