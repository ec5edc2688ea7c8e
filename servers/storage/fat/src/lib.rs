//! A FAT volume, read-only: entries of 12, 16 and 32 bits, short and long names.
//!
//! # Shape
//!
//! [`volume`] decodes the first sector, [`chain`] follows clusters, [`directory`] decodes names; all three are pure but
//! for [`chain::Disk`] and are tested on the host, on volumes that mtools made and on bytes without sense.
//! [`Fat`] is the server around them.
//!
//! # No state to lock
//!
//! What a volume is does not change, so an activation copies it and holds nothing while it reads the disk. An open
//! file remembers the cluster at which the last read ended, so that reading on does not start at the chain's beginning.
//!
//! # State, and what a restart loses
//!
//! Where things lie on the disk, which is found again; open files and directories are `Lost`.
//!
//! # Names
//!
//! Upper and lower case are the same in ASCII, as everywhere on FAT. Bytes beyond ASCII in a short name belong to a
//! code page that nobody knows, and are shown as replacement characters.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bytes;
pub mod chain;
pub mod directory;
pub mod volume;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use warren::{Cx, New, Object, Out, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{BlockDevice, Directory, DirectoryEntry, File, FileError, FileStatus, FileSystem};

use crate::{
    chain::{Disk, Place},
    directory::Entry,
    volume::{HEAD_BYTES, SECTOR_BYTES, Volume},
};

/// What the file system needs.
#[derive(Required)]
pub struct Needs {
    disk: Req<dyn BlockDevice>,
}

/// A mounted volume.
#[server(
    provides(FileSystem),
    locals(OpenFile, OpenDirectory),
    stack = 32768,
    summary = "a FAT volume, read-only"
)]
pub struct Fat {
    mount: Mount,
}

/// The volume, and the disk below it.
#[derive(Clone, Copy)]
struct Mount {
    volume: Volume,
    /// Blocks of the disk in a sector of the volume.
    disk_blocks: u64,
}

/// One open file.
#[local(provides = File, parent = Fat)]
pub struct OpenFile {
    entry: Entry,
    /// A place of its chain that was read.
    last: Place,
}

/// One open directory.
#[local(provides = Directory, parent = Fat)]
pub struct OpenDirectory {
    entries: Vec<Entry>,
}

impl Server for Fat {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let disk = &cx.req().disk;
        let (block_bytes, blocks) = (disk.block_bytes(cx)?, disk.blocks(cx)?);
        let disk_bytes = blocks.saturating_mul(block_bytes.into());
        if disk_bytes < SECTOR_BYTES as u64 {
            return Err(StartError::new("the disk is too small for a volume"));
        }
        let mut head = [0; SECTOR_BYTES];
        disk.read(cx, 0, &mut head)?;
        let head: &[u8; HEAD_BYTES] = head.first_chunk().expect("a sector is longer");
        let volume = Volume::decode(head, disk_bytes);
        let volume = volume.ok_or(StartError::new("there is no intact FAT volume on the disk"))?;
        if block_bytes == 0 || !volume.sector_bytes.is_multiple_of(block_bytes as usize) {
            return Err(StartError::new("the blocks of the disk are larger than the volume's"));
        }
        let disk_blocks = volume.sector_bytes as u64 / u64::from(block_bytes);
        Ok(Fat { mount: Mount { volume, disk_blocks } })
    }
}

/// The disk in an activation, and the sectors of the last short read: chains are followed entry by entry.
struct Activation<'a, 'f, S> {
    cx: &'a mut Cx<'f, S>,
    disk_blocks: u64,
    sector: u64,
    kept: Vec<u8>,
}

impl<'a, 'f, S> Activation<'a, 'f, S> {
    fn new(cx: &'a mut Cx<'f, S>, mount: Mount) -> Self {
        Activation { cx, disk_blocks: mount.disk_blocks, sector: 0, kept: Vec::new() }
    }
}

impl<S: Object<Root = Fat>> Disk for Activation<'_, '_, S> {
    fn read(&mut self, _: &Volume, sector: u64, buffer: &mut [u8]) -> Result<(), FileError> {
        if sector == self.sector && buffer.len() == self.kept.len() {
            buffer.copy_from_slice(&self.kept);
            return Ok(());
        }
        self.cx.req().disk.read(self.cx, sector * self.disk_blocks, buffer)?;
        if buffer.len() <= 2 * SECTOR_BYTES {
            (self.sector, self.kept) = (sector, buffer.to_vec());
        }
        Ok(())
    }
}

impl Fat {
    /// What a path names.
    fn find(cx: &mut Cx<'_, Self>, path: &str) -> Result<Entry, FileError> {
        let mount = cx.mount;
        directory::find(&mut Activation::new(cx, mount), &mount.volume, path)
    }
}

impl FileSystem for Fat {
    fn open<'f>(cx: &mut Cx<'f, Self>, path: &str) -> Result<Ref<'f, dyn File>, FileError> {
        let entry = Self::find(cx, path)?;
        if entry.is_directory() {
            return Err(FileError::IsADirectory);
        }
        let last = Place { index: 0, cluster: entry.cluster };
        Ok(cx.spawn(OpenFile { entry, last })?)
    }

    fn directory<'f>(
        cx: &mut Cx<'f, Self>,
        path: &str,
    ) -> Result<Ref<'f, dyn Directory>, FileError> {
        let entry = Self::find(cx, path)?;
        if !entry.is_directory() {
            return Err(FileError::NotADirectory);
        }
        let mount = cx.mount;
        let mut activation = Activation::new(cx, mount);
        let mut entries = directory::list(&mut activation, &mount.volume, &entry)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cx.spawn(OpenDirectory { entries })?)
    }

    fn status(cx: &mut Cx<'_, Self>, path: &str) -> Result<FileStatus, FileError> {
        Ok(Self::find(cx, path)?.status)
    }
}

impl File for OpenFile {
    fn size(cx: &mut Cx<'_, Self>) -> Result<u64, FileError> {
        Ok(cx.entry.status.bytes)
    }

    fn read(cx: &mut Cx<'_, Self>, offset: u64, mut buffer: Out<'_>) -> Result<u64, FileError> {
        let mount = cx.parent().mount;
        let left = cx.entry.status.bytes.saturating_sub(offset);
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let start = Place { index: 0, cluster: cx.entry.cluster };
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let known = cx.last;
            let before = known.index <= at / mount.volume.cluster_bytes();
            let last = if before { known } else { start };
            let mut disk = Activation::new(cx, mount);
            let (bytes, place) = chain::read(&mut disk, &mount.volume, last, at, length - done)?;
            cx.last = place;
            done += buffer.write(done, &bytes);
        }
        Ok(done as u64)
    }

    fn write(_cx: &mut Cx<'_, Self>, _offset: u64, _bytes: &[u8]) -> Result<u64, FileError> {
        Err(FileError::ReadOnly)
    }

    fn status(cx: &mut Cx<'_, Self>) -> Result<FileStatus, FileError> {
        Ok(cx.entry.status)
    }
}

impl Directory for OpenDirectory {
    fn entry(
        cx: &mut Cx<'_, Self>,
        index: u64,
        mut name: Out<'_>,
    ) -> Result<DirectoryEntry, FileError> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let entry = cx.entries.get(index).ok_or(FileError::End)?;
        name.fill_from(entry.name.as_bytes());
        let FileStatus { bytes, kind, .. } = entry.status;
        Ok(DirectoryEntry { bytes, kind, name_bytes: entry.name.len() as u32 })
    }
}
