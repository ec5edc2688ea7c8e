//! One partition of a disk, as a disk of its own.
//!
//! # Shape
//!
//! [`table`] finds the partition and is tested on the host. [`Partition`] is the server around it: it
//! looks once, when it is constructed, and from then on only moves numbers of blocks.
//!
//! # Which partition
//!
//! The parameter `number`; see [`table`]. Without it, what there is: the whole disk if it has no
//! table, the first partition otherwise. So one system starts with either kind of disk.
//!
//! # State, and what a restart loses
//!
//! Where the partition lies, which is found again.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod table;

use warren::{Cx, New, Out, Req, Required, Server, StartError, server};
use warren_idl::{BlockDevice, BlockError, Parameters};
use warren_parameters::number;

use crate::table::{Disk, Extent, TableError};

/// What a partition needs.
#[derive(Required)]
pub struct Needs {
    disk: Req<dyn BlockDevice>,
    parameters: Req<dyn Parameters>,
}

/// One partition of a disk.
#[server(
    provides(BlockDevice),
    parameters("number"),
    stack = 16384,
    summary = "one partition of a disk, by MBR or GPT"
)]
pub struct Partition {
    extent: Extent,
    block_bytes: u32,
}

impl Server for Partition {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let number = chosen(&cx.req().parameters)?;
        let disk = &cx.req().disk;
        let (block_bytes, blocks) = (disk.block_bytes(cx)?, disk.blocks(cx)?);
        let extent = table::locate(&mut Whole { cx, block_bytes, blocks }, number);
        let extent = extent.map_err(|error| match error {
            TableError::Disk(error) => error.into(),
            error => StartError::new(error.message()),
        })?;
        Ok(Partition { extent, block_bytes })
    }
}

impl Partition {
    /// Block of the disk that is block `first` here, if `bytes` from there on lie in the partition.
    fn place(&self, first: u64, bytes: usize) -> Result<u64, BlockError> {
        let block_bytes = self.block_bytes as usize;
        if !bytes.is_multiple_of(block_bytes) {
            return Err(BlockError::BadLength);
        }
        let end = first.checked_add((bytes / block_bytes) as u64);
        match end {
            Some(end) if end <= self.extent.blocks => Ok(self.extent.first + first),
            _ => Err(BlockError::OutOfRange),
        }
    }
}

impl BlockDevice for Partition {
    fn block_bytes(cx: &mut Cx<'_, Self>) -> Result<u32, BlockError> {
        Ok(cx.block_bytes)
    }

    fn blocks(cx: &mut Cx<'_, Self>) -> Result<u64, BlockError> {
        Ok(cx.extent.blocks)
    }

    fn read(cx: &mut Cx<'_, Self>, first: u64, mut buffer: Out<'_>) -> Result<(), BlockError> {
        let place = cx.place(first, buffer.len())?;
        cx.req().disk.read(cx, place, buffer.zeroed())
    }

    fn write(cx: &mut Cx<'_, Self>, first: u64, buffer: &[u8]) -> Result<(), BlockError> {
        let place = cx.place(first, buffer.len())?;
        cx.req().disk.write(cx, place, buffer)
    }

    fn flush(cx: &mut Cx<'_, Self>) -> Result<(), BlockError> {
        cx.req().disk.flush(cx)
    }
}

/// The parameter `number`; 0 if it is not set.
fn chosen(parameters: &Req<dyn Parameters>) -> Result<u32, StartError> {
    let all = 0..=u64::from(u32::MAX);
    Ok(number(parameters, "number", 0, all, "`number` is not the number of a partition")? as u32)
}

/// The disk, while the table is read.
struct Whole<'a, 'f> {
    cx: &'a mut Cx<'f, New<Partition>>,
    block_bytes: u32,
    blocks: u64,
}

impl Disk for Whole<'_, '_> {
    type Error = BlockError;

    fn block_bytes(&self) -> usize {
        self.block_bytes as usize
    }

    fn blocks(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, block: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.cx.req().disk.read(self.cx, block, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: Partition =
        Partition { extent: Extent { first: 10, blocks: 4 }, block_bytes: 512 };

    #[test]
    fn blocks_are_those_of_the_partition() {
        assert_eq!(PARTITION.place(0, 2048), Ok(10));
        assert_eq!(PARTITION.place(3, 512), Ok(13));
        assert_eq!(PARTITION.place(4, 0), Ok(14));
    }

    #[test]
    fn blocks_beyond_the_partition_are_out_of_range() {
        for (first, bytes) in [(0, 2560), (3, 1024), (4, 512), (5, 0), (u64::MAX, 512)] {
            assert_eq!(PARTITION.place(first, bytes), Err(BlockError::OutOfRange));
        }
    }

    #[test]
    fn parts_of_blocks_are_refused() {
        assert_eq!(PARTITION.place(0, 100), Err(BlockError::BadLength));
    }
}
