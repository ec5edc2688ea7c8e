//! Everything that a server file says, for people: what `./warren inspect` prints.
//!
//! The tool formats it, as text or as JSON; nothing here is meant for a loader.

use alloc::vec::Vec;

use warren_abi::system;

use crate::{
    file::{Description, Import, OutgoingCall, Refusal, Segment, ServerFile},
    sha256::sha256,
    space::Protection,
};

/// A server file, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of the file: two placements run the same server if this is the same.
    pub sha256: [u8; 32],
    /// Services, requirements, parameters, attributes, stack need, state size.
    pub description: Description,
    /// Whether the server has a `start` hook.
    pub has_start: bool,
    /// The service calls that its code makes.
    pub calls: Vec<OutgoingCall>,
    /// Names of the system functions that it uses.
    pub system_functions: Vec<&'static str>,
    /// Names of the symbols by which it finds its own memory.
    pub memory_symbols: Vec<&'static str>,
    /// Words that relocation writes.
    pub relocations: usize,
    /// What becomes memory.
    pub segments: Vec<SegmentSize>,
    /// Sums over the file.
    pub sizes: Sizes,
}

/// One segment of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSize {
    /// Distance from the start of the image.
    pub offset: u64,
    /// Bytes that come from the file.
    pub file_bytes: u64,
    /// Bytes in memory, whole pages.
    pub memory_bytes: u64,
    /// How its pages may be used.
    pub protection: Protection,
    /// Whether relocation changes it before it is mapped.
    pub relocated: bool,
}

/// Sums over a file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The whole file.
    pub file: u64,
    /// The image in memory, whole pages.
    pub image: u64,
    /// Code.
    pub text: u64,
    /// Constants, and the tables for the loader.
    pub constants: u64,
    /// Data that is constant once it is relocated.
    pub relocated: u64,
}

impl Inspection {
    /// Reads and checks a file, and describes it.
    pub fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        let file = ServerFile::parse(bytes)?;
        Ok(Inspection {
            sha256: sha256(bytes),
            description: file.description().clone(),
            has_start: file.descriptor().start.is_some(),
            calls: file.calls().to_vec(),
            system_functions: names(&file, function_name),
            memory_symbols: names(&file, memory_symbol),
            relocations: file.relocations().len(),
            segments: file.segments().iter().map(SegmentSize::of).collect(),
            sizes: Sizes::of(bytes, &file),
        })
    }
}

impl SegmentSize {
    fn of(segment: &Segment) -> Self {
        SegmentSize {
            offset: segment.offset,
            file_bytes: file_bytes(segment),
            memory_bytes: segment.memory_bytes,
            protection: segment.protection,
            relocated: segment.relocated,
        }
    }
}

impl Sizes {
    fn of(bytes: &[u8], file: &ServerFile) -> Self {
        let sum = |choose: &dyn Fn(&Segment) -> bool| {
            let chosen = file.segments().iter().filter(|segment| choose(segment));
            chosen.map(file_bytes).sum()
        };
        Sizes {
            file: bytes.len() as u64,
            image: file.image_bytes(),
            text: sum(&|segment| segment.protection == Protection::ReadExecute),
            constants: sum(&|segment| segment.protection == Protection::Read && !segment.relocated),
            relocated: sum(&|segment| segment.relocated),
        }
    }
}

fn file_bytes(segment: &Segment) -> u64 {
    segment.bytes.len().saturating_sub(segment.padding) as u64
}

fn names(file: &ServerFile, name: fn(Import) -> Option<&'static str>) -> Vec<&'static str> {
    file.system_imports().iter().copied().filter_map(name).collect()
}

fn function_name(import: Import) -> Option<&'static str> {
    match import {
        Import::Function(index) => system::FUNCTIONS.get(index).copied(),
        _ => None,
    }
}

fn memory_symbol(import: Import) -> Option<&'static str> {
    match import {
        Import::Required => Some(system::REQUIRED),
        Import::State => Some(system::STATE),
        Import::Heap => Some(system::HEAP),
        Import::Call(_) | Import::Function(_) => None,
    }
}
