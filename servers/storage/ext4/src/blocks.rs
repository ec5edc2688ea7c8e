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

use alloc::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    vec::Vec,
};

use super::{fault::Fault, journal::Replay, volume::Volume};

/// Blocks by their numbers.
pub trait Blocks {
    /// A block of the volume, which is one block long.
    fn block(&self, number: u64) -> Result<Rc<[u8]>, Fault>;
}

/// Runs steps: the server does, with its disk, and a test, with an image.
pub trait Steps {
    /// What a step's fault becomes.
    type Error: From<Fault>;

    /// Runs a step until it does not miss a block any more.
    fn step<T>(
        &mut self,
        step: impl FnMut(&Volume, &dyn Blocks) -> Result<T, Fault>,
    ) -> Result<T, Self::Error>;
}

/// Blocks that were read lately. The one that came first goes first.
#[derive(Debug, Default)]
struct Cache {
    blocks: BTreeMap<u64, Rc<[u8]>>,
    order: VecDeque<u64>,
    most: usize,
}

impl Cache {
    fn insert(&mut self, number: u64, block: Rc<[u8]>) {
        if self.most == 0 || self.blocks.contains_key(&number) {
            return;
        }
        if self.order.len() == self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.blocks.remove(&oldest);
        }
        self.order.push_back(number);
        self.blocks.insert(number, block);
    }
}

/// A mounted volume and what is in memory of it.
#[derive(Debug)]
pub struct Store {
    /// The volume.
    pub volume: Volume,
    /// What the journal has that is newer than the volume.
    pub replay: Replay,
    cache: Cache,
}

/// Blocks that the runner of a step holds.
pub type Held = Vec<(u64, Rc<[u8]>)>;

impl Store {
    /// A volume of which nothing is in memory, with room for `cache_blocks` blocks.
    pub fn new(volume: Volume, cache_blocks: usize) -> Self {
        Store {
            volume,
            replay: Replay::default(),
            cache: Cache { most: cache_blocks, ..Cache::default() },
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
        let known = (first + 1..end).find(|number| self.cache.blocks.contains_key(number));
        known.unwrap_or(end) - first
    }

    /// Adds blocks that were read from `first` on, and gives the first of them.
    pub fn insert(&mut self, first: u64, bytes: &[u8]) -> Rc<[u8]> {
        let mut blocks = (first..).zip(bytes.chunks_exact(self.volume.block_bytes));
        let (_, wanted) = blocks.next().expect("at least one block was read");
        let wanted: Rc<[u8]> = wanted.into();
        for (number, block) in blocks {
            self.cache.insert(number, block.into());
        }
        self.cache.insert(first, wanted.clone());
        wanted
    }
}

/// What a step sees.
struct View<'a> {
    store: &'a Store,
    held: &'a Held,
}

impl Blocks for View<'_> {
    fn block(&self, number: u64) -> Result<Rc<[u8]>, Fault> {
        let place = self.store.replay.place(number);
        if place >= self.store.volume.blocks {
            return Err(Fault::Corrupt);
        }
        let held = self.held.iter().find(|(held, _)| *held == place);
        let block = held.map(|(_, block)| block.clone());
        let block = block
            .or_else(|| self.store.cache.blocks.get(&place).cloned())
            .ok_or(Fault::Missing(place))?;
        Ok(self.store.replay.unescape(number, block))
    }
}
