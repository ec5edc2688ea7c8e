//! What of a file becomes memory, and the rule that none of it stays writable.
//!
//! An image is text, constants, and data that is constant once it is relocated. The last is a
//! writable segment in the file, inside the range that the linker declares read-only after
//! relocation (RELRO); the image that is mapped has it read-only from the beginning. So a file that
//! passes here has no global that could be written, wherever it runs.

use alloc::vec::Vec;

use elf::{abi, section::SectionHeader, segment::ProgramHeader};

use super::{
    FileError, Refusal,
    container::{Container, range},
    limits,
};
use crate::space::{PAGE, Protection};

/// Pages of an image. Contents and then zeroes fill `memory_bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Distance from the start of the image, a multiple of the page.
    pub offset: u64,
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// How many of them are zeroes because the file's segment begins within the page.
    pub padding: usize,
    /// Length in memory, a multiple of the page.
    pub memory_bytes: u64,
    /// Never [`Protection::ReadWrite`].
    pub protection: Protection,
    /// Whether relocations may change it before it is mapped.
    pub relocated: bool,
}

impl Segment {
    /// Index of the byte at this distance from the image's start, if it and `length - 1` bytes after
    /// it have contents in the file.
    pub(super) fn position(&self, address: u64, length: usize) -> Option<usize> {
        let at = usize::try_from(address.checked_sub(self.offset)?).ok()?;
        (at.checked_add(length)? <= self.bytes.len()).then_some(at)
    }
}

/// The segments of an image, in the order of their addresses.
pub(super) fn read(file: &Container<'_>) -> Result<Vec<Segment>, Refusal> {
    let thread_local = |section: SectionHeader| {
        section.sh_flags & u64::from(abi::SHF_TLS) != 0 && section.sh_size > 0
    };
    if file.segments(abi::PT_TLS).next().is_some() || file.sections().any(thread_local) {
        return Err(FileError::ThreadLocal(file.thread_locals()).into());
    }
    let mut segments: Vec<Segment> = Vec::new();
    for header in file.segments(abi::PT_LOAD).filter(|header| header.p_memsz > 0) {
        let segment = segment(file, header)?;
        let free = segments.last().map_or(0, |last| last.offset + last.memory_bytes);
        if segment.offset < free {
            return Err(FileError::SegmentOrder(header.p_vaddr).into());
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn segment(file: &Container<'_>, header: &ProgramHeader) -> Result<Segment, Refusal> {
    let bad = FileError::SegmentBounds(header.p_vaddr);
    let Some(contents) = range(file.bytes(), header.p_offset, header.p_filesz) else {
        return Err(bad.into());
    };
    if header.p_filesz > header.p_memsz {
        return Err(bad.into());
    }
    let end = header.p_vaddr.checked_add(header.p_memsz).ok_or(bad)?;
    if end > limits::IMAGE_BYTES {
        return Err(FileError::ImageTooLarge(end).into());
    }
    let writable = header.p_flags & abi::PF_W != 0;
    let protection = protection(header)?;
    if writable {
        check_relro(file, header.p_vaddr, end)?;
    }
    // The page may begin before the segment does; zeroes stand there, not other parts of the file.
    let offset = header.p_vaddr / PAGE * PAGE;
    let padding = (header.p_vaddr - offset) as usize;
    let mut bytes = alloc::vec![0; padding];
    bytes.extend_from_slice(contents);
    let memory_bytes = end.next_multiple_of(PAGE) - offset;
    Ok(Segment { offset, bytes, padding, memory_bytes, protection, relocated: writable })
}

fn protection(header: &ProgramHeader) -> Result<Protection, Refusal> {
    let executable = header.p_flags & abi::PF_X != 0;
    if !executable {
        return Ok(Protection::Read);
    }
    if header.p_flags & abi::PF_W != 0 {
        return Err(FileError::WritableText(header.p_vaddr).into());
    }
    Ok(Protection::ReadExecute)
}

/// A writable segment must lie completely in the range that becomes read-only.
fn check_relro(file: &Container<'_>, from: u64, to: u64) -> Result<(), Refusal> {
    let Some(relro) = file.segments(abi::PT_GNU_RELRO).next() else {
        return Err(FileError::NoRelro.into());
    };
    let covered = relro.p_vaddr..=relro.p_vaddr.saturating_add(relro.p_memsz);
    if covered.contains(&from) && covered.contains(&to) {
        return Ok(());
    }
    let offender = |section: &SectionHeader| {
        let flags = u64::from(abi::SHF_ALLOC | abi::SHF_WRITE);
        let end = section.sh_addr.saturating_add(section.sh_size);
        section.sh_flags & flags == flags
            && section.sh_size > 0
            && section.sh_addr >= from
            && end <= to
            && !(covered.contains(&section.sh_addr) && covered.contains(&end))
    };
    let error = match file.sections().find(offender) {
        None => FileError::WritableData { section: "?".into(), symbols: Vec::new() },
        Some(section) => FileError::WritableData {
            section: file.name(&section),
            symbols: file
                .symbols_within(section.sh_addr, section.sh_addr.saturating_add(section.sh_size)),
        },
    };
    Err(error.into())
}
