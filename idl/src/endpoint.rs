//! Endpoints of IPv4: where packets leave to a neighbour, whatever the link is.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{EthernetError, LinkCounts, LinkDescription, PacketError, Sink};

/// Why an endpoint refused.
#[errors]
pub enum EndpointError {
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

impl From<EthernetError> for EndpointError {
    fn from(error: EthernetError) -> Self {
        match error {
            EthernetError::System(error) => EndpointError::System(error),
            EthernetError::BadRecord => EndpointError::BadRecord,
            EthernetError::Superseded => EndpointError::Superseded,
            _ => EndpointError::Link,
        }
    }
}

impl From<PacketError> for EndpointError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => EndpointError::System(error),
            PacketError::BadBuffer | PacketError::BadLength => EndpointError::BadRecord,
            _ => EndpointError::Exhausted,
        }
    }
}

/// What an endpoint is. Addresses of IPv4 are numbers, the first byte of the address the most significant.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct EndpointDescription {
    /// The own address; 0 as long as it has none.
    pub address: u32,
    /// Bits of it that all neighbours have, too.
    pub prefix: u32,
    /// Most bytes of a packet.
    pub mtu: u32,
    /// What the link does by itself: `OFFLOAD_…`.
    pub offloads: u32,
}

impl Flat for EndpointDescription {}

/// A neighbour whose link address was asked for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Neighbour {
    /// Its address of IPv4.
    pub address: u32,
    /// Whether its link address is known.
    pub known: u16,
    /// Its link address.
    pub link_address: [u8; 6],
    /// How long ago that was heard, in seconds.
    pub age_s: u32,
}

impl Flat for Neighbour {}

/// A way to neighbours.
#[service(id = 0xe9d0_0002)]
pub trait Endpoint {
    /// What it is.
    fn description(cx: &mut Cx<'_, Self>) -> Result<EndpointDescription, EndpointError>;
    /// Gives it an address, in a network of neighbours with which it has `prefix` bits in common. With address 0 it has none, and sends only to all.
    fn assign(cx: &mut Cx<'_, Self>, address: u32, prefix: u32) -> Result<(), EndpointError>;
    /// The link below.
    fn link(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, EndpointError>;
    /// What the link has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, EndpointError>;
    /// Sends a batch of packets to a neighbour, or to all if `neighbour` is a broadcast address. Those for one whose link address is not known yet
    /// are held back until it is; there is room for few.
    fn send(cx: &mut Cx<'_, Self>, neighbour: u32, packets: &[u8]) -> Result<(), EndpointError>;
    /// Delivers the packets of IPv4 that arrive to `sink`, until somebody else is served: it does not return before.
    fn serve<'f>(cx: &mut Cx<'f, Self>, sink: Ref<'f, dyn Sink>) -> Result<(), EndpointError>;
    /// Neighbour `index` of those that were asked for, in no order; all zero after the last one.
    fn neighbour(cx: &mut Cx<'_, Self>, index: u32) -> Result<Neighbour, EndpointError>;
}
