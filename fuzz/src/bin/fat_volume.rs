//! A FAT volume: everything that can be reached from its root is looked at, within the disk.
#![no_main]

extern crate alloc;

// The pure part of the server, by its files: the whole server can only be linked for a loader.
#[path = "../../../servers/storage/fat/src"]
mod fat {
    pub mod bytes;
    pub mod chain;
    pub mod directory;
    pub mod volume;
}

use fat::{
    chain::{Disk, Place, read},
    directory::{Entry, find, list},
    volume::{HEAD_BYTES, Volume},
};
use libfuzzer_sys::fuzz_target;
use warren_idl::FileError;

/// Folders within folders that are looked into; a volume may contain itself.
const DEPTH: usize = 3;
/// Bytes of a file that are read.
const BYTES: u64 = 100_000;
/// Reads of one input.
const READS: usize = 10_000;

/// The input as a disk.
struct Image<'a> {
    bytes: &'a [u8],
    reads: usize,
}

impl Disk for Image<'_> {
    fn read(&mut self, volume: &Volume, sector: u64, buffer: &mut [u8]) -> Result<(), FileError> {
        let start = sector as usize * volume.sector_bytes;
        buffer.copy_from_slice(&self.bytes[start..][..buffer.len()]);
        self.reads += 1;
        if self.reads > READS { Err(FileError::Device) } else { Ok(()) }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else { return };
    let Some(volume) = Volume::decode(head, bytes.len() as u64) else { return };
    let mut image = Image { bytes, reads: 0 };
    explore(&mut image, &volume, &Entry::root(&volume), DEPTH);
    let _ = find(&mut image, &volume, "/A/B.TXT");
});

fn explore(image: &mut Image<'_>, volume: &Volume, directory: &Entry, depth: usize) {
    for entry in list(image, volume, directory).unwrap_or_default() {
        assert!(!entry.name.is_empty() && !entry.name.contains('/'));
        match entry.is_directory() {
            true if depth > 0 => explore(image, volume, &entry, depth - 1),
            true => (),
            false => look_into(image, volume, &entry),
        }
    }
}

fn look_into(image: &mut Image<'_>, volume: &Volume, entry: &Entry) {
    let mut place = Place { index: 0, cluster: entry.cluster };
    let mut at = 0;
    while at < entry.status.bytes.min(BYTES) {
        let Ok((bytes, next)) = read(image, volume, place, at, BYTES as usize) else { return };
        assert!(!bytes.is_empty());
        (at, place) = (at + bytes.len() as u64, next);
    }
}
