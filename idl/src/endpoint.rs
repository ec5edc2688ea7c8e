//! Endpoints: what carries datagrams of any protocol from this station to others, or to itself.

use warren::{Cx, Ref, errors, service};

use crate::{EthernetError, NeighbourhoodError, PacketError, Sink, SinkError, Way};

/// Why datagrams were not sent, or are not delivered.
#[errors]
pub enum EndpointError {
    /// A record is wrong, or there is no room for the header in front of a datagram.
    BadRecord = 1,
    /// The way leads from no address of this endpoint, or it does not work at this time.
    Unreachable = 2,
    /// The datagram is longer than one can be.
    TooLong = 3,
    /// There is no packet memory left.
    Exhausted = 4,
    /// So many protocols are not delivered.
    TooMany = 5,
}

impl From<NeighbourhoodError> for EndpointError {
    fn from(error: NeighbourhoodError) -> Self {
        match error {
            NeighbourhoodError::System(error) => EndpointError::System(error),
            NeighbourhoodError::BadRecord => EndpointError::BadRecord,
            NeighbourhoodError::Exhausted => EndpointError::Exhausted,
            _ => EndpointError::Unreachable,
        }
    }
}

impl From<EthernetError> for EndpointError {
    fn from(error: EthernetError) -> Self {
        match error {
            EthernetError::System(error) => EndpointError::System(error),
            EthernetError::BadRecord => EndpointError::BadRecord,
            _ => EndpointError::Unreachable,
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

impl From<SinkError> for EndpointError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::System(error) => EndpointError::System(error),
            _ => EndpointError::BadRecord,
        }
    }
}

/// What carries datagrams. Whoever sends has its reference, and a way, from [`Routing`](crate::Routing).
#[service(id = 0xe9d0_0003)]
pub trait Endpoint {
    /// Sends a batch of datagrams of a protocol on one way. Each has [`HEADROOM`](crate::HEADROOM) in front; what is too long for the way is sent in fragments.
    fn send(
        cx: &mut Cx<'_, Self>,
        protocol: u8,
        way: &Way,
        packets: &[u8],
    ) -> Result<(), EndpointError>;
    /// Delivers the datagrams of a protocol to `sink` from now on, without their header: `network` in their records leads to it, and it is one of IPv4, or of IPv6,
    /// as its first four bits say.
    fn accept<'f>(
        cx: &mut Cx<'f, Self>,
        protocol: u8,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), EndpointError>;
}
