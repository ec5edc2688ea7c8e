//! The volume on its disk: runs steps, and reads from the disk what they miss.

use alloc::{format, rc::Rc, vec, vec::Vec};

use warren::{Cx, New, Req, StartError};
use warren_idl::{BlockDevice, BlockError, FileError, Log, LogError, LogRecord};

use crate::{
    Ext4, OpenDirectory, OpenFile,
    blocks::{Blocks, Steps, Store},
    bytes::array,
    fault::Fault,
    journal::Replay,
    volume::{SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET, Volume},
};

/// Bytes that are read at once where one block is missing: who reads one block mostly wants the next.
const READ_AHEAD_BYTES: usize = 32 * 1024;

/// Bytes from the disk's start on that hold the superblock: a multiple of any disk's block.
const HEAD_BYTES: usize = 4096;
const _: () = assert!(SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES <= HEAD_BYTES);

/// A mounted volume and the disk below it.
pub struct Mount {
    store: Store,
    /// Blocks of the disk in a block of the volume.
    disk_blocks: u64,
}

impl Mount {
    /// Bytes of a block of the volume.
    pub fn block_bytes(&self) -> usize {
        self.store.volume.block_bytes
    }

    /// Writes to the log what was mounted.
    pub fn describe(&self, log: &Req<dyn Log>) -> Result<(), LogError> {
        let Store { volume, replay, .. } = &self.store;
        let size = format!("{} blocks of {} bytes", volume.blocks, volume.block_bytes);
        log.write(LogRecord::INFO, &size)?;
        match replay.blocks() {
            0 => Ok(()),
            count => {
                let text = format!("was not unmounted: its journal has {count} of the blocks");
                log.write(LogRecord::WARNING, &text)
            }
        }
    }

    /// Where to read from the disk when block `first` of the volume is missing: the disk's first block,
    /// and how many bytes.
    fn run(&self, first: u64) -> (u64, usize) {
        let most = (READ_AHEAD_BYTES / self.block_bytes()).max(1);
        let count = self.store.run_length(first, most as u64) as usize;
        (first * self.disk_blocks, count * self.block_bytes())
    }
}

/// Something that has a mounted volume and can reach its disk.
trait OnDisk {
    fn mount(&mut self) -> &mut Mount;
    fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), BlockError>;
}

impl<T: OnDisk> Steps for T {
    type Error = FileError;

    fn store(&mut self) -> &mut Store {
        &mut self.mount().store
    }

    fn step<R>(
        &mut self,
        mut step: impl FnMut(&Volume, &dyn Blocks) -> Result<R, Fault>,
    ) -> Result<R, FileError> {
        let mut held: Vec<(u64, Rc<[u8]>)> = Vec::new();
        loop {
            match self.mount().store.run(&held, &mut step) {
                Err(Fault::Missing(block)) => {
                    let (first, length) = self.mount().run(block);
                    let mut bytes = vec![0; length];
                    self.read(first, &mut bytes)?;
                    held.push((block, self.mount().store.insert(block, &bytes)));
                }
                outcome => return Ok(outcome?),
            }
        }
    }
}

/// The volume in an activation of the server, or of one of its files or directories.
pub struct Activation<'a, 'f, S>(pub &'a mut Cx<'f, S>);

macro_rules! on_disk {
    ($server:ty, $cx:ident => $mount:expr) => {
        impl OnDisk for Activation<'_, '_, $server> {
            fn mount(&mut self) -> &mut Mount {
                let $cx = &mut *self.0;
                &mut $mount
            }
            fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), BlockError> {
                self.0.req().disk.read(self.0, first, bytes)
            }
        }
    };
}
on_disk!(Ext4, cx => cx.mount);
on_disk!(OpenFile, cx => cx.parent().mount);
on_disk!(OpenDirectory, cx => cx.parent().mount);

/// The volume before there is a server.
pub struct Mounting<'a, 'f> {
    cx: &'a mut Cx<'f, New<Ext4>>,
    mount: Mount,
}

impl OnDisk for Mounting<'_, '_> {
    fn mount(&mut self) -> &mut Mount {
        &mut self.mount
    }
    fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), BlockError> {
        self.cx.req().disk.read(self.cx, first, bytes)
    }
}

impl<'a, 'f> Mounting<'a, 'f> {
    /// Mounts what is on the disk.
    pub fn mount(cx: &'a mut Cx<'f, New<Ext4>>, cache_blocks: usize) -> Result<Mount, StartError> {
        let disk: &Req<dyn BlockDevice> = &cx.req().disk;
        let (block_bytes, blocks) = (disk.block_bytes(cx)?, disk.blocks(cx)?);
        let disk_bytes = blocks.saturating_mul(block_bytes.into());
        if disk_bytes < HEAD_BYTES as u64 {
            return Err(StartError::new("the disk is too small for a volume"));
        }
        let mut head = [0; HEAD_BYTES];
        disk.read(cx, 0, &mut head)?;
        let volume = Volume::decode(&array(&head, SUPERBLOCK_OFFSET), disk_bytes);
        let volume = volume.map_err(|fault| match fault {
            Fault::Unsupported => StartError::new("the volume uses features that are not known"),
            _ => StartError::new("there is no intact ext2, ext3 or ext4 volume on the disk"),
        })?;
        if block_bytes == 0 || !volume.block_bytes.is_multiple_of(block_bytes as usize) {
            return Err(StartError::new("the blocks of the disk are larger than the volume's"));
        }
        let disk_blocks = volume.block_bytes as u64 / u64::from(block_bytes);
        let journal = volume.journal;
        let mount = Mount { store: Store::new(volume, cache_blocks), disk_blocks };
        let mut mounting = Mounting { cx, mount };
        if let Some(inode) = journal {
            mounting.mount.store.replay = Replay::read(&mut mounting, inode)?;
        }
        Ok(mounting.mount)
    }
}
