//! What the controller does with a frame before it sends it: checksums, and segments (sections 3.3.6, 3.3.7 and 3.5).
//!
//! # Frames that are cut
//!
//! The controller writes lengths and checksums of IPv4 and TCP into each segment's headers, and goes out from what stands there: it wants them to be zero, and TCP's
//! to be the sum of the pseudo-header without a length. So these bytes of a frame are changed when it is put into the ring. All of them come from what nobody
//! changes here, so that a frame may be put there twice.
//!
//! Segments of IPv6 are not cut: of these the controller would count IPv6's own header among the bytes behind it (section 3.5.9).
//!
//! QEMU's controller sends one segment more, without a byte, behind a frame whose last segment is as long as the others. It does no harm to who knows selective
//! acknowledgments, and Linux's driver gets it, too.
//!
//! # Descriptors that come back too early
//!
//! Controllers say of the last descriptor of a frame that is cut, and of a frame behind it that has only one, that they have done with it before they have read all
//! that it leads to. As Linux's driver does it, the last bytes of such a frame get a descriptor of their own.

use core::ops::Range;

use warren_idl::{CHECKSUM_FILL, PIECES, Packet};
use warren_link::{
    controller::MTU,
    segments::{Cut, ETHERNET_BYTES, LEAST_BYTES, TCP_CHECKSUM},
};
use warren_packets::{Bad, Buffers, Bytes};

use crate::receive::MOST;

/// In the word of a descriptor with the number of bytes: it is none of the oldest kind.
pub const EXTENDED: u32 = 1 << 29;
/// There, too: the frame is cut.
const SEGMENTS: u32 = 1 << 26;
/// In the word of a context with the number of bytes: how frames are cut, those of TCP, those of IPv4.
const OF_TCP: u32 = 1 << 24;
const OF_IPV4: u32 = 1 << 25;
/// In the word with the status: the checksum of IPv4 is to be filled in as the context says.
const FILL_NETWORK: u32 = 1 << 8;
/// There, too: that of what is behind it.
pub const FILL: u32 = 1 << 9;

/// Where in the header of IPv4 its length and its checksum are.
const NETWORK_LENGTH: usize = 2;
const NETWORK_CHECKSUM: usize = 10;

/// The controller makes room for as many segments before it reads what a descriptor leads to; Linux's driver says so.
pub const SEGMENTS_AT_A_TIME: usize = 4;
/// Bytes that get a descriptor of their own.
const TAIL: usize = 4;

/// A frame that is cut finds room in an empty ring, with the shortest segments: its context and its tail, too.
const _: () = assert!(0x1_0000 / (SEGMENTS_AT_A_TIME * LEAST_BYTES as usize) + PIECES + 2 <= MOST);

/// What the controller is to do with a frame before it sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    Nothing,
    /// Sum from the first place to the end, and put the sum to the second.
    Fill(u8, u8),
    /// Cut it.
    Cut(Cut),
}

/// How pieces are divided between descriptors.
#[derive(Clone, Copy, Debug)]
pub struct Division {
    /// Bytes that one has at most.
    pub most: usize,
    /// Whether the last ones of the frame have one of their own.
    pub has_tail: bool,
}

/// The context of a frame that is cut.
pub fn cut_context(cut: &Cut) -> [u32; 4] {
    let transport = u32::from(cut.transport);
    let network = ETHERNET_BYTES as u32;
    [
        network | (network + NETWORK_CHECKSUM as u32) << 8 | (transport - 1) << 16,
        transport | (transport + u32::from(TCP_CHECKSUM)) << 8,
        cut.payload | OF_TCP | OF_IPV4 | SEGMENTS | EXTENDED,
        u32::from(cut.headers) << 8 | u32::from(cut.segment_bytes) << 16,
    ]
}

impl Work {
    /// What a frame asks for.
    pub fn of<M: Bytes>(packets: &Buffers<M>, frame: &[Packet]) -> Result<Self, Bad> {
        let first = frame.first().ok_or(Bad)?;
        if first.segment_bytes != 0 {
            return Cut::of(packets, frame, MTU as usize).map(Work::Cut);
        }
        if first.flags & CHECKSUM_FILL == 0 {
            return Ok(Work::Nothing);
        }
        let start = first.checksum_start.checked_sub(first.offset).ok_or(Bad)?;
        let place = start.checked_add(first.checksum_offset).ok_or(Bad)?;
        let byte = |at: u16| u8::try_from(at).map_err(|_| Bad);
        Ok(Work::Fill(byte(start)?, byte(place)?))
    }

    /// In each of a frame's descriptors: the bits of the command, and the word with the status.
    pub fn words(&self) -> (u32, u32) {
        match self {
            Work::Nothing => (0, 0),
            Work::Fill(..) => (0, FILL),
            Work::Cut(_) => (SEGMENTS, FILL_NETWORK | FILL),
        }
    }
}

impl Division {
    /// The parts of a piece with so many bytes.
    pub fn parts(self, bytes: usize, is_last: bool) -> impl Iterator<Item = Range<usize>> {
        let tail = if self.has_tail && is_last && bytes > 2 * TAIL { TAIL } else { 0 };
        let (end, most) = (bytes - tail, self.most);
        let parts = (0..end).step_by(most).map(move |at| at..end.min(at + most));
        parts.chain((tail > 0).then_some(end..bytes))
    }

    /// How many descriptors a frame has.
    pub fn count(self, frame: &[Packet]) -> usize {
        let parts = |(number, piece): (usize, &Packet)| {
            self.parts(piece.bytes.into(), number + 1 == frame.len()).count()
        };
        frame.iter().enumerate().map(parts).sum()
    }
}

/// Writes into the headers of a frame what the controller goes out from when it cuts it.
pub fn prepare<M: Bytes>(packets: &Buffers<M>, first: &Packet, cut: &Cut) -> Result<(), Bad> {
    packets.write(first, ETHERNET_BYTES + NETWORK_LENGTH, &[0; 2])?;
    packets.write(first, ETHERNET_BYTES + NETWORK_CHECKSUM, &[0; 2])?;
    let sum = cut.pseudo_sum().to_be_bytes();
    packets.write(first, usize::from(cut.transport) + usize::from(TCP_CHECKSUM), &sum)
}
