//! Which ports there are, and what waits at them.

use alloc::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    vec::Vec,
};
use core::cell::RefCell;

use warren_idl::{Address, Datagram, Packet, UdpSocketStatus};
use warren_packets::returned::Recent;

/// Where ports begin that are given to whoever does not ask for a certain one (RFC 6335, section 6).
const FIRST_FREE: u16 = 49_152;
/// Datagrams that may wait at one port.
pub const MOST_WAITING: usize = 64;
/// Most ports.
const MOST_PORTS: usize = 1024;

/// A datagram that waits; its buffers are held.
#[derive(Debug)]
pub struct Arrived {
    /// Who sent it.
    pub about: Datagram,
    /// Where its data is.
    pub pieces: Vec<Packet>,
}

/// What waits at a port, and what has happened there.
#[derive(Debug, Default)]
pub struct Waiting {
    queue: VecDeque<Arrived>,
    status: UdpSocketStatus,
    /// Whom something was sent to lately, and at which port.
    recent: Recent<(Address, u16)>,
}

impl Waiting {
    /// Whether there is room for another datagram. If there is none, one is counted as lost.
    pub fn has_room(&mut self) -> bool {
        let has_room = self.queue.len() < MOST_WAITING && self.queue.try_reserve(1).is_ok();
        if !has_room {
            self.status.received += 1;
            self.status.dropped += 1;
        }
        has_room
    }

    /// Lets a datagram wait.
    pub fn add(&mut self, arrived: Arrived) {
        self.status.received += 1;
        self.queue.push_back(arrived);
    }

    /// Takes the first.
    pub fn take(&mut self) -> Option<Arrived> {
        self.queue.pop_front()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Notes that a datagram was sent, in a packet of so many bytes.
    pub fn sent(&mut self, destination: (Address, u16), bytes: usize) {
        self.status.sent += 1;
        self.recent.sent(destination, bytes);
    }

    /// Whether one was sent there lately that is longer than this.
    pub fn has_sent(&self, destination: (Address, u16), mtu: u16) -> bool {
        self.recent.has(destination, mtu)
    }

    /// What has happened.
    fn status(&self, port: u16) -> UdpSocketStatus {
        UdpSocketStatus { port: port.into(), waiting: self.queue.len() as u32, ..self.status }
    }
}

/// Why there is no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPort {
    /// Somebody has it.
    InUse,
    /// There are as many as there may be.
    TooMany,
}

/// The ports that somebody has. `P` is what belongs to each.
#[derive(Debug)]
pub struct Ports<P> {
    all: BTreeMap<u16, P>,
}

impl<P> Default for Ports<P> {
    fn default() -> Self {
        Ports { all: BTreeMap::new() }
    }
}

impl<P> Ports<P> {
    /// The port that whoever asks for `port` is to have: that one, or any free one from `start` on, which may be any number, if it is 0.
    pub fn choose(&self, port: u16, start: u16) -> Result<u16, NoPort> {
        if self.all.len() >= MOST_PORTS {
            return Err(NoPort::TooMany);
        }
        if port != 0 {
            return if self.all.contains_key(&port) { Err(NoPort::InUse) } else { Ok(port) };
        }
        let count = u16::MAX - FIRST_FREE + 1;
        let free = (0..count)
            .map(|step| FIRST_FREE + (start % count + step) % count)
            .find(|port| !self.all.contains_key(port));
        free.ok_or(NoPort::TooMany)
    }

    /// Notes what belongs to a port.
    pub fn insert(&mut self, port: u16, owned: P) {
        self.all.insert(port, owned);
    }

    /// Frees a port.
    pub fn remove(&mut self, port: u16) {
        self.all.remove(&port);
    }

    /// What belongs to a port.
    pub fn get(&self, port: u16) -> Option<&P> {
        self.all.get(&port)
    }
}

impl<P: AsRef<RefCell<Waiting>>> Ports<Rc<P>> {
    /// What has happened at port number `index`, in their order; all zero after the last one.
    pub fn status(&self, index: usize) -> UdpSocketStatus {
        let entry = self.all.iter().nth(index);
        entry
            .map_or(UdpSocketStatus::default(), |(port, it)| (**it).as_ref().borrow().status(*port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_one_owner() {
        let mut ports = Ports::default();
        assert_eq!(ports.choose(53, 0), Ok(53));
        ports.insert(53, ());
        assert_eq!(ports.choose(53, 0), Err(NoPort::InUse));
        ports.remove(53);
        assert_eq!(ports.choose(53, 0), Ok(53));
    }

    #[test]
    fn whoever_asks_for_none_gets_a_free_one() {
        let mut ports = Ports::default();
        for start in [0, 0, 16_383, 16_383, u16::MAX, 5] {
            let port = ports.choose(0, start).unwrap();
            assert!(port >= FIRST_FREE && ports.get(port).is_none(), "{port}");
            ports.insert(port, ());
        }
        assert_eq!(ports.choose(0, 16_383), Ok(FIRST_FREE + 4), "the numbers are a ring");
        for port in 0..MOST_PORTS as u16 {
            ports.insert(port + 1, ());
        }
        assert_eq!(ports.choose(0, 0), Err(NoPort::TooMany));
        assert_eq!(ports.choose(60_000, 0), Err(NoPort::TooMany));
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let mut waiting = Waiting::default();
        for number in 0..MOST_WAITING as u32 {
            assert!(waiting.has_room());
            let about = Datagram { bytes: number, ..Datagram::default() };
            waiting.add(Arrived { about, pieces: Vec::new() });
        }
        assert!(!waiting.has_room());
        let status = waiting.status(7);
        assert_eq!((status.received, status.dropped, status.waiting), (65, 1, 64));
        for number in 0..MOST_WAITING as u32 {
            assert_eq!(waiting.take().unwrap().about.bytes, number);
        }
        assert!(waiting.is_empty());
    }
}
