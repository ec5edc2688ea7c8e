//! Server files: decoding, checking, and the image for an address.
//!
//! A server file is an ELF shared object. It says in its `.warren` section what it provides and
//! requires, exports a table of its functions' addresses, and imports service calls, system functions and
//! the addresses of its own memory. [`ServerFile::parse`] takes all that apart and refuses a file that
//! the system could not run in every placement; [`ServerFile::image`] makes the memory of an instance.
//!
//! # What is believed
//!
//! Nothing. The file may come from anywhere. Each offset, count and text is checked before it is used,
//! nothing panics, and what is allocated is bounded by [`limits`]. The code in the file is not
//! judged: a domain of its own holds it, and whoever places a file in the kernel trusts it.
//!
//! # What a parsed file guarantees
//!
//! - No page of it is writable once relocated, and none is writable and executable.
//! - Its imports are of the contract, and its calls fit the services that it describes.
//! - Its entries lie in its text, and there are as many as the description says.
//!
//! What a *connection* needs, that two files mean the same by one service ID, is asked when it is
//! made: [`Service::agrees`], [`OutgoingCall::agrees`].

use alloc::vec::Vec;

mod container;
mod description;
mod descriptor;
mod error;
mod image;
mod imports;
pub mod limits;
mod loading;
mod relocations;
mod segments;
mod service;
#[cfg(test)]
mod tests;

pub use description::{Description, DescriptionFault, Requirement};
pub use descriptor::{Descriptor, Kind};
pub use error::{FileError, Refusal};
pub use image::Image;
pub use imports::Import;
pub use relocations::{Relocation, Value};
pub use segments::Segment;
pub use service::{Function, Mismatch, OutgoingCall, Service, SignatureText};

/// A server file that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFile {
    description: Description,
    calls: Vec<OutgoingCall>,
    system_imports: Vec<Import>,
    segments: Vec<Segment>,
    relocations: Vec<Relocation>,
    descriptor: Descriptor,
}

impl ServerFile {
    /// Takes a file apart and checks it completely.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let file = container::Container::parse(bytes)?;
        let section = file.section(warren_abi::description::SECTION)?;
        if section.len() > limits::DESCRIPTION_BYTES {
            return Err(FileError::TooMany("bytes of description").into());
        }
        let description = Description::parse(section)?;
        loading::check(&file)?;
        let segments = segments::read(&file)?;
        let imports = imports::read(&file, &description)?;
        let relocations = relocations::read(&file, &segments, &imports)?;
        let descriptor = descriptor::read(&file, &segments, &relocations, &description)?;
        let imports::Imports { calls, system, .. } = imports;
        Ok(ServerFile {
            description,
            calls,
            system_imports: system,
            segments,
            relocations,
            descriptor,
        })
    }

    /// The image for an address, a multiple of the page. `imports` is asked for the address of each import
    /// that a relocation uses.
    pub fn image(&self, base: u64, mut imports: impl FnMut(Import) -> u64) -> Image {
        Image {
            segments: image::relocate(&self.segments, &self.relocations, base, &mut imports),
            descriptor: self.descriptor.at(base),
        }
    }

    /// What the file says about its server.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The calls that it makes. [`Import::Call`] counts them.
    pub fn calls(&self) -> &[OutgoingCall] {
        &self.calls
    }

    /// Everything else that it imports, in order.
    pub fn system_imports(&self) -> &[Import] {
        &self.system_imports
    }

    /// What becomes memory, before relocation.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What relocation writes.
    pub fn relocations(&self) -> &[Relocation] {
        &self.relocations
    }

    /// Where its code is entered, counted from the start of the image.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Length of the image, a multiple of the page.
    pub fn image_bytes(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.offset + last.memory_bytes)
    }
}
