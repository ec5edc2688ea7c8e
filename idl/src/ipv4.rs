//! IPv4: packets to any address, and from there.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{EndpointDescription, EndpointError, PacketError, Sink, SinkError};

/// Why a packet was not sent, or a protocol is not served.
#[errors]
pub enum Ipv4Error {
    /// A record is wrong, or there is no room for the header in front of a packet.
    BadRecord = 1,
    /// No way leads to the address.
    Unreachable = 2,
    /// The packet is longer than a packet can be.
    TooLong = 3,
    /// Somebody else is served now.
    Superseded = 4,
    /// There is no packet memory left.
    Exhausted = 5,
    /// So many protocols are not served.
    TooMany = 6,
}

impl From<EndpointError> for Ipv4Error {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::System(error) => Ipv4Error::System(error),
            EndpointError::BadRecord => Ipv4Error::BadRecord,
            EndpointError::Superseded => Ipv4Error::Superseded,
            EndpointError::Exhausted => Ipv4Error::Exhausted,
            EndpointError::Link | EndpointError::NoAddress => Ipv4Error::Unreachable,
        }
    }
}

impl From<PacketError> for Ipv4Error {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => Ipv4Error::System(error),
            PacketError::BadBuffer | PacketError::BadLength => Ipv4Error::BadRecord,
            _ => Ipv4Error::Exhausted,
        }
    }
}

impl From<SinkError> for Ipv4Error {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::System(error) => Ipv4Error::System(error),
            _ => Ipv4Error::BadRecord,
        }
    }
}

/// How packets to an address travel.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv4Route {
    /// The address that they come from.
    pub source: u32,
    /// The neighbour that they are sent to.
    pub neighbour: u32,
    /// Most bytes of one that is sent in one piece, the header of IPv4 included.
    pub mtu: u32,
    /// What the link does by itself: `OFFLOAD_…`.
    pub offloads: u32,
}

impl Flat for Ipv4Route {}

/// Most name servers that are known.
pub const NAME_SERVERS: usize = 3;

/// Where this station is in the network.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv4Settings {
    /// Its address; 0 if it has none yet.
    pub address: u32,
    /// Bits of it that all neighbours have, too.
    pub prefix: u32,
    /// Where packets go that are for no neighbour; 0 if nowhere.
    pub gateway: u32,
    /// Who knows addresses by their names; 0 behind the last one.
    pub name_servers: [u32; NAME_SERVERS],
}

impl Flat for Ipv4Settings {}

/// What the layer has done since its server started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv4Counts {
    /// Packets that arrived.
    pub received: u64,
    /// Of them, those that were no packets, or came by mistake.
    pub bad: u64,
    /// Of them, those of a protocol that nobody here speaks.
    pub unknown: u64,
    /// Of them, those that were fragments.
    pub fragments: u64,
    /// Datagrams that were put together of fragments.
    pub reassembled: u64,
    /// Fragments that were given up.
    pub fragments_dropped: u64,
    /// Packets that were sent, each fragment being one.
    pub sent: u64,
}

impl Flat for Ipv4Counts {}

/// The IPv4 layer. Addresses are numbers, the first byte of the address the most significant.
#[service(id = 0x1b40_0002)]
pub trait Ipv4 {
    /// How packets to `destination` travel.
    fn route(cx: &mut Cx<'_, Self>, destination: u32) -> Result<Ipv4Route, Ipv4Error>;
    /// Sends a batch of datagrams of a protocol to one address. Each has [`HEADROOM`](crate::HEADROOM) in front; what is too long for the way is sent in fragments.
    fn send(
        cx: &mut Cx<'_, Self>,
        protocol: u8,
        destination: u32,
        packets: &[u8],
    ) -> Result<(), Ipv4Error>;
    /// Delivers the datagrams of a protocol to `sink`, without the header, which `network` in their records leads to, until somebody else is served:
    /// it does not return before.
    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        protocol: u8,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), Ipv4Error>;
    /// What it has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<Ipv4Counts, Ipv4Error>;
    /// Endpoint `index` of those over which packets leave; all zero after the last one.
    fn endpoint(cx: &mut Cx<'_, Self>, index: u32) -> Result<EndpointDescription, Ipv4Error>;
    /// Where this station is in the network.
    fn settings(cx: &mut Cx<'_, Self>) -> Result<Ipv4Settings, Ipv4Error>;
}

/// The right to say where this station is in the network.
#[service(id = 0x1b40_0003)]
pub trait Ipv4Configuration {
    /// Sets it, and returns when somebody else has: `Superseded`. Whoever is to set it again when the layer was restarted calls again then. What was set stays
    /// if the call ends by a deadline.
    fn configure(cx: &mut Cx<'_, Self>, settings: &Ipv4Settings) -> Result<(), Ipv4Error>;
}
