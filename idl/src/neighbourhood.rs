//! Neighbourhoods of IPv4: where packets leave to a neighbour, whatever the link is.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, EthernetError, LinkCounts, LinkDescription, PacketError, Sink};

/// Why a neighbourhood refused.
#[errors]
pub enum NeighbourhoodError {
    /// A record is wrong.
    BadRecord = 1,
    /// The link does not work.
    Link = 2,
    /// Somebody else is served now.
    Superseded = 3,
    /// There is no packet memory left.
    Exhausted = 4,
    /// It has no address yet.
    NoAddress = 5,
}

impl From<EthernetError> for NeighbourhoodError {
    fn from(error: EthernetError) -> Self {
        match error {
            EthernetError::System(error) => NeighbourhoodError::System(error),
            EthernetError::BadRecord => NeighbourhoodError::BadRecord,
            EthernetError::Superseded => NeighbourhoodError::Superseded,
            _ => NeighbourhoodError::Link,
        }
    }
}

impl From<PacketError> for NeighbourhoodError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => NeighbourhoodError::System(error),
            PacketError::BadBuffer | PacketError::BadLength => NeighbourhoodError::BadRecord,
            _ => NeighbourhoodError::Exhausted,
        }
    }
}

/// What a neighbourhood is. Addresses of IPv4 are numbers, the first byte of the address the most significant.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct NeighbourhoodDescription {
    /// The own address; 0 as long as it has none.
    pub address: u32,
    /// Bits of it that all neighbours have, too.
    pub prefix: u32,
    /// Most bytes of a packet.
    pub mtu: u32,
    /// What the link does by itself: `OFFLOAD_…`.
    pub offloads: u32,
}

impl Flat for NeighbourhoodDescription {}

/// A neighbour whose link address was asked for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Neighbour {
    /// Its address.
    pub address: Address,
    /// Whether its link address is known.
    pub known: u16,
    /// Its link address.
    pub link_address: [u8; 6],
    /// How long ago that was heard, in seconds.
    pub age_s: u32,
}

impl Flat for Neighbour {}

/// A way to neighbours.
#[service(id = 0x4e19_0001)]
pub trait Neighbourhood {
    /// What it is.
    fn description(cx: &mut Cx<'_, Self>) -> Result<NeighbourhoodDescription, NeighbourhoodError>;
    /// Gives it an address, in a network of neighbours with which it has `prefix` bits in common. With address 0 it has none, and sends only to all.
    fn assign(cx: &mut Cx<'_, Self>, address: u32, prefix: u32) -> Result<(), NeighbourhoodError>;
    /// The link below.
    fn link(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, NeighbourhoodError>;
    /// What the link has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, NeighbourhoodError>;
    /// Sends a batch of packets to a neighbour, or to all if `neighbour` is a broadcast address. Those for one whose link address is not known yet
    /// are held back until it is; there is room for few.
    fn send(
        cx: &mut Cx<'_, Self>,
        neighbour: u32,
        packets: &[u8],
    ) -> Result<(), NeighbourhoodError>;
    /// Delivers the packets of IPv4 that arrive to `sink`, until somebody else is served: it does not return before.
    fn serve<'f>(cx: &mut Cx<'f, Self>, sink: Ref<'f, dyn Sink>) -> Result<(), NeighbourhoodError>;
    /// Neighbour `index` of those that were asked for, in no order; all zero after the last one.
    fn neighbour(cx: &mut Cx<'_, Self>, index: u32) -> Result<Neighbour, NeighbourhoodError>;
}
