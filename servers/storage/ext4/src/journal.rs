//! The journal: blocks that were committed but not yet written to their places.
//!
//! A volume that was not unmounted has to be read together with its journal. Writing is not this
//! server's business, so the journal is not emptied: [`Replay`] says which block of the journal
//! stands for which block of the volume, and every look at a block goes through it.
//!
//! The journal ends at the first block that does not continue it; a transaction whose commit
//! is missing or whose checksums are wrong counts as never begun (Linux, `fs/jbd2/recovery.c`, does the same).

use alloc::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    vec::Vec,
};

use super::{
    blocks::Steps,
    bytes::array,
    checksum::{START, checksum, checksum_without},
    fault::Fault,
    inode::Inode,
    map, walk,
};

const MAGIC: u32 = 0xc03b_3998;
const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const SUPERBLOCKS: [u32; 2] = [3, 4];
const REVOKE: u32 = 5;
const HEADER_BYTES: usize = 12;

const FEATURE_REVOKE: u32 = 0x1;
const FEATURE_64BIT: u32 = 0x2;
const FEATURE_ASYNC: u32 = 0x4;
const FEATURE_CHECKSUM_2: u32 = 0x8;
const FEATURE_CHECKSUM_3: u32 = 0x10;
const FEATURES: u32 =
    FEATURE_REVOKE | FEATURE_64BIT | FEATURE_ASYNC | FEATURE_CHECKSUM_2 | FEATURE_CHECKSUM_3;

/// Most copies and revocations that are remembered, some megabytes of memory: as many as the largest
/// journal that `mke2fs` makes by itself has blocks.
const MOST_WRITES: usize = 1 << 18;

const TAG_ESCAPED: u32 = 1;
const TAG_SAME_UUID: u32 = 2;
const TAG_LAST: u32 = 8;

/// Where a newer copy of a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Copy {
    place: u64,
    /// The copy looked like a block of the journal itself, and has zeroes for its first four bytes.
    escaped: bool,
}

/// Which block of the journal stands for which block of the volume.
#[derive(Debug, Default)]
pub struct Replay {
    copies: BTreeMap<u64, Copy>,
}

impl Replay {
    /// Reads the journal in this inode.
    pub fn read<S: Steps>(steps: &mut S, inode: u32) -> Result<Self, S::Error> {
        let inode = walk::load(steps, inode)?;
        let blocks = steps.step(|volume, _| {
            let blocks = inode.bytes / volume.block_bytes as u64;
            // A block has a number of 32 bits in the journal.
            Ok(blocks.min(volume.blocks).min(u32::MAX.into()))
        })?;
        let head = read(steps, &inode, 0)?;
        match Log::decode(&head, blocks as u32)? {
            Some(log) => log.scan(steps, &inode),
            None => Ok(Replay::default()),
        }
    }

    /// Blocks of the volume for which the journal has a newer copy.
    pub fn blocks(&self) -> usize {
        self.copies.len()
    }

    /// Where block `number` of the volume is to be read.
    pub fn place(&self, number: u64) -> u64 {
        self.copies.get(&number).map_or(number, |copy| copy.place)
    }

    /// What block `number` of the volume is, if `block` was read at its place.
    pub fn unescape(&self, number: u64, block: Rc<[u8]>) -> Rc<[u8]> {
        match self.copies.get(&number) {
            Some(Copy { escaped: true, .. }) => {
                let mut bytes = block.to_vec();
                bytes[..4].copy_from_slice(&MAGIC.to_be_bytes());
                bytes.into()
            }
            _ => block,
        }
    }
}

/// What the journal's own superblock says.
struct Log {
    first: u32,
    end: u32,
    start: u32,
    sequence: u32,
    features: u32,
    seed: u32,
}

/// What one transaction, or several, have written.
#[derive(Default)]
struct Writes {
    /// Block of the volume, its copy, and the transaction.
    copies: VecDeque<(u64, Copy, u32)>,
    /// Blocks of which older copies must not be used, and the transaction that says so.
    revoked: Vec<(u64, u32)>,
}

impl Writes {
    fn len(&self) -> usize {
        self.copies.len() + self.revoked.len()
    }

    fn append(&mut self, other: &mut Self) {
        self.copies.append(&mut other.copies);
        self.revoked.append(&mut other.revoked);
    }

    fn replay(self) -> Replay {
        let revoked: BTreeMap<u64, u32> = self.revoked.into_iter().collect();
        let stays = |(block, _, sequence): &(u64, Copy, u32)| {
            // Numbers of transactions wrap.
            revoked.get(block).is_none_or(|revoked| sequence.wrapping_sub(*revoked) as i32 > 0)
        };
        let copies = self.copies.into_iter().filter(stays);
        Replay { copies: copies.map(|(block, copy, _)| (block, copy)).collect() }
    }
}

impl Log {
    /// Decodes the superblock of a journal that has room for `blocks` blocks; `None` if it is empty.
    fn decode(head: &[u8], blocks: u32) -> Result<Option<Self>, Fault> {
        if u32_at(head, 0) != MAGIC || !SUPERBLOCKS.contains(&u32_at(head, 4)) {
            return Err(Fault::Corrupt);
        }
        let features = if u32_at(head, 4) == SUPERBLOCKS[1] { u32_at(head, 40) } else { 0 };
        if features & !FEATURES != 0 {
            return Err(Fault::Unsupported);
        }
        let log = Log {
            first: u32_at(head, 20),
            end: u32_at(head, 16),
            start: u32_at(head, 28),
            sequence: u32_at(head, 24),
            features,
            seed: checksum(START, &array::<16>(head, 48)),
        };
        if log.start == 0 {
            return Ok(None);
        }
        let sane = u32_at(head, 12) as usize == head.len()
            && log.first > 0
            && log.end <= blocks
            && (log.first..log.end).contains(&log.start);
        if sane { Ok(Some(log)) } else { Err(Fault::Corrupt) }
    }

    /// Reads the transactions in order.
    fn scan<S: Steps>(&self, steps: &mut S, inode: &Inode) -> Result<Replay, S::Error> {
        let mut committed = Writes::default();
        let mut pending = Writes::default();
        let mut sequence = self.sequence;
        let mut positions = self.positions();
        while let Some(position) = positions.next() {
            if committed.len() + pending.len() > MOST_WRITES {
                return Err(Fault::Unsupported.into());
            }
            let block = read(steps, inode, position)?;
            if u32_at(&block, 0) != MAGIC || u32_at(&block, 8) != sequence || !self.intact(&block) {
                break;
            }
            match u32_at(&block, 4) {
                DESCRIPTOR => {
                    for tag in self.tags(&block) {
                        let Some(position) = positions.next() else { break };
                        let Some(copy) = self.copy(steps, inode, position, &tag, sequence)? else {
                            return Ok(committed.replay());
                        };
                        pending.copies.push_back((tag.block, copy, sequence));
                    }
                }
                REVOKE => {
                    let revoked = self.revoked(&block).into_iter();
                    pending.revoked.extend(revoked.map(|block| (block, sequence)));
                }
                COMMIT => {
                    committed.append(&mut pending);
                    sequence = sequence.wrapping_add(1);
                }
                _ => break,
            }
        }
        Ok(committed.replay())
    }

    /// Each block of the log once, from its start on, around its end.
    fn positions(&self) -> impl Iterator<Item = u32> + use<> {
        (self.start..self.end).chain(self.first..self.start)
    }

    fn has_checksums(&self) -> bool {
        self.features & (FEATURE_CHECKSUM_2 | FEATURE_CHECKSUM_3) != 0
    }

    /// Whether the checksum of a block of the journal itself is right.
    fn intact(&self, block: &[u8]) -> bool {
        let at = if u32_at(block, 4) == COMMIT { 16 } else { block.len() - 4 };
        !self.has_checksums() || checksum_without(self.seed, block, at..at + 4) == u32_at(block, at)
    }

    /// The blocks of the volume whose copies follow a descriptor.
    fn tags(&self, block: &[u8]) -> Vec<Tag> {
        let is_3 = self.features & FEATURE_CHECKSUM_3 != 0;
        let is_64bit = self.features & FEATURE_64BIT != 0;
        let bytes = match (is_3, self.has_checksums(), is_64bit) {
            (true, ..) => 16,
            (_, checksums, is_64bit) => 8 + 2 * usize::from(checksums) + 4 * usize::from(is_64bit),
        };
        let end = block.len() - if self.has_checksums() { 4 } else { 0 };
        let mut tags = Vec::new();
        let mut at = HEADER_BYTES;
        while at + bytes <= end {
            let tag = &block[at..];
            let flags = if is_3 { u32_at(tag, 4) } else { u32_at(tag, 4) & 0xffff };
            let high = if is_64bit { u64::from(u32_at(tag, 8)) } else { 0 };
            tags.push(Tag {
                block: high << 32 | u64::from(u32_at(tag, 0)),
                escaped: flags & TAG_ESCAPED != 0,
                checksum: is_3.then(|| u32_at(tag, 12)),
            });
            at += bytes + if flags & TAG_SAME_UUID != 0 { 0 } else { 16 };
            if flags & TAG_LAST != 0 {
                break;
            }
        }
        tags
    }

    /// The blocks in a block of revocations.
    fn revoked(&self, block: &[u8]) -> Vec<u64> {
        let end = (u32_at(block, HEADER_BYTES) as usize).min(block.len());
        let records = block.get(HEADER_BYTES + 4..end).unwrap_or(&[]);
        match self.features & FEATURE_64BIT != 0 {
            true => {
                records.chunks_exact(8).map(|record| u64::from_be_bytes(array(record, 0))).collect()
            }
            false => records.chunks_exact(4).map(|record| u32_at(record, 0).into()).collect(),
        }
    }

    /// Where the copy at `position` is; `None` if its checksum is wrong.
    fn copy<S: Steps>(
        &self,
        steps: &mut S,
        inode: &Inode,
        position: u32,
        tag: &Tag,
        sequence: u32,
    ) -> Result<Option<Copy>, S::Error> {
        let place =
            steps.step(|volume, blocks| map::find(volume, blocks, inode, position.into()))?;
        let place = place.ok_or(Fault::Corrupt)?;
        if let Some(expected) = tag.checksum {
            let block = read(steps, inode, position)?;
            let sum = checksum(self.seed, &sequence.to_be_bytes());
            if checksum(sum, &block) != expected {
                return Ok(None);
            }
        }
        Ok(Some(Copy { place, escaped: tag.escaped }))
    }
}

/// One block of the volume of which the journal has a copy.
struct Tag {
    block: u64,
    escaped: bool,
    checksum: Option<u32>,
}

/// A block of the journal.
fn read<S: Steps>(steps: &mut S, inode: &Inode, position: u32) -> Result<Rc<[u8]>, S::Error> {
    let block = steps.step(|volume, blocks| map::read(volume, blocks, inode, position.into()))?;
    Ok(block.ok_or(Fault::Corrupt)?)
}

/// Numbers of the journal are big-endian.
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes(array(bytes, offset))
}
