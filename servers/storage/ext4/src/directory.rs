//! Directories: blocks of entries, each an inode's number and a name.
//!
//! The hash tree that large directories have for fast look-ups is laid out so that its nodes look like
//! entries without an inode. So reading all blocks in order finds every entry, and no node.

use alloc::{boxed::Box, rc::Rc, vec::Vec};

use super::{
    blocks::{Blocks, Steps},
    bytes::{u16_at, u32_at},
    checksum::checksum,
    fault::Fault,
    inode::{Inode, Kind},
    map,
    volume::Volume,
};

/// Largest directory that is read, in bytes; one that claims more is refused, not read for hours.
pub const LARGEST: u64 = 64 << 20;
/// Most entries that a listing has: some megabytes of memory.
pub const MOST_ENTRIES: usize = 1 << 17;

const HEAD_BYTES: usize = 8;
const TAIL_BYTES: usize = 12;
const TAIL_TYPE: u8 = 0xde;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: Box<[u8]>,
    /// Number of the inode.
    pub inode: u32,
}

/// The entries in the order of their names, without `.` and `..`.
pub fn entries<S: Steps>(steps: &mut S, inode: &Inode) -> Result<Vec<Entry>, S::Error> {
    let mut found = Vec::new();
    let beyond = search(steps, inode, |number, name| {
        let is_full = found.len() == MOST_ENTRIES;
        if !is_full && name != b"." && name != b".." {
            found.push(Entry { name: name.into(), inode: number });
        }
        is_full
    })?;
    if beyond.is_some() {
        return Err(Fault::Unsupported.into());
    }
    found.sort_unstable();
    Ok(found)
}

/// Number of the inode that a name stands for.
pub fn look_up<S: Steps>(steps: &mut S, inode: &Inode, wanted: &[u8]) -> Result<u32, S::Error> {
    let found = search(steps, inode, |_, name| name == wanted)?;
    found.ok_or_else(|| Fault::NotFound.into())
}

/// Goes through the entries until `visit` says that one is the right one.
fn search<S: Steps>(
    steps: &mut S,
    inode: &Inode,
    mut visit: impl FnMut(u32, &[u8]) -> bool,
) -> Result<Option<u32>, S::Error> {
    if inode.kind != Kind::Directory {
        return Err(Fault::NotADirectory.into());
    }
    if inode.bytes > LARGEST {
        return Err(Fault::Unsupported.into());
    }
    let mut offset = 0;
    while offset < inode.bytes {
        let block = steps.step(|volume, blocks| {
            block(volume, blocks, inode, offset / volume.block_bytes as u64)
        })?;
        offset += block.len() as u64;
        let mut rest = &block[..];
        while !rest.is_empty() {
            let (entry, tail) = split(rest)?;
            if let Some((number, name)) = entry
                && visit(number, name)
            {
                return Ok(Some(number));
            }
            rest = tail;
        }
    }
    Ok(None)
}

/// Step: a block of entries.
fn block(
    volume: &Volume,
    blocks: &dyn Blocks,
    inode: &Inode,
    index: u64,
) -> Result<Rc<[u8]>, Fault> {
    let number = map::find(volume, blocks, inode, index)?.ok_or(Fault::Corrupt)?;
    blocks.checked(number, inode.seed, is_right)
}

/// A block of entries ends with its checksum, disguised as an entry; nodes of the hash tree do not.
fn is_right(seed: u32, block: &[u8]) -> bool {
    let (entries, tail) = block.split_at(block.len() - TAIL_BYTES);
    let is_tail =
        u32_at(tail, 0) == 0 && u16_at(tail, 4) == TAIL_BYTES as u16 && tail[7] == TAIL_TYPE;
    !is_tail || checksum(seed, entries) == u32_at(tail, 8)
}

/// Number and name of an entry.
type Found<'a> = (u32, &'a [u8]);

/// The first entry, if it is in use, and what follows it.
fn split(bytes: &[u8]) -> Result<(Option<Found<'_>>, &[u8]), Fault> {
    // A block of 64 KiB cannot be written as a length: it stands as 0 or as the largest number.
    let length = match usize::from(u16_at(bytes, 4)) {
        0 | 0xffff if bytes.len() > 0xffff => bytes.len(),
        length => length,
    };
    let name_bytes = usize::from(*bytes.get(6).ok_or(Fault::Corrupt)?);
    let (entry, rest) = bytes.split_at_checked(length).ok_or(Fault::Corrupt)?;
    let number = u32_at(entry, 0);
    if length < HEAD_BYTES || !length.is_multiple_of(4) {
        return Err(Fault::Corrupt);
    }
    if number == 0 {
        return Ok((None, rest));
    }
    let name = entry.get(HEAD_BYTES..HEAD_BYTES + name_bytes).ok_or(Fault::Corrupt)?;
    let is_name = !name.is_empty() && !name.contains(&b'/') && !name.contains(&0);
    if is_name { Ok((Some((number, name)), rest)) } else { Err(Fault::Corrupt) }
}
