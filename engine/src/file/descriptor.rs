//! Where a server's code is entered, copied from the table that its file exports.
//!
//! Every address is checked once, against the file's own text, and the numbers of services and
//! entries against the description. Nobody reads the table in the image afterwards.
//!
//! # Why the image is relocated once for reading
//!
//! Text may begin at address 0 of the image, so a function's address and null are only told apart
//! after relocation. At [`READING_BASE`] an address of the image is no small number, and a number
//! that nobody relocated is no address of the image.

use alloc::vec::Vec;
use core::mem::{offset_of, size_of};

use elf::abi;
use warren_abi::server::{self, Kind as RawKind, SYMBOL};

use super::{
    Description, FileError, Refusal, Relocation, Segment, Service, container::Container, image,
};
use crate::space::{Protection, REGION_BASE};

/// Where the image is relocated to for reading the table; any region would do.
const READING_BASE: u64 = REGION_BASE;

/// How a server's code is entered. All addresses lie in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Builds the root state in place.
    pub construct: u64,
    /// The `start` hook.
    pub start: Option<u64>,
    /// Drops the root state in place.
    pub destruct: u64,
    /// The kinds of object that the server can be, in the order of [`Description::kinds`].
    pub kinds: Vec<Kind>,
}

/// One kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// ID of its service.
    pub service: u32,
    /// Address of each function.
    pub entries: Vec<u64>,
    /// Drops a local server's state and frees its memory; `None` for the root's kinds.
    pub drop: Option<u64>,
}

impl Descriptor {
    /// The same for an image at this address, if this one counts from the image's start.
    pub(super) fn at(&self, base: u64) -> Descriptor {
        let place = |address: &u64| base.wrapping_add(*address);
        let kind = |kind: &Kind| Kind {
            service: kind.service,
            entries: kind.entries.iter().map(place).collect(),
            drop: kind.drop.as_ref().map(place),
        };
        Descriptor {
            construct: place(&self.construct),
            start: self.start.as_ref().map(place),
            destruct: place(&self.destruct),
            kinds: self.kinds.iter().map(kind).collect(),
        }
    }
}

/// Reads and checks the table.
pub(super) fn read(
    file: &Container<'_>,
    segments: &[Segment],
    relocations: &[Relocation],
    description: &Description,
) -> Result<Descriptor, Refusal> {
    let table = address(file)?.wrapping_add(READING_BASE);
    let image = image::relocate(segments, relocations, READING_BASE, &mut |_| 0);
    let reader = Reader { image: &image };
    let word = |offset: usize| reader.word(table, offset, "table");
    let version = word(offset_of!(server::Descriptor, version))?;
    if version != u64::from(warren_abi::VERSION) {
        return Err(FileError::DescriptorVersion(version).into());
    }
    let kind_count = word(offset_of!(server::Descriptor, kind_count))?;
    agree(None, "the number of kinds", kind_count, description.kinds().len() as u64)?;
    let construct = word(offset_of!(server::Descriptor, construct))?;
    let start = word(offset_of!(server::Descriptor, start))?;
    let destruct = word(offset_of!(server::Descriptor, destruct))?;
    let kinds = word(offset_of!(server::Descriptor, kinds))?;
    Ok(Descriptor {
        construct: reader.text(construct, "construct", 0, 0)?,
        start: if start == 0 { None } else { Some(reader.text(start, "start", 0, 0)?) },
        destruct: reader.text(destruct, "destruct", 0, 0)?,
        kinds: reader.kinds(kinds, description)?,
    })
}

/// Address of the table.
fn address(file: &Container<'_>) -> Result<u64, Refusal> {
    let symbols = file.dynamic_symbols()?;
    let exported = symbols.iter().find(|symbol| {
        symbol.st_shndx != abi::SHN_UNDEF
            && symbol.st_shndx < abi::SHN_LORESERVE
            && symbols.name(symbol) == Some(SYMBOL)
    });
    exported.map(|symbol| symbol.st_value).ok_or_else(|| FileError::NoDescriptor.into())
}

/// Descriptor and description give the same number.
fn agree(
    kind: Option<usize>,
    field: &'static str,
    descriptor: u64,
    description: u64,
) -> Result<(), Refusal> {
    if descriptor == description {
        return Ok(());
    }
    Err(FileError::Disagreement { kind, field, descriptor, description }.into())
}

struct Reader<'a> {
    image: &'a [Segment],
}

impl Reader<'_> {
    /// The word `offset` bytes into a table in the image's data, given by its address.
    fn word(&self, table: u64, offset: usize, name: &'static str) -> Result<u64, Refusal> {
        let find = || {
            let address = table.wrapping_sub(READING_BASE).checked_add(offset as u64)?;
            let data = self.image.iter().filter(|segment| segment.protection == Protection::Read);
            data.filter_map(|segment| {
                let at = segment.position(address, size_of::<u64>())?;
                segment.bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
            })
            .next()
        };
        find().ok_or_else(|| FileError::DescriptorBounds(name).into())
    }

    /// What a pointer to text points to, counted from the image's start.
    fn text(
        &self,
        pointer: u64,
        field: &'static str,
        kind: usize,
        entry: usize,
    ) -> Result<u64, Refusal> {
        let address = pointer.wrapping_sub(READING_BASE);
        let inside = |segment: &Segment| {
            segment.protection == Protection::ReadExecute && segment.position(address, 1).is_some()
        };
        if self.image.iter().any(inside) {
            return Ok(address);
        }
        Err(FileError::NotText { field, kind, entry, pointer }.into())
    }

    fn kinds(&self, table: u64, description: &Description) -> Result<Vec<Kind>, Refusal> {
        let roots = description.provides.len();
        let mut kinds = Vec::new();
        for (index, service) in description.kinds().enumerate() {
            let offset = index * size_of::<RawKind>();
            let word = |field: usize| self.word(table, offset + field, "table of kinds");
            let id = word(offset_of!(RawKind, service))?;
            agree(Some(index), "service", id, service.id.into())?;
            let count = word(offset_of!(RawKind, entry_count))?;
            agree(Some(index), "the number of functions", count, service.functions.len() as u64)?;
            let entries = word(offset_of!(RawKind, entries))?;
            let drop = word(offset_of!(RawKind, drop))?;
            kinds.push(Kind {
                service: service.id,
                entries: self.entries(entries, index, service)?,
                drop: self.drop(drop, index, index >= roots)?,
            });
        }
        Ok(kinds)
    }

    fn entries(&self, table: u64, kind: usize, service: &Service) -> Result<Vec<u64>, Refusal> {
        let entry = |index: usize| {
            let address = self.word(table, index * size_of::<u64>(), "table of entries")?;
            self.text(address, "function", kind, index)
        };
        (0..service.functions.len()).map(entry).collect()
    }

    /// Local servers have an entry that drops them, and the root's kinds have none.
    fn drop(&self, address: u64, kind: usize, local: bool) -> Result<Option<u64>, Refusal> {
        if local {
            return self.text(address, "drop", kind, 0).map(Some);
        }
        agree(Some(kind), "a drop function", address, 0)?;
        Ok(None)
    }
}
