//! Holding buffers, and reaching them.

use alloc::vec::Vec;

use warren::{Cx, New, Req, Server, StartError};
use warren_idl::{AddressSpace, Packet, PacketMemory, map_space};
use zerocopy::IntoBytes;

use crate::buffers::Buffers;

/// Maps the packet memory of the server's stack.
///
/// # Errors
///
/// The packet memory refuses, or there is no room in the server's region.
pub fn map<S: Server>(
    cx: &mut Cx<'_, New<S>>,
    memory: &Req<dyn PacketMemory>,
    address_space: &Req<dyn AddressSpace>,
) -> Result<Buffers, StartError> {
    let space = memory.space(cx)?;
    Ok(Buffers::new(map_space(cx, address_space, space)?))
}

/// Indices of buffers, as they travel in calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indices(Vec<u32>);

impl Indices {
    /// None.
    pub const fn new() -> Self {
        Indices(Vec::new())
    }

    /// So many zeroes, to be filled by a call.
    pub fn zeroed(count: usize) -> Self {
        Indices(alloc::vec![0; count])
    }

    /// Those of the pieces of packets.
    pub fn of(pieces: &[Packet]) -> Self {
        Indices(pieces.iter().map(|piece| piece.buffer).collect())
    }

    /// As a call carries them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As a call fills them.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.0.as_mut_bytes()
    }

    /// The indices.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    pub fn push(&mut self, index: u32) {
        self.0.push(index);
    }

    /// Adds those of the pieces of packets.
    pub fn extend(&mut self, pieces: &[Packet]) {
        self.0.extend(pieces.iter().map(|piece| piece.buffer));
    }

    /// Moves all of `others` here.
    pub fn append(&mut self, others: &mut Indices) {
        self.0.append(&mut others.0);
    }

    /// Keeps the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<u32> {
        self.0.pop()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
