//! UDP: datagrams between ports.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, EndpointError, PacketError, RoutingError};

/// Why a socket was refused, or a datagram.
#[errors]
pub enum UdpError {
    /// No way leads to the address, or not at this time.
    Unreachable = 1,
    /// The datagram is longer than one can be.
    TooLong = 2,
    /// Another socket has the port.
    InUse = 3,
    /// There are as many sockets as there may be.
    TooMany = 4,
    /// There is no packet memory left.
    Exhausted = 5,
    /// A datagram cannot be sent to port 0.
    BadPort = 6,
}

impl From<RoutingError> for UdpError {
    fn from(error: RoutingError) -> Self {
        match error {
            RoutingError::System(error) => UdpError::System(error),
            _ => UdpError::Unreachable,
        }
    }
}

impl From<EndpointError> for UdpError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::System(error) => UdpError::System(error),
            EndpointError::TooLong => UdpError::TooLong,
            EndpointError::Exhausted => UdpError::Exhausted,
            _ => UdpError::Unreachable,
        }
    }
}

impl From<PacketError> for UdpError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => UdpError::System(error),
            _ => UdpError::Exhausted,
        }
    }
}

/// Most bytes of data in a datagram over IPv4.
pub const DATAGRAM_BYTES: usize = 65_507;

/// Of a datagram that was received.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Datagram {
    /// Who sent it.
    pub source: Address,
    /// To which address it was sent: this station's, or one of several stations.
    pub destination: Address,
    /// From which port.
    pub source_port: u16,
    /// Zero.
    pub reserved: u16,
    /// Bytes of data that it has. Those for which the buffer had no room are lost.
    pub bytes: u32,
}

impl Flat for Datagram {}

/// A socket, as others see it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct UdpSocketStatus {
    /// Its port.
    pub port: u32,
    /// Datagrams that nobody has taken yet.
    pub waiting: u32,
    /// Datagrams that were received.
    pub received: u64,
    /// Datagrams that there was no room for.
    pub dropped: u64,
    /// Datagrams that were sent.
    pub sent: u64,
}

impl Flat for UdpSocketStatus {}

/// What the layer has done since its server started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct UdpCounts {
    /// Datagrams that arrived.
    pub received: u64,
    /// Of them, those that were damaged.
    pub bad: u64,
    /// Of them, those to ports that nobody has.
    pub unknown: u64,
    /// Of them, those that there was no room for.
    pub dropped: u64,
    /// Datagrams that were sent.
    pub sent: u64,
}

impl Flat for UdpCounts {}

/// Datagrams of UDP (RFC 768).
#[service(id = 0x0d90_0003)]
pub trait Udp {
    /// A socket at `port`; at any that is free if `port` is 0.
    fn open<'f>(cx: &mut Cx<'f, Self>, port: u16) -> Result<Ref<'f, dyn UdpSocket>, UdpError>;
    /// What the layer has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<UdpCounts, UdpError>;
    /// Socket `index` of those that are open, by port; all zero after the last one.
    fn socket(cx: &mut Cx<'_, Self>, index: u32) -> Result<UdpSocketStatus, UdpError>;
}

/// A port of this station. It is free again when the last reference is dropped.
#[service(id = 0x0d90_0004)]
pub trait UdpSocket {
    /// Its port.
    fn port(cx: &mut Cx<'_, Self>) -> Result<u16, UdpError>;
    /// Sends a datagram to a port of another station.
    fn send(
        cx: &mut Cx<'_, Self>,
        destination: &Address,
        port: u16,
        data: &[u8],
    ) -> Result<(), UdpError>;
    /// Waits for a datagram, and takes it.
    fn receive(cx: &mut Cx<'_, Self>, data: Out<'_>) -> Result<Datagram, UdpError>;
}
