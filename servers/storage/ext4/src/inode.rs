//! Inodes: what a file is, and where the numbers of its blocks are.

use super::{
    blocks::Blocks,
    bytes::{array, u16_at, u32_at, u64_of},
    checksum::{checksum, checksum_without},
    fault::Fault,
    volume::Volume,
};

/// Number of the root directory.
pub const ROOT: u32 = 2;

const FLAG_ENCRYPTED: u32 = 0x800;
const FLAG_EXTENTS: u32 = 0x8_0000;
const FLAG_INLINE: u32 = 0x1000_0000;

const CHECKSUM_LOW: usize = 0x7c;
const EXTRA_BYTES: usize = 0x80;
const CHECKSUM_HIGH: usize = 0x82;
const MODIFIED_EXTRA: usize = 0x88;

/// What an inode describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

/// One inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Its number.
    pub number: u32,
    /// What it describes.
    pub kind: Kind,
    /// Unix permission bits.
    pub mode: u16,
    /// Bytes of its contents.
    pub bytes: u64,
    /// Seconds since 1970 of the last change.
    pub modified: u64,
    /// Numbers of blocks, the root of an extent tree, or the target of a short link.
    pub map: [u8; 60],
    /// Whether `map` is an extent tree.
    pub has_extents: bool,
    /// Where checksums of its blocks start.
    pub seed: Option<u32>,
    flags: u32,
}

impl Inode {
    /// Step: the inode with this number.
    pub fn read(volume: &Volume, blocks: &dyn Blocks, number: u32) -> Result<Self, Fault> {
        let (block, offset) = volume.inode_place(blocks, number)?;
        let block = blocks.block(block)?;
        let bytes = block.get(offset..offset + volume.inode_bytes).ok_or(Fault::Corrupt)?;
        let inode = Self::decode(volume, number, bytes);
        check(inode.seed, bytes)?;
        Ok(inode)
    }

    /// Whether its contents cannot be read here: they are encrypted, or lie among its attributes.
    pub fn is_sealed(&self) -> bool {
        self.flags & (FLAG_ENCRYPTED | FLAG_INLINE) != 0
    }

    fn decode(volume: &Volume, number: u32, bytes: &[u8]) -> Self {
        let mode = u16_at(bytes, 0x0);
        let kind = match mode & 0xf000 {
            0x8000 => Kind::File,
            0x4000 => Kind::Directory,
            0xa000 => Kind::Link,
            _ => Kind::Other,
        };
        let flags = u32_at(bytes, 0x20);
        let seed = volume.seed.map(|seed| {
            let sum = checksum(seed, &number.to_le_bytes());
            checksum(sum, &array::<4>(bytes, 0x64))
        });
        Inode {
            number,
            kind,
            mode: mode & 0xfff,
            bytes: u64_of(bytes, 0x4, 0x6c),
            modified: modified(bytes),
            map: array(bytes, 0x28),
            has_extents: flags & FLAG_EXTENTS != 0,
            seed,
            flags,
        }
    }
}

/// Bytes of the inode behind the first 128 that are in use.
fn extra_bytes(bytes: &[u8]) -> usize {
    if bytes.len() > EXTRA_BYTES { u16_at(bytes, EXTRA_BYTES).into() } else { 0 }
}

/// Seconds since 1970: signed 32 bits, and two more bits where there is room for them.
fn modified(bytes: &[u8]) -> u64 {
    let has_extra = extra_bytes(bytes) >= MODIFIED_EXTRA + 4 - EXTRA_BYTES;
    let epoch = if has_extra { u32_at(bytes, MODIFIED_EXTRA) & 3 } else { 0 };
    let seconds = i64::from(u32_at(bytes, 0x10) as i32) + (i64::from(epoch) << 32);
    seconds.max(0) as u64
}

fn check(seed: Option<u32>, bytes: &[u8]) -> Result<(), Fault> {
    let Some(seed) = seed else { return Ok(()) };
    let has_high = extra_bytes(bytes) >= CHECKSUM_HIGH + 2 - EXTRA_BYTES;
    let low = u32::from(u16_at(bytes, CHECKSUM_LOW));
    let (first, rest) = bytes.split_at(EXTRA_BYTES);
    let sum = checksum_without(seed, first, CHECKSUM_LOW..CHECKSUM_LOW + 2);
    let right = match has_high {
        true => {
            let at = CHECKSUM_HIGH - EXTRA_BYTES;
            let high = u32::from(u16_at(bytes, CHECKSUM_HIGH));
            checksum_without(sum, rest, at..at + 2) == high << 16 | low
        }
        false => checksum(sum, rest) & 0xffff == low,
    };
    if right { Ok(()) } else { Err(Fault::Corrupt) }
}
