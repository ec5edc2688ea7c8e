//! Frames for the device: chains of a header and the pieces of a packet.
//!
//! Nobody is told when a frame has left: what the device has done with is taken back when the next one is sent.

use alloc::{boxed::Box, vec, vec::Vec};

use warren_idl::{
    BUFFER_BYTES, CHECKSUM_FILL, OFFLOAD_CHECKSUM, OFFLOAD_SEGMENT_IPV4, OFFLOAD_SEGMENT_IPV6,
    PIECES, Packet, SEGMENT_IPV6,
};
use warren_link::segments::headers_bytes;
use warren_packets::{Bad, Buffers, Bytes, Indices};
use warren_virtio::queue::{Broken, Piece, Queue};
use warren_window::Window;

use crate::header::{self, HEADER_BYTES};

/// Bytes from one header to the next.
pub const HEADER_STRIDE: usize = 16;

/// The queue with the frames that the device is to send.
#[derive(Debug)]
pub struct Sender {
    queue: Queue,
    /// Offset of the headers, one for each descriptor.
    headers: usize,
    /// The buffers of the chain that starts at each descriptor.
    chains: Box<[Vec<u32>]>,
    /// Physical addresses of the queue's memory and of the packet memory.
    area: u64,
    base: u64,
}

impl Sender {
    /// Over an empty queue, with headers at the offset `headers` of the memory at the physical address `area`; the packet memory is at `base`.
    pub fn new(queue: Queue, headers: usize, area: u64, base: u64) -> Self {
        let chains = vec![Vec::new(); queue.room()].into();
        Sender { queue, headers, chains, area, base }
    }

    /// The queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Gives a frame to the device, which holds its buffers from now on; `false` if there is no room.
    pub fn push(
        &mut self,
        area: &mut impl Window,
        header: [u8; HEADER_BYTES],
        pieces: &[Packet],
    ) -> bool {
        let Some(head) = self.queue.next_head().filter(|_| self.queue.room() > pieces.len()) else {
            return false;
        };
        let place = self.headers + usize::from(head) * HEADER_STRIDE;
        let (words, _) = header.as_chunks::<4>();
        for (at, word) in (place..).step_by(4).zip(words) {
            area.write32(at, u32::from_le_bytes(*word));
        }
        let header = Piece {
            address: self.area + place as u64,
            bytes: HEADER_BYTES as u32,
            device_writes: false,
        };
        let base = self.base;
        let chain = (0..1 + pieces.len()).map(|at| match at.checked_sub(1) {
            None => header,
            Some(at) => {
                let Packet { buffer, offset, bytes, .. } = pieces[at];
                let start = u64::from(buffer) * BUFFER_BYTES as u64 + u64::from(offset);
                Piece { address: base + start, bytes: bytes.into(), device_writes: false }
            }
        });
        if self.queue.push(area, chain).is_none() {
            return false;
        }
        let buffers = &mut self.chains[usize::from(head)];
        buffers.clear();
        buffers.extend(pieces.iter().map(|piece| piece.buffer));
        true
    }

    /// Takes back the buffers that the device has done with.
    pub fn reclaim(&mut self, area: &impl Window, spent: &mut Indices) -> Result<(), Broken> {
        while let Some(done) = self.queue.pop(area)? {
            let chain = &mut self.chains[usize::from(done.head)];
            chain.drain(..).for_each(|buffer| spent.push(buffer));
        }
        Ok(())
    }

    /// Takes back all buffers, after the device was reset.
    pub fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        for head in self.queue.heads() {
            let chain = &mut self.chains[usize::from(head)];
            chain.drain(..).for_each(|buffer| spent.push(buffer));
        }
        self.queue.reset(area);
    }
}

/// The header of a frame that is to be sent over a link with these offloads.
///
/// # Errors
///
/// Its pieces are empty, too many, or not in buffers, or it asks for what the link does not do.
pub fn header_of<M: Bytes>(
    memory: &Buffers<M>,
    pieces: &[Packet],
    offloads: u32,
) -> Result<[u8; HEADER_BYTES], Bad> {
    memory.check(pieces)?;
    let first = pieces.first().ok_or(Bad)?;
    if pieces.len() > PIECES || pieces.iter().any(|piece| piece.bytes == 0) {
        return Err(Bad);
    }
    let needed = match (first.segment_bytes, first.flags & SEGMENT_IPV6) {
        (0, _) if first.flags & CHECKSUM_FILL != 0 => OFFLOAD_CHECKSUM,
        (0, _) => 0,
        (_, 0) => OFFLOAD_SEGMENT_IPV4,
        _ => OFFLOAD_SEGMENT_IPV6,
    };
    if offloads & needed != needed {
        return Err(Bad);
    }
    let headers = if first.segment_bytes == 0 { 0 } else { headers_bytes(memory, first)? };
    header::sent(first, headers).ok_or(Bad)
}
