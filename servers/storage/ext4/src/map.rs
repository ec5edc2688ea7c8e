//! From a block of a file to a block of the volume: extent trees, and the older trees of block numbers.

use alloc::rc::Rc;
use core::ops::Range;

use super::{
    blocks::Blocks,
    bytes::{u16_at, u32_at},
    checksum::checksum,
    fault::Fault,
    inode::Inode,
    volume::Volume,
};

const EXTENT_MAGIC: u16 = 0xf30a;
const ENTRY_BYTES: usize = 12;
const DEEPEST: u16 = 5;
/// An extent longer than this is set aside but was never written: it reads as zeroes, and its length is
/// what is above.
const LONGEST_WRITTEN: u16 = 32768;

const DIRECT: u64 = 12;
const LEVELS: u64 = 3;

/// Step: a block of a file's contents; `None` in a hole.
pub fn read(
    volume: &Volume,
    blocks: &dyn Blocks,
    inode: &Inode,
    block: u64,
) -> Result<Option<Rc<[u8]>>, Fault> {
    let place = find(volume, blocks, inode, block)?;
    place.map(|number| blocks.block(number)).transpose()
}

/// Step: where a block of a file's contents is on the volume; `None` in a hole.
pub fn find(
    volume: &Volume,
    blocks: &dyn Blocks,
    inode: &Inode,
    block: u64,
) -> Result<Option<u64>, Fault> {
    Ok(run(volume, blocks, inode, block)?.map(|run| run.start))
}

/// Step: where a block of a file's contents, and those that follow it, are on the volume one behind the other; `None` if that one is in a hole.
pub fn run(
    volume: &Volume,
    blocks: &dyn Blocks,
    inode: &Inode,
    block: u64,
) -> Result<Option<Range<u64>>, Fault> {
    if inode.is_sealed() {
        return Err(Fault::Unsupported);
    }
    match inode.has_extents {
        true => in_extents(blocks, inode, block),
        false => {
            let place = in_numbers(volume, blocks, inode, block)?;
            Ok(place.map(|place| place..place + 1))
        }
    }
}

fn in_extents(blocks: &dyn Blocks, inode: &Inode, block: u64) -> Result<Option<Range<u64>>, Fault> {
    // The root lies in the inode, the other nodes in blocks.
    let mut below: Rc<[u8]>;
    let mut node = &inode.map[..];
    let mut depth = check_node(node)?;
    if depth > DEEPEST {
        return Err(Fault::Corrupt);
    }
    // Where what is found ends at the latest: another entry begins.
    let mut end = u64::MAX;
    while depth > 0 {
        end = end.min(next_start(node, block));
        let Some(entry) = entry_before(node, block) else { return Ok(None) };
        let child = u64::from(u16_at(entry, 8)) << 32 | u64::from(u32_at(entry, 4));
        below = blocks.checked(child, inode.seed, is_right)?;
        node = &below;
        depth -= 1;
        if check_node(node)? != depth {
            return Err(Fault::Corrupt);
        }
    }
    let Some(extent) = entry_before(node, block) else { return Ok(None) };
    let first = u64::from(u32_at(extent, 0));
    let length = u16_at(extent, 4);
    let end = end.min(next_start(node, block)).min(first + u64::from(length));
    let is_hole = length > LONGEST_WRITTEN || block >= end;
    let start = u64::from(u16_at(extent, 6)) << 32 | u64::from(u32_at(extent, 8));
    Ok((!is_hole).then(|| start + (block - first)..start + (end - first)))
}

/// The depth of a node that may be one.
fn check_node(node: &[u8]) -> Result<u16, Fault> {
    let entries = usize::from(u16_at(node, 2));
    let most = usize::from(u16_at(node, 4));
    let fits = entries <= most && (most + 1) * ENTRY_BYTES <= node.len();
    if u16_at(node, 0) == EXTENT_MAGIC && fits { Ok(u16_at(node, 6)) } else { Err(Fault::Corrupt) }
}

/// The checksum of a node outside the inode stands behind its last possible entry.
fn is_right(seed: u32, node: &[u8]) -> bool {
    let end = (usize::from(u16_at(node, 4)) + 1) * ENTRY_BYTES;
    end + 4 <= node.len() && checksum(seed, &node[..end]) == u32_at(node, end)
}

/// The last entry that starts at or before a block. The order of the entries is not relied upon.
fn entry_before(node: &[u8], block: u64) -> Option<&[u8]> {
    let before = entries(node).filter(|entry| u64::from(u32_at(entry, 0)) <= block);
    before.max_by_key(|entry| u32_at(entry, 0))
}

/// Where the first entry behind a block starts.
fn next_start(node: &[u8], block: u64) -> u64 {
    let starts = entries(node).map(|entry| u64::from(u32_at(entry, 0)));
    starts.filter(|start| *start > block).min().unwrap_or(u64::MAX)
}

fn entries(node: &[u8]) -> impl Iterator<Item = &[u8]> {
    let entries = usize::from(u16_at(node, 2));
    node.chunks_exact(ENTRY_BYTES).skip(1).take(entries)
}

/// Twelve numbers of blocks, then one block of numbers, one of blocks of numbers, and one level more.
fn in_numbers(
    volume: &Volume,
    blocks: &dyn Blocks,
    inode: &Inode,
    block: u64,
) -> Result<Option<u64>, Fault> {
    let number = |bytes: &[u8], index: u64| u64::from(u32_at(bytes, index as usize * 4));
    if block < DIRECT {
        return Ok(Some(number(&inode.map, block)).filter(|number| *number != 0));
    }
    let per_block = volume.block_bytes as u64 / 4;
    let mut rest = block - DIRECT;
    let mut span = 1;
    for level in 0..LEVELS {
        span *= per_block;
        if rest < span {
            let mut place = number(&inode.map, DIRECT + level);
            while place != 0 && span > 1 {
                span /= per_block;
                place = number(&blocks.block(place)?, rest / span);
                rest %= span;
            }
            return Ok(Some(place).filter(|number| *number != 0));
        }
        rest -= span;
    }
    Err(Fault::Corrupt)
}
