//! The ELF file around a server: headers, sections, symbols, with every offset checked.
//!
//! Sections are the one truth here: symbols and relocations are found by their sections and not
//! a second time by the dynamic table, so the two cannot be played off against each other.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use elf::{
    ElfBytes, abi,
    dynamic::DynamicTable,
    endian::LittleEndian,
    file::Class,
    section::{SectionHeader, SectionHeaderTable},
    segment::ProgramHeader,
    symbol::{Symbol, SymbolTable},
};

use super::{FileError, Refusal, limits};

/// Symbols that an error names at most.
const NAMED: usize = 8;

/// An ELF file of the right kind.
pub(super) struct Container<'a> {
    bytes: &'a [u8],
    segments: Vec<ProgramHeader>,
    sections: SectionHeaderTable<'a, LittleEndian>,
    names: &'a [u8],
}

/// A table of symbols with their names.
pub(super) struct Symbols<'a> {
    table: SymbolTable<'a, LittleEndian>,
    names: &'a [u8],
}

impl<'a> Container<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > limits::FILE_BYTES {
            return Err(FileError::TooLarge(bytes.len()).into());
        }
        let elf = ElfBytes::<LittleEndian>::minimal_parse(bytes).map_err(|_| FileError::NotElf)?;
        let header = &elf.ehdr;
        if header.class != Class::ELF64 {
            return Err(FileError::NotElf.into());
        }
        if header.e_machine != abi::EM_X86_64 || header.e_type != abi::ET_DYN {
            return Err(FileError::WrongKind.into());
        }
        let segments = elf.segments().ok_or(FileError::NotElf)?;
        if segments.len() > limits::SEGMENTS {
            return Err(FileError::TooMany("program headers").into());
        }
        let sections = elf.section_headers().ok_or(FileError::NotElf)?;
        let names = sections.get(header.e_shstrndx.into()).map_err(|_| FileError::NotElf)?;
        let names = contents(bytes, &names).ok_or(FileError::NotElf)?;
        Ok(Container { bytes, segments: segments.iter().collect(), sections, names })
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn segments(&self, kind: u32) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(move |segment| segment.p_type == kind)
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = SectionHeader> + use<'a> {
        self.sections.iter()
    }

    /// The section's name; a number if it has no readable one.
    pub(super) fn name(&self, section: &SectionHeader) -> String {
        match name_at(self.names, section.sh_name) {
            Some(name) => name.to_string(),
            None => section.sh_name.to_string(),
        }
    }

    pub(super) fn contents(&self, section: &SectionHeader) -> Result<&'a [u8], Refusal> {
        contents(self.bytes, section)
            .ok_or_else(|| FileError::SectionBounds(self.name(section)).into())
    }

    /// The contents of the section with this name.
    pub(super) fn section(&self, name: &'static str) -> Result<&'a [u8], Refusal> {
        let named = |section: &SectionHeader| name_at(self.names, section.sh_name) == Some(name);
        let section = self.sections().find(named).ok_or(FileError::NoSection(name))?;
        self.contents(&section)
    }

    /// The table of symbols that the loader sees.
    pub(super) fn dynamic_symbols(&self) -> Result<Symbols<'a>, Refusal> {
        let symbols = self.symbols(abi::SHT_DYNSYM)?.ok_or(FileError::NoSection(".dynsym"))?;
        if symbols.table.len() > limits::SYMBOLS {
            return Err(FileError::TooMany("dynamic symbols").into());
        }
        Ok(symbols)
    }

    /// The dynamic table; `None` if there is none.
    pub(super) fn dynamic(&self) -> Result<Option<DynamicTable<'a, LittleEndian>>, Refusal> {
        let Some(section) = self.sections().find(|section| section.sh_type == abi::SHT_DYNAMIC)
        else {
            return Ok(None);
        };
        let table = self.contents(&section)?;
        Ok(Some(DynamicTable::new(LittleEndian, Class::ELF64, table)))
    }

    /// A text that the dynamic table refers to, for an error's message.
    pub(super) fn dynamic_text(&self, offset: u64) -> String {
        let symbols = self.dynamic_symbols().ok();
        let offset = u32::try_from(offset).ok();
        let name = symbols.zip(offset).and_then(|(symbols, at)| name_at(symbols.names, at));
        name.unwrap_or("?").to_string()
    }

    /// The symbols with contents in a range of addresses, for an error's message.
    pub(super) fn symbols_within(&self, from: u64, to: u64) -> Vec<String> {
        let inside = |symbol: &Symbol| (from..to).contains(&symbol.st_value) && symbol.st_size > 0;
        self.described(inside).take(NAMED).map(ToString::to_string).collect()
    }

    /// The symbol whose contents hold this address, for an error's message.
    pub(super) fn symbol_at(&self, address: u64) -> Option<String> {
        let holds = |symbol: &Symbol| {
            address.checked_sub(symbol.st_value).is_some_and(|within| within < symbol.st_size)
        };
        self.described(holds).next().map(ToString::to_string)
    }

    /// Names of thread-local variables, for an error's message.
    pub(super) fn thread_locals(&self) -> Vec<String> {
        let local = |symbol: &Symbol| symbol.st_symtype() == abi::STT_TLS;
        self.described(local).take(NAMED).map(ToString::to_string).collect()
    }

    /// Names of defined symbols of the full table, or of the dynamic one in a stripped file.
    fn described(&self, choose: impl Fn(&Symbol) -> bool) -> impl Iterator<Item = &'a str> {
        let table = |kind| self.symbols(kind).ok().flatten();
        let symbols = table(abi::SHT_SYMTAB).or_else(|| table(abi::SHT_DYNSYM));
        symbols
            .into_iter()
            .flat_map(|symbols| {
                symbols
                    .table
                    .iter()
                    .filter_map(move |symbol| Some((symbols.name(&symbol)?, symbol)))
            })
            .filter(move |(_, symbol)| !symbol.is_undefined() && choose(symbol))
            .map(|(name, _)| name)
    }

    fn symbols(&self, kind: u32) -> Result<Option<Symbols<'a>>, Refusal> {
        let Some(section) = self.sections().find(|section| section.sh_type == kind) else {
            return Ok(None);
        };
        let bad = || FileError::SectionBounds(self.name(&section));
        let names = self.sections.get(section.sh_link as usize).map_err(|_| bad())?;
        let table = SymbolTable::new(LittleEndian, Class::ELF64, self.contents(&section)?);
        Ok(Some(Symbols { table, names: self.contents(&names)? }))
    }
}

impl<'a> Symbols<'a> {
    /// All symbols, the empty one at index 0 too.
    pub(super) fn iter(&self) -> impl Iterator<Item = Symbol> + use<'a> {
        self.table.iter()
    }

    /// The symbol's name, if it is printable ASCII of bounded length.
    pub(super) fn name(&self, symbol: &Symbol) -> Option<&'a str> {
        name_at(self.names, symbol.st_name)
    }
}

/// What a section holds; nothing if the file has no bytes for it.
fn contents<'a>(bytes: &'a [u8], section: &SectionHeader) -> Option<&'a [u8]> {
    if section.sh_type == abi::SHT_NOBITS {
        return Some(&[]);
    }
    range(bytes, section.sh_offset, section.sh_size)
}

/// A range of the file.
pub(super) fn range(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    rest.get(..usize::try_from(length).ok()?)
}

/// The text at an offset of a table of strings, if it is printable ASCII of bounded length.
fn name_at(names: &[u8], offset: u32) -> Option<&str> {
    let rest = names.get(offset as usize..)?;
    let end = rest.iter().take(limits::SYMBOL_BYTES + 1).position(|byte| *byte == 0)?;
    let name = rest.get(..end)?;
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    core::str::from_utf8(name).ok()
}
