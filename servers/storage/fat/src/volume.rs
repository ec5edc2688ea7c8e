//! What the first sector says of a volume (Microsoft, "FAT32 File System Specification", 1.03).
//!
//! Nothing that it says is believed: all areas must lie on the disk and behind each other, so that no later
//! calculation overflows or leaves it.

use super::bytes::{u16_at, u32_at};

/// Bytes from the start of the disk on that describe the volume.
pub const HEAD_BYTES: usize = 512;
/// Largest sector of a volume.
pub const SECTOR_BYTES: usize = 4096;

/// Fewest clusters of a volume whose table has entries of 16 bits, and of 32.
const CLUSTERS_16: u64 = 4085;
const CLUSTERS_32: u64 = 65_525;

const ENTRY_BYTES: u64 = 32;

/// How wide an entry of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 12 bits.
    Twelve,
    /// 16 bits.
    Sixteen,
    /// 32 bits, of which 28 count.
    ThirtyTwo,
}

/// Where the root directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// In sectors of its own.
    Sectors {
        /// The first.
        first: u64,
        /// How many.
        count: u64,
    },
    /// In clusters, from this one on.
    Cluster(u32),
}

/// A volume. All sectors that it names lie on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Bytes of a sector: a power of two from 512 to 4096.
    pub sector_bytes: usize,
    /// Sectors of a cluster: a power of two up to 128.
    pub cluster_sectors: u64,
    /// First sector of the table.
    pub table: u64,
    /// Width of its entries.
    pub width: Width,
    /// The root directory.
    pub root: Root,
    /// First sector of cluster 2.
    pub data: u64,
    /// Number of clusters.
    pub clusters: u64,
}

impl Volume {
    /// Reads the first sector of a disk of so many bytes; `None` if it describes no volume that fits there.
    pub fn decode(head: &[u8; HEAD_BYTES], disk_bytes: u64) -> Option<Self> {
        let sector_bytes = usize::from(u16_at(head, 11));
        let cluster_sectors = u64::from(head[13]);
        let reserved = u64::from(u16_at(head, 14));
        let tables = u64::from(head[16]);
        let root_bytes = u64::from(u16_at(head, 17)) * ENTRY_BYTES;
        let either = |narrow: u16, wide: u32| if narrow != 0 { narrow.into() } else { wide.into() };
        let sectors: u64 = either(u16_at(head, 19), u32_at(head, 32));
        let table_sectors: u64 = either(u16_at(head, 22), u32_at(head, 36));
        let is_sector =
            sector_bytes.is_power_of_two() && (512..=SECTOR_BYTES).contains(&sector_bytes);
        let is_cluster = cluster_sectors.is_power_of_two() && cluster_sectors <= 128;
        // A boot sector starts with a jump; text or zeroes do not.
        let jumps = matches!(head[0], 0xeb | 0xe9) && head[510..] == [0x55, 0xaa];
        if !(is_sector && is_cluster && jumps) || reserved == 0 || tables == 0 || table_sectors == 0
        {
            return None;
        }
        let bytes = sector_bytes as u64;
        let root_first = reserved + tables * table_sectors;
        let root_sectors = root_bytes.div_ceil(bytes);
        let data = root_first + root_sectors;
        let clusters = sectors.checked_sub(data)? / cluster_sectors;
        let width = match clusters {
            0 => return None,
            1..CLUSTERS_16 => Width::Twelve,
            CLUSTERS_16..CLUSTERS_32 => Width::Sixteen,
            _ => Width::ThirtyTwo,
        };
        let root = match width {
            Width::ThirtyTwo => Root::Cluster(u32_at(head, 44)),
            _ => Root::Sectors { first: root_first, count: root_sectors },
        };
        let table_holds = table_sectors * bytes * 8 / width.bits();
        let fits = sectors * bytes <= disk_bytes && table_holds >= clusters + 2;
        let volume =
            Volume { sector_bytes, cluster_sectors, table: reserved, width, root, data, clusters };
        fits.then_some(volume)
    }

    /// Bytes of a cluster.
    pub fn cluster_bytes(&self) -> u64 {
        self.cluster_sectors * self.sector_bytes as u64
    }

    /// First sector of a cluster; `None` if the volume has no such cluster.
    pub fn sector_of(&self, cluster: u32) -> Option<u64> {
        let index = u64::from(cluster).checked_sub(2)?;
        (index < self.clusters).then(|| self.data + index * self.cluster_sectors)
    }
}

impl Width {
    /// Bits of an entry.
    pub fn bits(self) -> u64 {
        match self {
            Width::Twelve => 12,
            Width::Sixteen => 16,
            Width::ThirtyTwo => 32,
        }
    }
}
