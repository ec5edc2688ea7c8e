//! Network devices.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{PacketError, Sink, SinkError};

/// Why a link refused.
#[errors]
pub enum LinkError {
    /// A record names no buffer, or bytes outside of it, or asks for what the link does not do.
    BadRecord = 1,
    /// The device does not work.
    Broken = 2,
    /// Somebody else is served now.
    Superseded = 3,
    /// There is no packet memory left.
    Exhausted = 4,
    /// The device has no such pair of queues.
    NoPair = 5,
}

impl From<PacketError> for LinkError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => LinkError::System(error),
            PacketError::BadBuffer | PacketError::BadLength => LinkError::BadRecord,
            _ => LinkError::Exhausted,
        }
    }
}

impl From<SinkError> for LinkError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::System(error) => LinkError::System(error),
            _ => LinkError::BadRecord,
        }
    }
}

/// Offload: the link fills checksums in ([`CHECKSUM_FILL`](crate::CHECKSUM_FILL)).
pub const OFFLOAD_CHECKSUM: u32 = 1;
/// Offload: the link cuts TCP over IPv4 into segments.
pub const OFFLOAD_SEGMENT_IPV4: u32 = 2;
/// Offload: the link cuts TCP over IPv6 into segments.
pub const OFFLOAD_SEGMENT_IPV6: u32 = 4;
/// Offload: what the link fills in are checksums in packets of IPv4 only.
pub const OFFLOAD_ONLY_IPV4: u32 = 8;

/// What a link is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct LinkDescription {
    /// Its address.
    pub address: [u8; 6],
    /// Whether it has a connection.
    pub up: u16,
    /// Most bytes of a packet behind the link's header.
    pub mtu: u32,
    /// What it does by itself: `OFFLOAD_…`.
    pub offloads: u32,
    /// Its pairs of queues, one for each direction: at least one. Each pair delivers by itself.
    pub pairs: u32,
}

impl Flat for LinkDescription {}

/// What a link has done since its server started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct LinkCounts {
    /// Frames that arrived.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Frames that were sent.
    pub sent: u64,
    /// Bytes of them.
    pub sent_bytes: u64,
    /// Frames that arrived and could not be used.
    pub received_dropped: u64,
    /// Frames that there was no room to send.
    pub sent_dropped: u64,
    /// Times that the device was reset because it broke the rules.
    pub resets: u64,
}

impl Flat for LinkCounts {}

/// A network device that sends and receives Ethernet frames, without their check sequence.
#[service(id = 0x114c_0001)]
pub trait Link {
    /// What it is.
    fn description(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, LinkError>;
    /// What it has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, LinkError>;
    /// Sends a batch of frames, as many of them as there is room for, and returns how many. The link holds their buffers until the device has done with them, if it does not copy them.
    fn send(cx: &mut Cx<'_, Self>, frames: &[u8]) -> Result<u64, LinkError>;
    /// Delivers what arrives by a pair of queues, from 0, to `sink`, on the thread that calls, until the sink is gone, the device works no more, or somebody else is served
    /// the same pair: it does not return before. Whoever wants all frames has a thread for each pair; those of one connection arrive by one pair. Whoever wants to go on when the link's server was
    /// restarted calls again.
    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        pair: u32,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), LinkError>;
}
