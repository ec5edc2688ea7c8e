//! What others must not guess: first sequence numbers, offsets of clocks, ports, the places of the table, cookies.
//!
//! Each is a keyed hash (SipHash) of what it belongs to, so that nothing is kept.

use core::{
    hash::{Hash, Hasher},
    net::IpAddr,
};

use siphasher::sip::SipHasher13;

use crate::{flow::Flow, sequence::Sequence};

/// Steps of the clock in first sequence numbers (RFC 6528, section 3).
const STEP_NS: u64 = 4000;
/// The first port that is chosen for connections of this side (RFC 6335, section 6).
const FIRST_PORT: u16 = 49_152;
/// How many there are.
pub const PORTS: u16 = u16::MAX - FIRST_PORT + 1;

/// Keys of an engine.
#[derive(Clone)]
pub struct Secrets {
    key: [u8; 16],
}

/// What a hash is for, so that one tells nothing of another.
#[derive(Hash)]
enum Purpose {
    Place,
    First,
    Clock,
    Port,
    Cookie,
}

impl Secrets {
    /// Secrets made of 16 random bytes.
    pub fn new(key: [u8; 16]) -> Self {
        Secrets { key }
    }

    fn hash(&self, purpose: Purpose, what: impl Hash) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        purpose.hash(&mut hasher);
        what.hash(&mut hasher);
        hasher.finish()
    }

    /// Where a connection stands in the table.
    pub fn place(&self, flow: &Flow) -> u64 {
        // Few words are quicker to hash than many fields.
        let words = |address: IpAddr| match address {
            IpAddr::V4(address) => (0, u64::from(u32::from(address))),
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                ((bits >> 64) as u64, bits as u64)
            }
        };
        let ports = u64::from(flow.local_port) << 16 | u64::from(flow.remote_port);
        self.hash(Purpose::Place, (words(flow.local), words(flow.remote), ports))
    }

    /// The first sequence number of a connection that begins now (RFC 6528): another one for each flow, and ascending in time.
    pub fn first(&self, flow: &Flow, now_ns: u64) -> Sequence {
        Sequence(self.hash(Purpose::First, flow) as u32) + (now_ns / STEP_NS) as u32
    }

    /// What is added to the clock that the other side sees (RFC 7323, section 7.1). All its connections see the same.
    pub fn clock(&self, flow: &Flow) -> u32 {
        self.hash(Purpose::Clock, (flow.local, flow.remote)) as u32
    }

    /// The port to try at the `attempt`-th time for a connection to there (RFC 6056, section 3.3.3).
    pub fn port(&self, flow: &Flow, attempt: u16) -> u16 {
        let first = self.hash(Purpose::Port, (flow.local, flow.remote, flow.remote_port)) as u16;
        FIRST_PORT + first.wrapping_add(attempt) % PORTS
    }

    /// A hash that only this engine can make of a flow, the other side's first position and a number.
    pub fn cookie(&self, flow: &Flow, first: Sequence, number: u64) -> u32 {
        self.hash(Purpose::Cookie, (flow, first.0, number)) as u32
    }
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Secrets")
    }
}
