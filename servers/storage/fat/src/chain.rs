//! Chains of clusters: the contents of files and directories.

use alloc::{vec, vec::Vec};

use warren_idl::FileError;

use super::{
    bytes::{u16_at, u32_at},
    volume::{SECTOR_BYTES, Volume, Width},
};

/// Most bytes that are read from the disk in one call.
const READ_BYTES: usize = 32 * 1024;

/// What a volume is read from.
pub trait Disk {
    /// Fills `buffer`, a whole number of the volume's sectors, from this one on, which lie on the volume.
    fn read(&mut self, volume: &Volume, sector: u64, buffer: &mut [u8]) -> Result<(), FileError>;
}

/// A place in a chain: how many clusters lie before it, and which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Clusters before it.
    pub index: u64,
    /// The cluster.
    pub cluster: u32,
}

/// The cluster behind another one; `None` at the end.
fn next<D: Disk>(disk: &mut D, volume: &Volume, cluster: u32) -> Result<Option<u32>, FileError> {
    let bit = u64::from(cluster) * volume.width.bits();
    let (sector, offset) = sector_and_offset(volume, bit / 8);
    // An entry of 12 bits may lie in two sectors. The one behind the table exists: it starts the root.
    let mut buffer = [0; 2 * SECTOR_BYTES];
    let count = if offset + 4 > volume.sector_bytes { 2 } else { 1 };
    let bytes = &mut buffer[..count * volume.sector_bytes];
    disk.read(volume, volume.table + sector, bytes)?;
    let (entry, last) = match volume.width {
        Width::Twelve => {
            let pair = u32::from(u16_at(&buffer, offset));
            (if bit.is_multiple_of(8) { pair & 0xfff } else { pair >> 4 }, 0xff8)
        }
        Width::Sixteen => (u16_at(&buffer, offset).into(), 0xfff8),
        Width::ThirtyTwo => (u32_at(&buffer, offset) & 0x0fff_ffff, 0x0fff_fff8),
    };
    if entry >= last {
        return Ok(None);
    }
    volume.sector_of(entry).map(|_| Some(entry)).ok_or(FileError::Corrupt)
}

fn sector_and_offset(volume: &Volume, byte: u64) -> (u64, usize) {
    let bytes = volume.sector_bytes as u64;
    (byte / bytes, (byte % bytes) as usize)
}

/// The place of cluster `index` of the chain from `from` on, which is at or before it; `None` behind its end.
pub fn seek<D: Disk>(
    disk: &mut D,
    volume: &Volume,
    from: Place,
    index: u64,
) -> Result<Option<Place>, FileError> {
    // A chain that is longer than the volume is a loop.
    if index >= volume.clusters {
        return Err(FileError::Corrupt);
    }
    let mut place = from;
    while place.index < index {
        match next(disk, volume, place.cluster)? {
            Some(cluster) => place = Place { index: place.index + 1, cluster },
            None => return Ok(None),
        }
    }
    Ok(Some(place))
}

/// Sectors in a row of a chain from a byte on: the first one, the byte's place in it, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First sector.
    pub sector: u64,
    /// Where the byte is in it.
    pub offset: usize,
    /// Number of sectors to the cluster's end.
    pub count: u64,
}

/// What lies at a byte of the cluster at `place`, which exists.
pub fn run(volume: &Volume, place: Place, byte: u64) -> Result<Run, FileError> {
    let first = volume.sector_of(place.cluster).ok_or(FileError::Corrupt)?;
    let (sector, offset) = sector_and_offset(volume, byte % volume.cluster_bytes());
    Ok(Run { sector: first + sector, offset, count: volume.cluster_sectors - sector })
}

/// Reads bytes of a file from `offset` on, at most to the end of its cluster; how many, and where that was.
pub fn read<D: Disk>(
    disk: &mut D,
    volume: &Volume,
    last: Place,
    offset: u64,
    most: usize,
) -> Result<(Vec<u8>, Place), FileError> {
    let index = offset / volume.cluster_bytes();
    let place = seek(disk, volume, last, index)?.ok_or(FileError::Corrupt)?;
    let run = run(volume, place, offset)?;
    let sectors = (run.offset + most).div_ceil(volume.sector_bytes) as u64;
    let count = sectors.min(run.count).min((READ_BYTES / volume.sector_bytes) as u64);
    let mut bytes = vec![0; count as usize * volume.sector_bytes];
    disk.read(volume, run.sector, &mut bytes)?;
    bytes.drain(..run.offset);
    bytes.truncate(most);
    Ok((bytes, place))
}
