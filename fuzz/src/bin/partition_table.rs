//! A disk with a partition table: whatever partition is found lies within the disk.
#![no_main]

// The pure part of the server, by its files: the whole server can only be linked for a loader.
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/storage/partition/src"]
mod partition {
    pub mod table;
}

use libfuzzer_sys::fuzz_target;
use partition::table::{Disk, locate};

const BLOCK_BYTES: usize = 512;

/// The input as a disk.
struct Image<'a>(&'a [u8]);

impl Disk for Image<'_> {
    type Error = ();

    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }

    fn blocks(&self) -> u64 {
        (self.0.len() / BLOCK_BYTES) as u64
    }

    fn read(&mut self, block: u64, buffer: &mut [u8]) -> Result<(), ()> {
        buffer.copy_from_slice(&self.0[block as usize * BLOCK_BYTES..][..BLOCK_BYTES]);
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut image = Image(bytes);
    for number in 0..8 {
        if let Ok(found) = locate(&mut image, number) {
            assert!(found.blocks > 0);
            assert!(found.first + found.blocks <= image.blocks());
        }
    }
});
