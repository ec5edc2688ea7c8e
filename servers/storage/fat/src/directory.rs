//! Directories: records of 32 bytes, some of which carry parts of a long name for the one behind them.

use alloc::{string::String, vec::Vec};

use warren_idl::{FileError, FileStatus};

use super::{
    bytes::{u16_at, u32_at},
    chain::{self, Disk, Place},
    volume::{Root, SECTOR_BYTES, Volume, Width},
};

/// Bytes of a record.
const RECORD_BYTES: usize = 32;
/// Most records of a directory (specification, section 6): 2 MiB.
const MOST_RECORDS: usize = 65_536;

const END: u8 = 0x00;
const DELETED: u8 = 0xe5;
/// Stands for a first byte of 0xe5.
const ESCAPED: u8 = 0x05;

const READ_ONLY: u8 = 0x01;
const LABEL: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const LONG_NAME: u8 = 0x0f;
const LONG_LAST: u8 = 0x40;
/// Parts of a long name, and UTF-16 units of each.
const LONG_PARTS: u8 = 20;
const LONG_UNITS: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// Flags by which Windows keeps a short name in lower case.
const LOWER_BASE: u8 = 0x08;
const LOWER_EXTENSION: u8 = 0x10;

/// One file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// First cluster; 0 if it has none.
    pub cluster: u32,
    /// What it is.
    pub status: FileStatus,
}

impl Entry {
    /// The root directory.
    pub fn root(volume: &Volume) -> Self {
        let cluster = match volume.root {
            Root::Cluster(cluster) => cluster,
            Root::Sectors { .. } => 0,
        };
        let status =
            FileStatus { kind: FileStatus::DIRECTORY, mode: 0o555, ..FileStatus::default() };
        Entry { name: String::new(), cluster, status }
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.status.kind == FileStatus::DIRECTORY
    }
}

/// The entries of a directory, without `.` and `..`.
pub fn list<D: Disk>(
    disk: &mut D,
    volume: &Volume,
    directory: &Entry,
) -> Result<Vec<Entry>, FileError> {
    let mut reader = Reader::default();
    match (volume.root, directory.cluster) {
        (Root::Sectors { first, count }, 0) => {
            for sector in first..first + count {
                if reader.take(disk, volume, sector)? {
                    break;
                }
            }
        }
        (_, cluster) => {
            let mut place = Place { index: 0, cluster };
            volume.sector_of(cluster).ok_or(FileError::Corrupt)?;
            'clusters: loop {
                let run = chain::run(volume, place, 0)?;
                for sector in run.sector..run.sector + run.count {
                    if reader.take(disk, volume, sector)? {
                        break 'clusters;
                    }
                }
                match chain::seek(disk, volume, place, place.index + 1)? {
                    Some(next) => place = next,
                    None => break,
                }
            }
        }
    }
    Ok(reader.entries)
}

/// What a path names on a volume.
pub fn find<D: Disk>(disk: &mut D, volume: &Volume, path: &str) -> Result<Entry, FileError> {
    let mut entry = Entry::root(volume);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if !entry.is_directory() {
            return Err(FileError::NotADirectory);
        }
        let entries = list(disk, volume, &entry)?;
        let found = entries.into_iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
        entry = found.ok_or(FileError::NotFound)?;
    }
    Ok(entry)
}

/// Reads a directory record by record.
#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    records: usize,
    long: LongName,
}

impl Reader {
    /// Takes the records of a sector; whether the directory ends there.
    fn take<D: Disk>(
        &mut self,
        disk: &mut D,
        volume: &Volume,
        sector: u64,
    ) -> Result<bool, FileError> {
        let mut buffer = [0; SECTOR_BYTES];
        let bytes = &mut buffer[..volume.sector_bytes];
        disk.read(volume, sector, bytes)?;
        for record in bytes.as_chunks::<RECORD_BYTES>().0 {
            self.records += 1;
            if record[0] == END || self.records > MOST_RECORDS {
                return Ok(true);
            }
            self.record(volume, record);
        }
        Ok(false)
    }

    fn record(&mut self, volume: &Volume, record: &[u8; RECORD_BYTES]) {
        let attributes = record[11];
        if record[0] == DELETED {
            self.long = LongName::default();
        } else if attributes & 0x3f == LONG_NAME {
            self.long.add(record);
        } else {
            let long = core::mem::take(&mut self.long);
            if attributes & LABEL != 0 || record[0] == b'.' {
                return;
            }
            let name = long.finish(record).unwrap_or_else(|| short_name(record));
            if !name.is_empty() && !name.contains(['/', '\0']) {
                let cluster = first_cluster(volume, record);
                let status = FileStatus { number: cluster.into(), ..status(record) };
                self.entries.push(Entry { name, cluster, status });
            }
        }
    }
}

fn first_cluster(volume: &Volume, record: &[u8; RECORD_BYTES]) -> u32 {
    let low = u32::from(u16_at(record, 26));
    match volume.width {
        Width::ThirtyTwo => u32::from(u16_at(record, 20)) << 16 | low,
        _ => low,
    }
}

fn status(record: &[u8; RECORD_BYTES]) -> FileStatus {
    let attributes = record[11];
    let modified = seconds(u16_at(record, 24), u16_at(record, 22));
    let write = if attributes & READ_ONLY != 0 { 0 } else { 0o200 };
    let (bytes, kind, mode) = match attributes & DIRECTORY != 0 {
        true => (0, FileStatus::DIRECTORY, 0o555),
        false => (u32_at(record, 28).into(), FileStatus::FILE, 0o444),
    };
    FileStatus { bytes, modified, kind, mode: mode | write, ..FileStatus::default() }
}

/// Seconds since 1970 of a date and a time of day, which are taken for UTC; 0 if they are none.
fn seconds(date: u16, time: u16) -> u64 {
    let (year, month, day) =
        (1980 + u64::from(date >> 9), u64::from(date >> 5 & 0xf), u64::from(date & 0x1f));
    if !(1..=12).contains(&month) || day == 0 {
        return 0;
    }
    // Years start with March, so that the leap day is the last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    let (hour, minute, second) =
        (u64::from(time >> 11), u64::from(time >> 5 & 0x3f), u64::from(time & 0x1f) * 2);
    // 719 469 days lie between the first of March of the year 0 and 1970.
    (days - 719_469) * 86_400 + hour * 3600 + minute * 60 + second
}

/// The name of 8 and 3 bytes. Those beyond ASCII depend on a code page that nobody knows.
fn short_name(record: &[u8; RECORD_BYTES]) -> String {
    let part = |bytes: &[u8], lower: bool| {
        let text: String = bytes
            .iter()
            .map(
                |byte| {
                    if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER }
                },
            )
            .collect();
        let text = text.trim_end();
        if lower { text.to_ascii_lowercase() } else { text.into() }
    };
    let mut base: [u8; 8] = *record.first_chunk().expect("a record is longer");
    if base[0] == ESCAPED {
        base[0] = DELETED;
    }
    let mut name = part(&base, record[12] & LOWER_BASE != 0);
    let extension = part(&record[8..11], record[12] & LOWER_EXTENSION != 0);
    if !extension.is_empty() {
        name.push('.');
        name.push_str(&extension);
    }
    name
}

/// A long name, whose parts come last first.
#[derive(Default)]
struct LongName {
    units: Vec<u16>,
    /// Number of the part that comes next; 0 when all are there.
    next: u8,
    checksum: u8,
}

impl LongName {
    fn add(&mut self, record: &[u8; RECORD_BYTES]) {
        let number = record[0] & !LONG_LAST;
        if record[0] & LONG_LAST != 0 {
            *self = LongName { units: Vec::new(), next: number, checksum: record[13] };
        }
        if number == 0 || number > LONG_PARTS || number != self.next || record[13] != self.checksum
        {
            *self = LongName::default();
            return;
        }
        self.next -= 1;
        let part = LONG_UNITS.map(|offset| u16_at(record, offset));
        self.units.splice(0..0, part);
    }

    /// The name, if all of its parts are there and belong to this record.
    fn finish(self, record: &[u8; RECORD_BYTES]) -> Option<String> {
        let sum = |sum: u8, byte: &u8| sum.rotate_right(1).wrapping_add(*byte);
        let fits = self.next == 0 && self.checksum == record[..11].iter().fold(0, sum);
        if self.units.is_empty() || !fits {
            return None;
        }
        let end = self.units.iter().position(|unit| *unit == 0).unwrap_or(self.units.len());
        Some(String::from_utf16_lossy(&self.units[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        assert_eq!(seconds(date(1980, 1, 1), 0), 315_532_800);
        assert_eq!(seconds(date(2000, 2, 29), 12 << 11 | 34 << 5 | 28), 951_827_696);
        assert_eq!(seconds(date(2107, 12, 31), 0), 4_354_732_800);
        assert_eq!(seconds(0, 0), 0);
        assert_eq!(seconds(date(2000, 15, 1), 0), 0);
    }

    #[test]
    fn short_names_have_a_dot_and_a_case() {
        let mut record = [0; RECORD_BYTES];
        record[..11].copy_from_slice(b"README  TXT");
        assert_eq!(short_name(&record), "README.TXT");
        record[12] = LOWER_BASE | LOWER_EXTENSION;
        assert_eq!(short_name(&record), "readme.txt");
        record[..11].copy_from_slice(b"\x05A         ");
        assert_eq!(short_name(&record), "\u{fffd}a");
    }
}
