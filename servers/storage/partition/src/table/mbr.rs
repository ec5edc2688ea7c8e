//! The master boot record: four entries in block 0, and a chain of logical partitions.
//!
//! The signature alone says little, because boot sectors of file systems carry it too. A block 0
//! is a table only if each of its entries is either empty or marked as inactive or active, and none starts
//! with block 0 itself; so a disk that holds a bare file system counts as one without a table. Some tools
//! write an entry for such a file system into its own boot sector.

use super::{Disk, Extent, TableError, u32_at, within};

const SIGNATURE_OFFSET: usize = 510;
const SIGNATURE: [u8; 2] = [0x55, 0xaa];
const ENTRIES_OFFSET: usize = 446;
const ENTRY_BYTES: usize = 16;

const EMPTY: u8 = 0;
const PROTECTIVE: u8 = 0xee;
/// Types of entry that hold a chain of logical partitions: CHS, LBA, Linux.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];

/// Number of the first logical partition.
const FIRST_LOGICAL: u32 = 5;
/// Longest chain that is followed; a longer one is a loop.
const LONGEST_CHAIN: u32 = 128;

/// One entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: u8,
    first: u32,
    blocks: u32,
}

/// What block 0 is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// No table.
    None,
    /// The disk has a GPT; this table only keeps old tools off.
    Protective,
    /// A table.
    Entries([Entry; 4]),
}

/// Decodes block 0.
pub fn decode(block: &[u8]) -> Kind {
    let is_this_block = |entry: &Entry| entry.kind != EMPTY && entry.first == 0;
    match entries(block) {
        Some(entries) if entries.iter().any(|entry| entry.kind == PROTECTIVE) => Kind::Protective,
        Some(entries) if entries.iter().any(is_this_block) => Kind::None,
        Some(entries) if entries.iter().any(|entry| entry.kind != EMPTY) => Kind::Entries(entries),
        _ => Kind::None,
    }
}

/// Finds a partition.
pub fn locate<D: Disk>(
    disk: &mut D,
    number: u32,
    entries: &[Entry; 4],
    block: &mut [u8],
) -> Result<Extent, TableError<D::Error>> {
    let is_partition = |entry: &Entry| entry.kind != EMPTY && !EXTENDED.contains(&entry.kind);
    let primary = match number {
        0 => entries.iter().find(|entry| is_partition(entry)),
        1..FIRST_LOGICAL => {
            let entry = &entries[number as usize - 1];
            Some(is_partition(entry).then_some(entry).ok_or(TableError::NoSuchPartition)?)
        }
        _ => None,
    };
    if let Some(entry) = primary {
        return within(disk.blocks(), entry.first.into(), entry.blocks.into())
            .ok_or(TableError::CorruptMbr);
    }
    let chain = entries.iter().find(|entry| EXTENDED.contains(&entry.kind));
    let chain = chain.ok_or(TableError::NoSuchPartition)?;
    logical(disk, number.saturating_sub(FIRST_LOGICAL), chain.first.into(), block)
}

/// Follows the chain that starts at block `base` to its partition `index`, from 0.
///
/// Each link is a table of its own with two entries: the partition, relative to the link, and the
/// next link, relative to the base.
fn logical<D: Disk>(
    disk: &mut D,
    index: u32,
    base: u64,
    block: &mut [u8],
) -> Result<Extent, TableError<D::Error>> {
    let mut link = base;
    let mut left = index;
    for _ in 0..LONGEST_CHAIN {
        if link == 0 || link >= disk.blocks() {
            return Err(TableError::CorruptMbr);
        }
        disk.read(link, block).map_err(TableError::Disk)?;
        let [partition, next, ..] = entries(block).ok_or(TableError::CorruptMbr)?;
        if partition.kind != EMPTY {
            if left == 0 {
                return within(
                    disk.blocks(),
                    link + u64::from(partition.first),
                    partition.blocks.into(),
                )
                .ok_or(TableError::CorruptMbr);
            }
            left -= 1;
        }
        if next.kind == EMPTY {
            return Err(TableError::NoSuchPartition);
        }
        link = base + u64::from(next.first);
    }
    Err(TableError::CorruptMbr)
}

/// The entries of a block that is a table; `None` if it is none.
fn entries(block: &[u8]) -> Option<[Entry; 4]> {
    if block.get(SIGNATURE_OFFSET..)?.first_chunk() != Some(&SIGNATURE) {
        return None;
    }
    let mut entries = [Entry { kind: EMPTY, first: 0, blocks: 0 }; 4];
    for (index, entry) in entries.iter_mut().enumerate() {
        let bytes =
            block.get(ENTRIES_OFFSET + index * ENTRY_BYTES..)?.first_chunk::<ENTRY_BYTES>()?;
        let active = bytes[0];
        if active & 0x7f != 0 {
            return None;
        }
        *entry = Entry { kind: bytes[4], first: u32_at(bytes, 8), blocks: u32_at(bytes, 12) };
    }
    Some(entries)
}
