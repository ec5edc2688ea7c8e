//! The GUID partition table (UEFI specification, chapter 5): a header in block 1, an array of
//! entries, and a copy of both at the end of the disk.
//!
//! Both the header and the array carry a CRC-32. Whichever copy is intact is used, the first
//! one first; a GPT of which no copy is intact is an error and never "no table".

use super::{Disk, Extent, TableError, bytes, u32_at, u64_at, within};

const SIGNATURE: [u8; 8] = *b"EFI PART";
const REVISION: u32 = 0x0001_0000;
const HEADER_BYTES: usize = 92;
const CHECKSUM_OFFSET: usize = 16;
const PRIMARY: u64 = 1;

/// Most entries that are believed; tools write 128.
const MOST_ENTRIES: u32 = 1024;

/// What a header says, after its checksum was found right.
struct Header {
    first_usable: u64,
    last_usable: u64,
    array: u64,
    entries: u32,
    entry_bytes: usize,
    array_checksum: u32,
}

/// Finds a partition. `block` is a buffer of one block.
pub fn locate<D: Disk>(
    disk: &mut D,
    number: u32,
    block: &mut [u8],
) -> Result<Extent, TableError<D::Error>> {
    let backup = disk.blocks() - 1;
    for place in [PRIMARY, backup] {
        if place == 0 || place >= disk.blocks() {
            continue;
        }
        disk.read(place, block).map_err(TableError::Disk)?;
        let Some(header) = header(block, place) else { continue };
        match search(disk, &header, number, block)? {
            Search::Found(found) => return found,
            Search::BadArray => continue,
        }
    }
    Err(TableError::CorruptGpt)
}

/// The header in a block that was read from `place`; `None` if it is not intact.
fn header(block: &[u8], place: u64) -> Option<Header> {
    let length = u32_at(block, 12) as usize;
    let rest = block.get(CHECKSUM_OFFSET + 4..length)?;
    // The checksum counts as zero in itself.
    let sum = checksum(checksum(!0, &block[..CHECKSUM_OFFSET]), &[0; 4]);
    let intact = length >= HEADER_BYTES
        && bytes(block, 0) == SIGNATURE
        && u32_at(block, 8) == REVISION
        && u32_at(block, CHECKSUM_OFFSET) == !checksum(sum, rest)
        && u64_at(block, 24) == place;
    let header = Header {
        first_usable: u64_at(block, 40),
        last_usable: u64_at(block, 48),
        array: u64_at(block, 72),
        entries: u32_at(block, 80),
        entry_bytes: u32_at(block, 84) as usize,
        array_checksum: u32_at(block, 88),
    };
    let known = header.entry_bytes >= 128
        && header.entry_bytes.is_power_of_two()
        && header.entry_bytes <= block.len()
        && header.entries <= MOST_ENTRIES;
    (intact && known).then_some(header)
}

/// What came of reading an array.
enum Search<E> {
    /// It is intact, and this is the answer.
    Found(Result<Extent, TableError<E>>),
    /// It is not intact.
    BadArray,
}

/// Reads the array once: its checksum is known only at its end, and the entry before.
fn search<D: Disk>(
    disk: &mut D,
    header: &Header,
    number: u32,
    block: &mut [u8],
) -> Result<Search<D::Error>, TableError<D::Error>> {
    let mut sum = !0;
    let mut left = header.entries as usize * header.entry_bytes;
    let mut index = 0;
    let mut place = header.array;
    let mut found = Err(TableError::NoSuchPartition);
    while left > 0 {
        if place == 0 || place >= disk.blocks() {
            return Ok(Search::BadArray);
        }
        disk.read(place, block).map_err(TableError::Disk)?;
        let used = &block[..block.len().min(left)];
        sum = checksum(sum, used);
        for entry in used.chunks_exact(header.entry_bytes) {
            index += 1;
            let asked = if number == 0 { found.is_err() } else { index == number };
            let in_use = bytes::<16>(entry, 0) != [0; 16];
            if asked && in_use {
                found = extent(disk.blocks(), header, entry).ok_or(TableError::CorruptEntry);
            }
        }
        left -= used.len();
        place += 1;
    }
    let intact = !sum == header.array_checksum;
    Ok(if intact { Search::Found(found) } else { Search::BadArray })
}

/// The range of blocks of an entry in use, if it makes sense.
fn extent(blocks: u64, header: &Header, entry: &[u8]) -> Option<Extent> {
    let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
    if first < header.first_usable || last > header.last_usable {
        return None;
    }
    within(blocks, first, last.checked_sub(first)?.checked_add(1)?)
}

/// CRC-32 (ISO 3309, reflected) over further bytes; starts from all ones and is inverted at the end.
pub fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carry = 0u32.wrapping_sub(sum & 1);
            (sum >> 1) ^ (0xedb8_8320 & carry)
        })
    })
}
