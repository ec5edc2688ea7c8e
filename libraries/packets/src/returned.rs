//! The beginnings of packets that this station has sent and that did not get to whom they were for: routers send them back, or that station does (RFC 792, RFC 4443), and
//! say why. What was too big for its way (RFC 1191, RFC 8201) is one case.
//!
//! The network layer hands one to whoever is served its protocol, like what arrives, but with [`TOO_BIG`] or [`STOPPED`]; whoever does not look for that finds no header of
//! the network layer in front of it.
//!
//! # What is believed
//!
//! Nothing: any station can send one. Whoever is handed it looks whether it has sent such a packet, and says so (RFC 8201, section 4; RFC 5927): only then does the network
//! layer remember how much that way carries. [`Recent`] is for those who keep nothing else of what they have sent.

use warren::Cx;
use warren_idl::{Address, Obstacle, Packet, STOPPED, TOO_BIG};

use crate::{
    Bad, Batch, Buffers, Bytes,
    buffers::strip,
    distribution::{Distributor, deliver},
    network::{self, Network},
};

/// Flags of what was sent from here.
pub(crate) const RETURNED: u16 = TOO_BIG | STOPPED;

/// What has become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It had more bytes than these, its header included.
    TooBig(u16),
    /// Something else was in the way.
    Stopped(Obstacle),
}

impl Fate {
    /// A packet with more bytes than these was too big.
    pub fn too_big(mtu: u32) -> Self {
        Fate::TooBig(u16::try_from(mtu).unwrap_or(u16::MAX))
    }
}

/// The packet that begins `before` bytes behind the start of a message with a header of so many bytes, as it is handed on.
///
/// # Errors
///
/// It is not there.
pub fn beginning(
    message: &Packet,
    before: usize,
    header_bytes: usize,
    fate: Fate,
) -> Result<Packet, Bad> {
    let (flags, segment_bytes) = match fate {
        Fate::TooBig(mtu) => (TOO_BIG, mtu),
        Fate::Stopped(obstacle) => (STOPPED, obstacle as u16),
    };
    let checksum_start = message.network;
    let mut first = Packet { more: 0, flags, segment_bytes, checksum_start, ..*message };
    strip(&mut first, before)?;
    first.network = first.offset;
    strip(&mut first, header_bytes)?;
    Ok(first)
}

/// Hands it to whoever is served its protocol; whether that has sent such a packet.
pub fn hand_back<S: Distributor>(cx: &mut Cx<'_, S>, first: Packet, protocol: u8) -> bool {
    let mut batch = Batch::new();
    // There is room for one.
    batch.push_packet(&[first]).is_ok() && deliver(cx, protocol.into(), &batch) == Some(Ok(()))
}

/// The beginning of a packet that a batch consists of, if it is one that was sent from here.
pub fn only(batch: &Batch) -> Option<&Packet> {
    match batch.records() {
        [first] if first.flags & RETURNED != 0 => Some(first),
        _ => None,
    }
}

/// The last packets that were sent and could be too big for some way, as far as they can be told by a name.
#[derive(Clone, Debug)]
pub struct Recent<N> {
    all: [Option<(N, usize)>; MOST_RECENT],
    next: usize,
}

/// Packets that are remembered.
const MOST_RECENT: usize = 8;
/// A packet with so many bytes, its header included, fits everywhere (RFC 8200, section 5).
const LEAST_MTU: usize = 1280;

impl<N: Copy + PartialEq> Default for Recent<N> {
    fn default() -> Self {
        Recent { all: [None; MOST_RECENT], next: 0 }
    }
}

impl<N: Copy + PartialEq> Recent<N> {
    /// One was sent, with so many bytes, its header included.
    pub fn sent(&mut self, name: N, bytes: usize) {
        if bytes > LEAST_MTU {
            self.all[self.next] = Some((name, bytes));
            self.next = (self.next + 1) % MOST_RECENT;
        }
    }

    /// Whether one of this name was sent that has more bytes than these.
    pub fn has(&self, name: N, mtu: u16) -> bool {
        let all = self.all.iter().flatten();
        all.into_iter().any(|(other, bytes)| *other == name && *bytes > mtu.into())
    }
}

/// What is said of a packet that has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Who has sent it to whom.
    pub network: Network,
    /// What has become of it.
    pub fate: Fate,
    /// Who says so.
    pub by: Address,
}

/// Looks at such a packet as whoever is handed it.
///
/// # Errors
///
/// It is none.
pub fn read<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Result<Returned, Bad> {
    let fate = match first.flags & RETURNED {
        TOO_BIG => Fate::TooBig(first.segment_bytes),
        STOPPED => Fate::Stopped(Obstacle::from_number(first.segment_bytes).ok_or(Bad)?),
        _ => return Err(Bad),
    };
    let message = Packet { network: first.checksum_start, ..*first };
    let by = network::read(memory, &message)?.source;
    Ok(Returned { network: network::read(memory, first)?, fate, by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{network, testing::Plain};

    #[test]
    fn only_what_was_sent_lately_and_was_longer_can_have_been_too_big() {
        let mut recent = Recent::default();
        recent.sent('a', 1400);
        recent.sent('b', 1280);
        assert!(recent.has('a', 1399) && !recent.has('a', 1400));
        assert!(!recent.has('b', 600), "it fits everywhere");
        (0..MOST_RECENT).for_each(|_| recent.sent('c', 1500));
        assert!(recent.has('c', 1280) && !recent.has('a', 1280), "it was sent long ago");
    }

    #[test]
    fn the_beginning_of_a_packet_is_known_to_be_no_packet_that_has_arrived() {
        let memory = Buffers::new(Plain::new(1));
        let outer = Packet { offset: 80, bytes: 20, ..Packet::default() };
        let message = Packet { offset: 100, bytes: 8 + 20 + 8, more: 2, network: 80, ..outer };
        let [here, there, router] = [10, 192, 172].map(|byte| Address::v4(byte << 24));
        let mut header = [0; 20];
        header[0] = 0x45;
        (header[12], header[16]) = (172, 10);
        memory.write(&outer, 0, &header).unwrap();
        (header[12], header[16]) = (10, 192);
        memory.write(&message, 8, &header).unwrap();
        for fate in [Fate::TooBig(1400), Fate::Stopped(Obstacle::Port)] {
            let first = beginning(&message, 8, 20, fate).unwrap();
            assert_eq!((first.offset, first.bytes, first.network, first.more), (128, 8, 108, 0));
            let found = read(&memory, &first).unwrap();
            let between = (found.network.source, found.network.destination);
            assert_eq!((between, found.by, found.fate), ((here, there), router, fate));
            assert_eq!(network(&memory, &first), Err(Bad));
            let nothing = Packet { flags: STOPPED, segment_bytes: 0, ..first };
            assert_eq!(read(&memory, &nothing), Err(Bad), "no obstacle");
            let both = Packet { flags: RETURNED, ..first };
            assert_eq!(read(&memory, &both), Err(Bad), "both at once");
            assert_eq!(beginning(&message, 8, 40, fate), Err(Bad), "it is not there");
        }
        assert_eq!(read(&memory, &message), Err(Bad), "it has arrived");
    }
}
