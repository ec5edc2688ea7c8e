//! The superblock: what the volume is made of, and where its inodes lie.
//!
//! A volume is refused when it is mounted if it uses a feature that changes the meaning of what is read
//! here. Everything that later code divides by or shifts by is checked here, once.

use super::{
    blocks::Blocks,
    bytes::{array, u16_at, u32_at, u64_of},
    checksum::{START, checksum, checksum_without},
    fault::Fault,
};

/// Offset of the superblock on the disk.
pub const SUPERBLOCK_OFFSET: usize = 1024;
/// Length of the superblock.
pub const SUPERBLOCK_BYTES: usize = 1024;

const MAGIC: u16 = 0xef53;

const FEATURE_RECOVER: u32 = 0x4;
const FEATURE_64BIT: u32 = 0x80;
const FEATURE_SEED: u32 = 0x2000;
/// Incompatible features that do not change what is read here, or that are understood: types in
/// directory entries, recovery, extents, 64 bits, multiple-mount protection, flexible groups,
/// attributes in inodes, checksum seed, large directories, inline data, encryption, casefolding.
/// Inodes that are encrypted or inline are refused one by one.
const FEATURES: u32 = 0x2
    | FEATURE_RECOVER
    | 0x40
    | FEATURE_64BIT
    | 0x100
    | 0x200
    | 0x400
    | FEATURE_SEED
    | 0x4000
    | 0x8000
    | 0x1_0000
    | 0x2_0000;
const READ_ONLY_FEATURE_CHECKSUMS: u32 = 0x400;

const CHECKSUM_OFFSET: usize = 0x3fc;
const GROUP_CHECKSUM: usize = 0x1e;

/// A volume, as its superblock describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Bytes of a block: a power of two from 1024 to 65536.
    pub block_bytes: usize,
    /// Number of blocks.
    pub blocks: u64,
    /// Bytes of an inode on the disk: a power of two from 128 to the block.
    pub inode_bytes: usize,
    /// Inode of the journal, if it has to be read before anything else.
    pub journal: Option<u32>,
    /// Where checksums start, if the volume has them.
    pub seed: Option<u32>,
    inodes: u32,
    inodes_per_group: u32,
    group_bytes: usize,
    first_group_block: u64,
}

impl Volume {
    /// Decodes a superblock. The volume lies on a disk of `disk_bytes` bytes.
    pub fn decode(bytes: &[u8; SUPERBLOCK_BYTES], disk_bytes: u64) -> Result<Self, Fault> {
        if u16_at(bytes, 0x38) != MAGIC {
            return Err(Fault::Corrupt);
        }
        let modern = u32_at(bytes, 0x4c) >= 1;
        let feature = |offset| if modern { u32_at(bytes, offset) } else { 0 };
        let features = feature(0x60);
        let checksums = feature(0x64) & READ_ONLY_FEATURE_CHECKSUMS != 0;
        if checksums && checksum(START, &bytes[..CHECKSUM_OFFSET]) != u32_at(bytes, CHECKSUM_OFFSET)
        {
            return Err(Fault::Corrupt);
        }
        if features & !FEATURES != 0 {
            return Err(Fault::Unsupported);
        }
        let is_64bit = features & FEATURE_64BIT != 0;
        let seed = match features & FEATURE_SEED != 0 {
            true => u32_at(bytes, 0x270),
            false => checksum(START, &array::<16>(bytes, 0x68)),
        };
        let shift = u32_at(bytes, 0x18);
        let block_bytes = if shift <= 6 { 1024 << shift } else { return Err(Fault::Corrupt) };
        let volume = Volume {
            block_bytes,
            blocks: if is_64bit { u64_of(bytes, 0x4, 0x150) } else { u32_at(bytes, 0x4).into() },
            inode_bytes: if modern { u16_at(bytes, 0x58).into() } else { 128 },
            journal: (features & FEATURE_RECOVER != 0).then(|| u32_at(bytes, 0xe0)),
            seed: checksums.then_some(seed),
            inodes: u32_at(bytes, 0x0),
            inodes_per_group: u32_at(bytes, 0x28),
            group_bytes: if is_64bit { u16_at(bytes, 0xfe).into() } else { 32 },
            first_group_block: u64::from(u32_at(bytes, 0x14)) + 1,
        };
        volume.check(disk_bytes)
    }

    fn check(self, disk_bytes: u64) -> Result<Self, Fault> {
        let bytes = self.blocks.checked_mul(self.block_bytes as u64).ok_or(Fault::Corrupt)?;
        let sane = bytes <= disk_bytes
            && self.inode_bytes.is_power_of_two()
            && (128..=self.block_bytes).contains(&self.inode_bytes)
            && self.group_bytes.is_power_of_two()
            && (32..=self.block_bytes).contains(&self.group_bytes)
            && self.inodes_per_group > 0;
        if sane { Ok(self) } else { Err(Fault::Corrupt) }
    }

    /// Block and offset where an inode lies. Reads the descriptor of its group.
    pub fn inode_place(&self, blocks: &dyn Blocks, inode: u32) -> Result<(u64, usize), Fault> {
        if inode == 0 || inode > self.inodes {
            return Err(Fault::Corrupt);
        }
        let (group, index) =
            ((inode - 1) / self.inodes_per_group, (inode - 1) % self.inodes_per_group);
        let per_block = self.block_bytes / self.group_bytes;
        let block = self.first_group_block + u64::from(group) / per_block as u64;
        let block = blocks.block(block)?;
        let offset = group as usize % per_block * self.group_bytes;
        let descriptor = block.get(offset..offset + self.group_bytes).ok_or(Fault::Corrupt)?;
        self.check_group(group, descriptor)?;
        let table = match self.group_bytes >= 64 {
            true => u64_of(descriptor, 0x8, 0x28),
            false => u32_at(descriptor, 0x8).into(),
        };
        let offset = u64::from(index) * self.inode_bytes as u64;
        let block = table.checked_add(offset / self.block_bytes as u64).ok_or(Fault::Corrupt)?;
        Ok((block, (offset % self.block_bytes as u64) as usize))
    }

    fn check_group(&self, group: u32, descriptor: &[u8]) -> Result<(), Fault> {
        let Some(seed) = self.seed else { return Ok(()) };
        let sum = checksum(seed, &group.to_le_bytes());
        let sum = checksum_without(sum, descriptor, GROUP_CHECKSUM..GROUP_CHECKSUM + 2);
        if sum as u16 == u16_at(descriptor, GROUP_CHECKSUM) { Ok(()) } else { Err(Fault::Corrupt) }
    }
}
