//! A volume of the ext2, ext3, ext4 family, read-only.
//!
//! # Shape
//!
//! Reading the format is pure and tested on the host, against volumes that Linux's tools made and against
//! damaged ones: [`volume`] (superblock, groups), [`inode`], [`map`] (where a file's blocks are),
//! [`directory`], [`walk`] (paths), [`journal`]. It is written in steps that can be repeated, so that no
//! state is borrowed while the disk is called: [`blocks`] explains it. [`Ext4`] is the server around it;
//! every open file and every open directory is a local server.
//!
//! # Hostile volumes
//!
//! Nothing on the disk is believed. Where the volume has checksums they are checked; where it has none,
//! or they were made to fit, whatever makes no sense is [`FileError::Corrupt`].
//!
//! # State, and what a restart loses
//!
//! A cache, and what the journal says; both are read again. Open files are `Lost`.
//!
//! # Why it survives panics
//!
//! A step changes nothing, and between steps only whole blocks are added to the cache. So a panic over a volume that nobody
//! thought of costs the call that met it, and not the open files of everybody else.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod blocks;
mod bytes;
mod cache;
mod checksum;
pub mod directory;
pub mod fault;
pub mod image;
pub mod inode;
pub mod journal;
pub mod map;
pub mod read;
pub mod volume;
pub mod walk;

mod mount;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use warren::{Cx, New, Out, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{
    BlockDevice, Directory, DirectoryEntry, File, FileError, FileStatus, FileSystem, Log,
    Parameters,
};
use warren_parameters::number;

use crate::{
    directory::Entry,
    fault::Fault,
    inode::{Inode, Kind},
    mount::{Activation, Mount, Mounting},
    read::Target,
};

/// Blocks that stay in memory if the system file does not say.
const DEFAULT_CACHE_BLOCKS: u64 = 256;

/// What the file system needs.
#[derive(Required)]
pub struct Needs {
    disk: Req<dyn BlockDevice>,
    parameters: Req<dyn Parameters>,
    log: Req<dyn Log>,
}

/// A mounted volume.
#[server(
    provides(FileSystem),
    locals(OpenFile, OpenDirectory),
    parameters("cache_blocks"),
    survives_panics,
    stack = 32768,
    summary = "an ext2, ext3 or ext4 volume, read-only"
)]
pub struct Ext4 {
    mount: Mount,
}

/// One open file.
#[local(provides = File, parent = Ext4)]
pub struct OpenFile {
    inode: Inode,
}

/// One open directory.
#[local(provides = Directory, parent = Ext4)]
pub struct OpenDirectory {
    entries: Vec<Entry>,
}

impl Server for Ext4 {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let most = cache_blocks(&needs.parameters)?;
        let mount = Mounting::mount(cx, most)?;
        // A volume can be read without a log.
        mount.describe(&needs.log).ok();
        Ok(Ext4 { mount })
    }
}

impl FileSystem for Ext4 {
    fn open<'f>(cx: &mut Cx<'f, Self>, path: &str) -> Result<Ref<'f, dyn File>, FileError> {
        let inode = walk::resolve(&mut Activation(cx), path)?;
        match inode.kind {
            Kind::File => Ok(cx.spawn(OpenFile { inode })?),
            Kind::Directory => Err(FileError::IsADirectory),
            Kind::Link | Kind::Other => Err(FileError::Unsupported),
        }
    }

    fn directory<'f>(
        cx: &mut Cx<'f, Self>,
        path: &str,
    ) -> Result<Ref<'f, dyn Directory>, FileError> {
        let mut steps = Activation(cx);
        let inode = walk::resolve(&mut steps, path)?;
        let entries = directory::entries(&mut steps, &inode)?;
        Ok(cx.spawn(OpenDirectory { entries })?)
    }

    fn status(cx: &mut Cx<'_, Self>, path: &str) -> Result<FileStatus, FileError> {
        Ok(status(&walk::resolve(&mut Activation(cx), path)?))
    }
}

impl File for OpenFile {
    fn size(cx: &mut Cx<'_, Self>) -> Result<u64, FileError> {
        Ok(cx.inode.bytes)
    }

    fn read(cx: &mut Cx<'_, Self>, offset: u64, buffer: Out<'_>) -> Result<u64, FileError> {
        let inode = cx.inode.clone();
        let length = inode.bytes.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let mut target = Buffer { buffer, done: 0, length };
        read::read(&mut Activation(cx), &inode, offset, &mut target)?;
        Ok(length as u64)
    }

    fn write(_: &mut Cx<'_, Self>, _: u64, _: &[u8]) -> Result<u64, FileError> {
        Err(FileError::ReadOnly)
    }

    fn status(cx: &mut Cx<'_, Self>) -> Result<FileStatus, FileError> {
        Ok(status(&cx.inode))
    }
}

/// A caller's buffer, and how much of it gets contents.
struct Buffer<'a> {
    buffer: Out<'a>,
    done: usize,
    length: usize,
}

impl Target for Buffer<'_> {
    fn left(&self) -> usize {
        self.length - self.done
    }

    fn take(&mut self, bytes: &[u8]) {
        self.done += self.buffer.write(self.done, bytes);
    }

    fn take_zeroes(&mut self, count: usize) {
        if let Some(mut hole) = self.buffer.part(self.done, count) {
            self.done += hole.zeroed().len();
        }
    }
}

impl Directory for OpenDirectory {
    fn entry(
        cx: &mut Cx<'_, Self>,
        index: u64,
        mut name: Out<'_>,
    ) -> Result<DirectoryEntry, FileError> {
        let index = usize::try_from(index).map_err(|_| FileError::End)?;
        let entry = cx.entries.get(index).ok_or(FileError::End)?;
        name.fill_from(&entry.name);
        let (number, name_bytes) = (entry.inode, entry.name.len() as u32);
        let FileStatus { bytes, kind, .. } = status(&walk::load(&mut Activation(cx), number)?);
        Ok(DirectoryEntry { bytes, kind, name_bytes })
    }
}

fn status(inode: &Inode) -> FileStatus {
    let kind = match inode.kind {
        Kind::File => FileStatus::FILE,
        Kind::Directory => FileStatus::DIRECTORY,
        Kind::Link => FileStatus::LINK,
        Kind::Other => FileStatus::OTHER,
    };
    FileStatus {
        bytes: inode.bytes,
        modified: inode.modified,
        kind,
        mode: inode.mode.into(),
        number: inode.number.into(),
        mount: 0,
    }
}

/// The parameter `cache_blocks`.
fn cache_blocks(parameters: &Req<dyn Parameters>) -> Result<usize, StartError> {
    let refusal = "`cache_blocks` is not a number of blocks";
    Ok(number(parameters, "cache_blocks", DEFAULT_CACHE_BLOCKS, 0..=u32::MAX.into(), refusal)?
        as usize)
}

impl From<Fault> for FileError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Corrupt => FileError::Corrupt,
            Fault::Unsupported => FileError::Unsupported,
            Fault::NotFound => FileError::NotFound,
            Fault::NotADirectory => FileError::NotADirectory,
            Fault::BadName => FileError::BadName,
            Fault::Loop => FileError::Loop,
            // Whoever runs steps gets what is missing; what it cannot get is a failure of the disk.
            Fault::Missing(_) => FileError::Device,
        }
    }
}
