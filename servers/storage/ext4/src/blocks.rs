//! Blocks in memory, and how the file system is read although reading a disk means waiting.
//!
//! # Steps
//!
//! No state of a server may stay borrowed while it calls the disk. So everything here that reads
//! the file system is a *step*: a function that looks at blocks in memory and fails with
//! [`Fault::Missing`] where one is not there. Whoever runs the step then gets the block and runs the
//! step again from its beginning. A step changes nothing, so this is safe, and between two runs nothing
//! is borrowed.
//!
//! # Why it ends
//!
//! The cache is small and shared, so what one thread has read another may drive out. Therefore the
//! blocks that a step was found to miss are *held* by its runner until the step has succeeded. Each
//! run gets further by at least one block, and a step looks at a handful of blocks at most (the
//! longest, an extent tree of five levels and a block of data, at seven); so it ends, even with a
//! cache of no blocks.

use alloc::{rc::Rc, string::String, vec::Vec};
use core::cell::Cell;

use super::{cache::Cache, fault::Fault, inode::Inode, journal::Replay, volume::Volume};

/// Paths whose inodes stay in memory, and the longest of them in bytes: some hundred KiB together.
const PATHS: usize = 256;
const LONGEST_KNOWN_PATH: usize = 512;

/// Says of a block whether its checksum is the one that begins with this seed.
pub type Check = fn(u32, &[u8]) -> bool;

/// Blocks by their numbers.
pub trait Blocks {
    /// A block of the volume, which is one block long.
    fn block(&self, number: u64) -> Result<Rc<[u8]>, Fault>;

    /// The same of a block that has a checksum if there is a seed. As long as the block stays in memory, it is checked once.
    fn checked(&self, number: u64, seed: Option<u32>, check: Check) -> Result<Rc<[u8]>, Fault>;
}

/// Runs steps: the server does, with its disk, and a test, with an image.
pub trait Steps {
    /// What a step's fault becomes.
    type Error: From<Fault>;

    /// The volume that steps look at.
    fn store(&mut self) -> &mut Store;

    /// Runs a step until it does not miss a block any more.
    fn step<T>(
        &mut self,
        step: impl FnMut(&Volume, &dyn Blocks) -> Result<T, Fault>,
    ) -> Result<T, Self::Error>;
}

/// A block in memory.
#[derive(Debug)]
struct Block {
    bytes: Rc<[u8]>,
    /// The seed with which its checksum was found to be right.
    checked: Cell<Option<u32>>,
}

/// A mounted volume and what is in memory of it.
#[derive(Debug)]
pub struct Store {
    /// The volume.
    pub volume: Volume,
    /// What the journal has that is newer than the volume.
    pub replay: Replay,
    blocks: Cache<u64, Block>,
    /// Where paths led. Nobody writes the volume, so they lead there for good.
    paths: Cache<String, Inode>,
}

/// Blocks that the runner of a step holds.
pub type Held = Vec<(u64, Rc<[u8]>)>;

impl Store {
    /// A volume of which nothing is in memory, with room for `cache_blocks` blocks.
    pub fn new(volume: Volume, cache_blocks: usize) -> Self {
        Store {
            volume,
            replay: Replay::default(),
            blocks: Cache::new(cache_blocks),
            paths: Cache::new(cache_blocks.min(PATHS)),
        }
    }

    /// Runs a step once.
    pub fn run<T>(
        &self,
        held: &Held,
        step: &mut impl FnMut(&Volume, &dyn Blocks) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        step(&self.volume, &View { store: self, held })
    }

    /// How many blocks to read at once from a missing one on: at most `most`, up to the first that
    /// is in memory already, and not beyond the end.
    pub fn run_length(&self, first: u64, most: u64) -> u64 {
        let end = self.volume.blocks.min(first.saturating_add(most));
        let known = (first + 1..end).find(|number| self.blocks.get(number).is_some());
        known.unwrap_or(end) - first
    }

    /// Adds blocks that were read from `first` on, and gives the first of them.
    pub fn insert(&mut self, first: u64, bytes: &[u8]) -> Rc<[u8]> {
        let mut blocks = (first..).zip(bytes.chunks_exact(self.volume.block_bytes));
        let (_, wanted) = blocks.next().expect("at least one block was read");
        let wanted: Rc<[u8]> = wanted.into();
        for (number, block) in blocks {
            self.keep(number, block.into());
        }
        self.keep(first, wanted.clone());
        wanted
    }

    fn keep(&mut self, number: u64, bytes: Rc<[u8]>) {
        self.blocks.insert(number, Block { bytes, checked: Cell::new(None) });
    }

    /// Lets `visit` see blocks from `first` on, `most` of them at most, up to the first that is not in memory. It sees none if the journal has newer copies of some.
    pub fn visit(&self, first: u64, most: u64, mut visit: impl FnMut(&[u8])) {
        if self.replay.blocks() > 0 {
            return;
        }
        let numbers = first..first.saturating_add(most);
        let known = self.blocks.from(first).zip(numbers);
        let together = known.take_while(|((known, _), number)| *known == number);
        together.for_each(|((_, block), _)| visit(&block.bytes));
    }

    /// Where a path led, if that is known.
    pub fn known(&self, path: &str) -> Option<Inode> {
        self.paths.get(path).cloned()
    }

    /// Notes where a path led.
    pub fn learn(&mut self, path: &str, inode: &Inode) {
        if path.len() <= LONGEST_KNOWN_PATH {
            self.paths.insert(path.into(), inode.clone());
        }
    }
}

/// What a step sees.
struct View<'a> {
    store: &'a Store,
    held: &'a Held,
}

impl View<'_> {
    /// Where a block lies, as the journal says.
    fn place(&self, number: u64) -> Result<u64, Fault> {
        let place = self.store.replay.place(number);
        if place < self.store.volume.blocks { Ok(place) } else { Err(Fault::Corrupt) }
    }
}

impl Blocks for View<'_> {
    fn block(&self, number: u64) -> Result<Rc<[u8]>, Fault> {
        let place = self.place(number)?;
        let held = self.held.iter().find(|(held, _)| *held == place);
        let block = held.map(|(_, block)| block.clone());
        let block = block
            .or_else(|| self.store.blocks.get(&place).map(|block| block.bytes.clone()))
            .ok_or(Fault::Missing(place))?;
        Ok(self.store.replay.unescape(number, block))
    }

    fn checked(&self, number: u64, seed: Option<u32>, check: Check) -> Result<Rc<[u8]>, Fault> {
        let bytes = self.block(number)?;
        let Some(seed) = seed else { return Ok(bytes) };
        let kept = self.store.blocks.get(&self.place(number)?);
        if kept.is_some_and(|block| block.checked.get() == Some(seed)) {
            return Ok(bytes);
        }
        if !check(seed, &bytes) {
            return Err(Fault::Corrupt);
        }
        if let Some(block) = kept {
            block.checked.set(Some(seed));
        }
        Ok(bytes)
    }
}
