//! Disks, partitions, images: numbered blocks of one size.

use warren::{Cx, Out, errors, service};

/// Why a block request was refused.
#[errors]
pub enum BlockError {
    /// The range ends beyond the last block.
    OutOfRange = 1,
    /// The buffer is not a whole number of blocks.
    BadLength = 2,
    /// The device reported a medium error.
    Medium = 3,
    /// The device cannot be written.
    ReadOnly = 4,
}

/// A device of numbered blocks.
#[service(id = 0xb10c_0001)]
pub trait BlockDevice {
    /// Bytes per block: a power of two from 512 to 4096.
    fn block_bytes(cx: &mut Cx<'_, Self>) -> Result<u32, BlockError>;
    /// Number of blocks.
    fn blocks(cx: &mut Cx<'_, Self>) -> Result<u64, BlockError>;
    /// Fills the buffer, a whole number of blocks, from block `first` on.
    fn read(cx: &mut Cx<'_, Self>, first: u64, buffer: Out<'_>) -> Result<(), BlockError>;
    /// Writes the buffer, a whole number of blocks, from block `first` on.
    fn write(cx: &mut Cx<'_, Self>, first: u64, buffer: &[u8]) -> Result<(), BlockError>;
    /// Returns when everything written before is on the medium.
    fn flush(cx: &mut Cx<'_, Self>) -> Result<(), BlockError>;
}
