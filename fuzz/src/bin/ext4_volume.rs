//! A volume of the ext family: everything that can be reached from its root is looked at.
#![no_main]

extern crate alloc;

// The pure part of the server, by its files: the whole server can only be linked for a loader.
#[path = "../../../servers/storage/ext4/src"]
mod ext4 {
    pub mod blocks;
    pub mod bytes;
    pub mod cache;
    pub mod checksum;
    pub mod directory;
    pub mod fault;
    pub mod image;
    pub mod inode;
    pub mod journal;
    pub mod map;
    pub mod read;
    pub mod volume;
    pub mod walk;
}

use ext4::{image::Image, inode::ROOT};
use libfuzzer_sys::fuzz_target;

/// Few, so that blocks are driven out while they are used.
const CACHE_BLOCKS: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut image) = Image::mount(bytes, CACHE_BLOCKS) {
        image.explore(ROOT, 1);
    }
});
