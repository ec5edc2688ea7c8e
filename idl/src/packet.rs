//! Memory for packets, which all servers of one network stack share, and records that say where packets lie in it.
//!
//! A *stack* has one packet memory, cut into *buffers* of [`BUFFER_BYTES`]. A buffer has a count of holders, and is free when that
//! is 0. Whoever works with packets has a [`Share`], which says how many holds are its own.
//!
//! Packets are handed on by calls that carry a *batch*: up to [`BATCH`] records of [`Packet`], one behind the other, as the bytes of
//! one buffer. Such a call lends: whoever calls holds the buffers until it returns, and whoever is called and wants a packet for longer
//! holds its buffers too. Whoever is handed a packet may change its bytes.
//!
//! Every server of the stack can write all of the memory at any time. So whoever reads a record checks it, and whoever reads a
//! header copies it before it looks.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::DataSpace;

/// Bytes of a buffer.
pub const BUFFER_BYTES: usize = 4096;
/// Bytes in front of a packet that is sent, in its first buffer, for the headers of the layers below.
pub const HEADROOM: usize = 128;
/// Most records in one batch.
pub const BATCH: usize = 64;
/// Most records of one frame: 64 KiB, wherever in a buffer they start, and a buffer for headers.
pub const PIECES: usize = 18;

/// Flag: the checksum of the transport layer is known to be right.
pub const CHECKSUM_GOOD: u16 = 1;
/// Flag: whoever sends the packet is to sum the bytes from `checksum_start` to its end, and to put the sum where
/// `checksum_offset` says. The sum of the pseudo-header is there already.
pub const CHECKSUM_FILL: u16 = 2;

/// Flag: the segments that the packet is to be cut into are of TCP over IPv6; without it, over IPv4.
pub const SEGMENT_IPV6: u16 = 4;

/// Flag: the packet was sent to several stations at once.
pub const TO_SEVERAL: u16 = 8;

/// Flag: the packet is the beginning of one that was sent from here and was too big for its way, without the header of the network layer, to which `network`
/// leads. `segment_bytes` says how many bytes one may have there, with that header, and `checksum_start` leads to the header of the message that has brought it.
/// Whoever is delivered it, in a batch of its own, answers [`SinkError::NotSent`] if it has sent no such packet lately.
pub const TOO_BIG: u16 = 16;

/// Flag: no router is to cut the packet. One that can pass it on only in parts is to say so.
pub const WHOLE: u16 = 32;

/// Flag: the same as [`TOO_BIG`] of a packet that did not get to whom it was for. `segment_bytes` says why: the number of an [`Obstacle`](crate::Obstacle).
pub const STOPPED: u16 = 64;

/// A piece of a packet. The first piece's record speaks for the whole packet.
///
/// All offsets count from the start of the buffer, and so stay right when headers are put on and taken off.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Packet {
    /// Index of the buffer.
    pub buffer: u32,
    /// Where the piece starts in it.
    pub offset: u16,
    /// Bytes of the piece.
    pub bytes: u16,
    /// How many records of the same packet follow.
    pub more: u16,
    /// [`CHECKSUM_GOOD`], [`CHECKSUM_FILL`], [`SEGMENT_IPV6`], [`TO_SEVERAL`], [`TOO_BIG`], [`WHOLE`], [`STOPPED`].
    pub flags: u16,
    /// Where the header of the network layer was, in a packet that was received and has lost it.
    pub network: u16,
    /// Where the bytes start that are to be summed.
    pub checksum_start: u16,
    /// Where in them the sum is to be put.
    pub checksum_offset: u16,
    /// Bytes of each segment of TCP that the packet is to be cut into before it is sent; 0 if it is sent as it is. The checksum is to be
    /// filled in then, too.
    pub segment_bytes: u16,
}

impl Flat for Packet {}

/// Why packet memory was refused.
#[errors]
pub enum PacketError {
    /// The share holds as many buffers as it may.
    Limit = 1,
    /// No buffer is free.
    Exhausted = 2,
    /// There is no such buffer, or nobody holds it, or the share does not.
    BadBuffer = 3,
    /// A buffer's length is no multiple of an index's.
    BadLength = 4,
}

/// The packet memory of one stack.
#[service(id = 0x9ac0_0001)]
pub trait PacketMemory {
    /// All buffers, one behind the other: physically contiguous, to be mapped by whoever reads or writes packets.
    fn space<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn DataSpace>, PacketError>;
    /// A new share, which may hold `most` buffers at the same time, three quarters of them with what others have put in. When its last reference is
    /// dropped, it gives all back.
    fn share<'f>(cx: &mut Cx<'f, Self>, most: u32) -> Result<Ref<'f, dyn Share>, PacketError>;
    /// The same for the driver of a device that reads and writes buffers by itself. Some buffers are kept for drivers, so that packets still arrive when others hold all
    /// that they may. What the share holds when it is dropped stays out of use until the next share for the same `device` is made: whoever makes that has stopped the
    /// device before.
    fn device_share<'f>(
        cx: &mut Cx<'f, Self>,
        device: u64,
        most: u32,
    ) -> Result<Ref<'f, dyn Share>, PacketError>;
    /// How many buffers there are, and how many of them nobody holds.
    fn status(cx: &mut Cx<'_, Self>) -> Result<PacketMemoryStatus, PacketError>;
}

/// What is left of a packet memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PacketMemoryStatus {
    /// Number of buffers.
    pub buffers: u32,
    /// Buffers that nobody holds.
    pub free: u32,
    /// Buffers that are out of use until a device is known to be quiet.
    pub quarantined: u32,
    /// Shares.
    pub shares: u32,
}

impl Flat for PacketMemoryStatus {}

/// What one server, or one principal in it, holds of a packet memory. Buffers travel by their indices, four bytes each.
///
/// A share that refuses has changed nothing.
#[service(id = 0x9ac0_0002)]
pub trait Share {
    /// Takes free buffers, as many as there is room for in `indices`, and returns how many, at least one. Their contents are what was last in them.
    fn take(cx: &mut Cx<'_, Self>, indices: Out<'_>) -> Result<u64, PacketError>;
    /// Holds buffers that somebody holds. One may be held several times.
    fn hold(cx: &mut Cx<'_, Self>, indices: &[u8]) -> Result<(), PacketError>;
    /// Gives up one hold of each.
    fn give(cx: &mut Cx<'_, Self>, indices: &[u8]) -> Result<(), PacketError>;
}

/// Why a batch was not taken.
#[errors]
pub enum SinkError {
    /// A record names no buffer, or bytes outside of it, or more pieces than there are.
    BadRecord = 1,
    /// There are more records than a batch may have.
    TooMany = 2,
    /// It is the beginning of a packet ([`TOO_BIG`], [`STOPPED`]) that was not sent from here, or is not on its way.
    NotSent = 3,
}

/// Where packets go that have arrived.
#[service(id = 0x9ac0_0003)]
pub trait Sink {
    /// Hands over a batch: frames or packets, whatever the sink was given to somebody for. What it cannot use it drops. An empty batch says that packets
    /// come from now on.
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError>;
}
