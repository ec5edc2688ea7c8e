//! A ring of descriptors in memory that a controller shares with its driver.

use alloc::{boxed::Box, vec};

use warren_idl::{BUFFER_BYTES, Packet};
use warren_packets::Indices;
use warren_window::Window;

/// Bytes of a descriptor.
pub const DESCRIPTOR_BYTES: usize = 16;

/// Which of a ring's descriptors the controller has, and the buffers behind them. What stands in descriptors is the driver's own.
#[derive(Debug)]
pub struct Ring {
    /// Where in the shared memory it starts.
    at: usize,
    /// The buffer behind each descriptor, if there is one.
    buffers: Box<[Option<u32>]>,
    /// The first descriptor that the controller has, how many it has, and how many it can have.
    first: usize,
    filled: usize,
    most: usize,
}

impl Ring {
    /// An empty ring at this offset of the shared memory, of whose `entries` the controller can have `most` at a time.
    pub fn new(at: usize, entries: usize, most: usize) -> Self {
        Ring { at, buffers: vec![None; entries].into(), first: 0, filled: 0, most }
    }

    /// How many descriptors the controller has.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// How many more it can have.
    pub fn room(&self) -> usize {
        self.most - self.filled
    }

    /// The descriptor so many places behind those that the controller has.
    pub fn behind(&self, number: usize) -> usize {
        (self.first + self.filled + number) % self.buffers.len()
    }

    /// Whether a descriptor is the last one before the ring starts again.
    pub fn is_end(&self, descriptor: usize) -> bool {
        descriptor + 1 == self.buffers.len()
    }

    /// Where in the shared memory a descriptor is.
    pub fn place(&self, descriptor: usize) -> usize {
        self.at + descriptor * DESCRIPTOR_BYTES
    }

    /// Where the first descriptor is that the controller has, if it has any.
    pub fn first(&self) -> Option<usize> {
        (self.filled > 0).then(|| self.place(self.first))
    }

    /// Notes that the controller has the next descriptor, too, with this buffer behind it. There must be room.
    pub fn push(&mut self, buffer: Option<u32>) {
        self.buffers[self.behind(0)] = buffer;
        self.filled += 1;
    }

    /// Takes the first descriptor back that the controller has: the buffer behind it. There must be one.
    pub fn pop(&mut self) -> Option<u32> {
        let buffer = self.buffers[self.first].take();
        self.first = (self.first + 1) % self.buffers.len();
        self.filled -= 1;
        buffer
    }

    /// Takes all buffers back and empties all descriptors, after the controller was reset.
    pub fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        while self.filled > 0 {
            self.pop().into_iter().for_each(|buffer| spent.push(buffer));
        }
        self.first = 0;
        let bytes = self.buffers.len() * DESCRIPTOR_BYTES;
        (0..bytes).step_by(4).for_each(|at| area.write32(self.at + at, 0));
    }
}

/// The physical address of a piece in the packet memory at `base`.
pub fn address(base: u64, piece: &Packet) -> u64 {
    base + u64::from(piece.buffer) * BUFFER_BYTES as u64 + u64::from(piece.offset)
}
