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
use warren_idl::{BlockDevice, BlockError, ParameterError, Parameters};

/// Bytes of a block.
const BLOCK_BYTES: usize = 512;

/// Blocks of a disk whose system file does not say.
const DEFAULT_BLOCKS: usize = 2048;

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
        let mut text = [0; 20];
        let blocks = match cx.req().parameters.get("blocks", &mut text) {
            Ok(length) => number(text.get(..length as usize).unwrap_or_default())
                .ok_or(StartError::new("`blocks` is no number of blocks"))?,
            Err(ParameterError::Unset) => DEFAULT_BLOCKS,
            Err(error) => return Err(error.into()),
        };
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

/// A decimal number that is not 0.
fn number(text: &[u8]) -> Option<usize> {
    core::str::from_utf8(text).ok()?.parse().ok().filter(|number| *number > 0)
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

    #[test]
    fn only_decimal_numbers_are_numbers() {
        assert_eq!(number(b"4096"), Some(4096));
        assert_eq!(number(b"0"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"0x10"), None);
        assert_eq!(number(b"\xff"), None);
    }
}
