//! Partition tables: where partition `number` lies, or why that cannot be said.
//!
//! Pure: a table is read through [`Disk`], so the same code runs over a device, over an image in a
//! test, and over the fuzzer's bytes. Nothing that the disk says is believed: every range is checked
//! against the length of the disk, every count against a limit.
//!
//! # Numbers
//!
//! 1 to 4 are the entries of an MBR, from 5 on the logical partitions in the order of their chain;
//! in a GPT, `n` is entry `n` of the array. Number 0 means "what there is": the whole disk if it has
//! no table, the first partition otherwise.

mod gpt;
mod mbr;

/// Largest block that a disk may have.
pub const BLOCK_BYTES: usize = 4096;

/// What a table is read from.
pub trait Disk {
    /// Why a block could not be read.
    type Error;
    /// Bytes per block: a power of two from 512 to [`BLOCK_BYTES`].
    fn block_bytes(&self) -> usize;
    /// Number of blocks.
    fn blocks(&self) -> u64;
    /// Fills `buffer`, which is one block long, from this block, which exists.
    fn read(&mut self, block: u64, buffer: &mut [u8]) -> Result<(), Self::Error>;
}

/// A range of blocks of the disk. It is not empty and ends within the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First block.
    pub first: u64,
    /// Number of blocks.
    pub blocks: u64,
}

/// Why a partition was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError<E> {
    /// The disk could not be read.
    Disk(E),
    /// The disk is empty, or has blocks of an impossible size.
    BadDisk,
    /// The disk has no partition table, so it has no partition with a number.
    NoTable,
    /// The table has no partition with this number.
    NoSuchPartition,
    /// An MBR entry reaches beyond the disk, or the chain of logical partitions is broken.
    CorruptMbr,
    /// Neither header of the GPT is intact.
    CorruptGpt,
    /// The GPT is intact, but the entry of this partition makes no sense.
    CorruptEntry,
}

impl<E> TableError<E> {
    /// One line for people.
    pub fn message(&self) -> &'static str {
        match self {
            TableError::Disk(_) => "the disk cannot be read",
            TableError::BadDisk => "the disk is empty or has blocks of an impossible size",
            TableError::NoTable => "the disk has no partition table",
            TableError::NoSuchPartition => "the partition table has no partition with this number",
            TableError::CorruptMbr => "the partition table (MBR) is corrupt",
            TableError::CorruptGpt => "both copies of the partition table (GPT) are corrupt",
            TableError::CorruptEntry => "the partition's entry in the table (GPT) is corrupt",
        }
    }
}

/// Where partition `number` lies.
pub fn locate<D: Disk>(disk: &mut D, number: u32) -> Result<Extent, TableError<D::Error>> {
    let block_bytes = disk.block_bytes();
    let sizes = 512..=BLOCK_BYTES;
    if disk.blocks() == 0 || !block_bytes.is_power_of_two() || !sizes.contains(&block_bytes) {
        return Err(TableError::BadDisk);
    }
    let mut buffer = [0; BLOCK_BYTES];
    let block = &mut buffer[..block_bytes];
    disk.read(0, block).map_err(TableError::Disk)?;
    match mbr::decode(block) {
        mbr::Kind::None if number == 0 => Ok(Extent { first: 0, blocks: disk.blocks() }),
        mbr::Kind::None => Err(TableError::NoTable),
        mbr::Kind::Protective => gpt::locate(disk, number, block),
        mbr::Kind::Entries(entries) => mbr::locate(disk, number, &entries, block),
    }
}

/// The range, if it is not empty and ends within `blocks`.
fn within(blocks: u64, first: u64, length: u64) -> Option<Extent> {
    let end = first.checked_add(length)?;
    (length > 0 && end <= blocks).then_some(Extent { first, blocks: length })
}

/// The `N` bytes at `offset`; zeroes where the block has ended.
fn bytes<const N: usize>(block: &[u8], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    if let Some(found) = block.get(offset..).and_then(|rest| rest.first_chunk()) {
        bytes = *found;
    }
    bytes
}

/// The number at `offset`.
fn u32_at(block: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes(block, offset))
}

/// The number at `offset`.
fn u64_at(block: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes(block, offset))
}

#[cfg(test)]
mod tests;
