//! A volume in memory, for tests and for hostile images: the steps of the server without its disk.

use alloc::vec::Vec;

use super::{
    blocks::{Blocks, Steps, Store},
    bytes::array,
    directory,
    fault::Fault,
    inode::{Inode, Kind},
    journal::Replay,
    read::{Target, read},
    volume::{SUPERBLOCK_OFFSET, Volume},
    walk,
};

/// Blocks that are read at once, as by a server that reads ahead.
const READ_AHEAD: u64 = 3;

/// A mounted image.
pub struct Image<'a> {
    bytes: &'a [u8],
    store: Store,
}

impl<'a> Image<'a> {
    /// Mounts an image, with room for `cache_blocks` blocks.
    pub fn mount(bytes: &'a [u8], cache_blocks: usize) -> Result<Self, Fault> {
        let volume = Volume::decode(&array(bytes, SUPERBLOCK_OFFSET), bytes.len() as u64)?;
        let journal = volume.journal;
        let mut image = Image { bytes, store: Store::new(volume, cache_blocks) };
        if let Some(inode) = journal {
            image.store.replay = Replay::read(&mut image, inode)?;
        }
        Ok(image)
    }

    /// Bytes of a file from `offset` on, at most `most`.
    pub fn read(&mut self, inode: &Inode, offset: u64, most: usize) -> Result<Vec<u8>, Fault> {
        let left = inode.bytes.saturating_sub(offset).min(most as u64) as usize;
        let mut contents = Contents { bytes: Vec::new(), left };
        read(self, inode, offset, &mut contents)?;
        Ok(contents.bytes)
    }

    /// Looks at whatever can be reached from the directory with this inode, `deep` levels down: the start,
    /// the middle and the end of each file, and where each name leads. What is damaged is skipped.
    pub fn explore(&mut self, directory: u32, deep: u32) {
        let inode = walk::load(self, directory);
        let entries = inode.and_then(|inode| directory::entries(self, &inode));
        for entry in entries.unwrap_or_default().iter().take(64) {
            let name = str::from_utf8(&entry.name).unwrap_or_default();
            walk::resolve(self, &alloc::format!("/{name}")).ok();
            let Ok(inode) = walk::load(self, entry.inode) else { continue };
            for offset in [0, inode.bytes / 2, inode.bytes.saturating_sub(10)] {
                self.read(&inode, offset, 100).ok();
            }
            if deep > 0 && inode.kind == Kind::Directory {
                self.explore(entry.inode, deep - 1);
            }
        }
    }
}

/// What was read, and how much more is wanted.
struct Contents {
    bytes: Vec<u8>,
    left: usize,
}

impl Target for Contents {
    fn left(&self) -> usize {
        self.left
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.left -= bytes.len();
    }

    fn take_zeroes(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count, 0);
        self.left -= count;
    }
}

impl Steps for Image<'_> {
    type Error = Fault;

    fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    fn step<T>(
        &mut self,
        mut step: impl FnMut(&Volume, &dyn Blocks) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut held = Vec::new();
        loop {
            match self.store.run(&held, &mut step) {
                Err(Fault::Missing(block)) => {
                    let count = self.store.run_length(block, READ_AHEAD) as usize;
                    let block_bytes = self.store.volume.block_bytes;
                    let start = block as usize * block_bytes;
                    let bytes = self.bytes.get(start..start + count * block_bytes);
                    held.push((block, self.store.insert(block, bytes.ok_or(Fault::Corrupt)?)));
                }
                outcome => return outcome,
            }
        }
    }
}
