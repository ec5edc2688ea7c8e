//! A disk in memory: blocks that are gone when the server is.
//!
//! # State, and what a restart loses
//!
//! All blocks. A new instance starts with zeroes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use warren::{Cx, New, Out, Req, Required, Server, StartError, SystemError, server};
use warren_idl::{BlockDevice, BlockError, Parameters};
use warren_parameters::number;

/// Bytes of a block.
const BLOCK_BYTES: usize = 512;

/// Blocks of a disk whose system file does not say.
const DEFAULT_BLOCKS: u64 = 2048;
/// Most blocks: as much as a region of address space has room for.
const MOST_BLOCKS: u64 = u32::MAX as u64;

/// What the disk needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
}

/// A disk in memory.
#[server(provides(BlockDevice), parameters("blocks"))]
pub struct RamDisk {
    disk: Disk,
}

impl Server for RamDisk {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let (all, refusal) = (1..=MOST_BLOCKS, "`blocks` is no number of blocks");
        let blocks = number(&cx.req().parameters, "blocks", DEFAULT_BLOCKS, all, refusal)? as usize;
        Ok(RamDisk { disk: Disk::new(blocks).ok_or(SystemError::Budget)? })
    }
}

impl BlockDevice for RamDisk {
    fn block_bytes(_cx: &mut Cx<'_, Self>) -> Result<u32, BlockError> {
        Ok(BLOCK_BYTES as u32)
    }

    fn blocks(cx: &mut Cx<'_, Self>) -> Result<u64, BlockError> {
        Ok(cx.disk.blocks())
    }

    fn read(cx: &mut Cx<'_, Self>, first: u64, mut buffer: Out<'_>) -> Result<(), BlockError> {
        let bytes = cx.disk.range(first, buffer.len())?;
        buffer.fill_from(bytes);
        Ok(())
    }

    fn write(cx: &mut Cx<'_, Self>, first: u64, buffer: &[u8]) -> Result<(), BlockError> {
        cx.disk.range(first, buffer.len())?.copy_from_slice(buffer);
        Ok(())
    }

    fn flush(_cx: &mut Cx<'_, Self>) -> Result<(), BlockError> {
        Ok(())
    }
}

/// The blocks.
struct Disk {
    bytes: Vec<u8>,
}

impl Disk {
    /// A disk of zeroes; `None` if there is not that much memory.
    fn new(blocks: usize) -> Option<Self> {
        let length = blocks.checked_mul(BLOCK_BYTES)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        bytes.resize(length, 0);
        Some(Disk { bytes })
    }

    fn blocks(&self) -> u64 {
        (self.bytes.len() / BLOCK_BYTES) as u64
    }

    /// The `length` bytes from block `first` on, if these are whole blocks of the disk.
    fn range(&mut self, first: u64, length: usize) -> Result<&mut [u8], BlockError> {
        if !length.is_multiple_of(BLOCK_BYTES) {
            return Err(BlockError::BadLength);
        }
        let start = usize::try_from(first).ok().and_then(|first| first.checked_mul(BLOCK_BYTES));
        let range = start.and_then(|start| Some(start..start.checked_add(length)?));
        self.bytes.get_mut(range.ok_or(BlockError::OutOfRange)?).ok_or(BlockError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_disk_is_zeroed() {
        let mut disk = Disk::new(3).unwrap();
        assert_eq!(disk.blocks(), 3);
        assert_eq!(disk.range(0, 3 * BLOCK_BYTES).unwrap(), [0; 3 * BLOCK_BYTES]);
    }

    #[test]
    fn the_last_block_is_the_last() {
        let mut disk = Disk::new(3).unwrap();
        assert!(disk.range(2, BLOCK_BYTES).is_ok());
        assert!(disk.range(3, 0).is_ok());
        assert_eq!(disk.range(2, 2 * BLOCK_BYTES), Err(BlockError::OutOfRange));
        assert_eq!(disk.range(3, BLOCK_BYTES), Err(BlockError::OutOfRange));
        assert_eq!(disk.range(u64::MAX, BLOCK_BYTES), Err(BlockError::OutOfRange));
        assert_eq!(disk.range(u64::MAX / 512, BLOCK_BYTES), Err(BlockError::OutOfRange));
    }

    #[test]
    fn parts_of_blocks_are_refused() {
        let mut disk = Disk::new(3).unwrap();
        assert_eq!(disk.range(0, 100), Err(BlockError::BadLength));
    }

    #[test]
    fn a_disk_larger_than_memory_is_refused() {
        assert!(Disk::new(usize::MAX / BLOCK_BYTES).is_none());
        assert!(Disk::new(usize::MAX).is_none());
    }
}
