//! A file as a disk that is only read: an image is never changed.

use std::{fs::File, os::unix::fs::FileExt};

use warren::{Cx, Out};
use warren_idl::{BlockDevice, BlockError};

/// Bytes of a block.
const BLOCK: u64 = 512;
/// Bytes that are read from the file at once.
const PIECE: usize = 16 * 1024;

/// An image.
pub struct Image {
    file: File,
    blocks: u64,
}

warren_natives::natives!(Image);

impl Image {
    /// The image in this file; bytes beyond the last whole block are out of reach.
    pub fn new(file: File) -> Self {
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        Image { file, blocks: bytes / BLOCK }
    }

    /// Offset of a range of blocks in the file.
    fn offset(&self, first: u64, bytes: usize) -> Result<u64, BlockError> {
        let bytes = bytes as u64;
        if !bytes.is_multiple_of(BLOCK) {
            return Err(BlockError::BadLength);
        }
        let end = first.checked_add(bytes / BLOCK).ok_or(BlockError::OutOfRange)?;
        if end > self.blocks { Err(BlockError::OutOfRange) } else { Ok(first * BLOCK) }
    }
}

impl BlockDevice for Image {
    fn block_bytes(_: &mut Cx<'_, Self>) -> Result<u32, BlockError> {
        Ok(BLOCK as u32)
    }

    fn blocks(cx: &mut Cx<'_, Self>) -> Result<u64, BlockError> {
        Ok(cx.state().blocks)
    }

    fn read(cx: &mut Cx<'_, Self>, first: u64, mut buffer: Out<'_>) -> Result<(), BlockError> {
        let image = cx.state();
        let offset = image.offset(first, buffer.len())?;
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < buffer.len() {
            let piece = &mut piece[..PIECE.min(buffer.len() - done)];
            let read = image.file.read_exact_at(piece, offset + done as u64);
            read.map_err(|_| BlockError::Medium)?;
            done += buffer.write(done, piece);
        }
        Ok(())
    }

    fn write(cx: &mut Cx<'_, Self>, first: u64, buffer: &[u8]) -> Result<(), BlockError> {
        cx.state().offset(first, buffer.len())?;
        Err(BlockError::ReadOnly)
    }

    fn flush(_: &mut Cx<'_, Self>) -> Result<(), BlockError> {
        Ok(())
    }
}
