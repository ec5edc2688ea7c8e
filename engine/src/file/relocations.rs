//! What has to be written into an image once its address is known.

use alloc::vec::Vec;

use elf::{
    abi,
    endian::LittleEndian,
    file::Class,
    relocation::{Rela, RelaIterator},
    section::SectionHeader,
    symbol::Symbol,
};

use super::{
    FileError, Refusal, Segment,
    container::Container,
    imports::{Import, Imports},
    limits,
};

/// Section type of packed relative relocations.
const SHT_RELR: u32 = 19;
/// Bytes of an entry of a section of relocations (System V ABI, `Elf64_Rela`).
const ENTRY: usize = 24;
/// Bytes that a relocation writes.
pub(super) const WORD: usize = 8;

/// One word of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Distance of the word from the start of the image. It lies in contents of a segment that is relocated.
    pub address: u64,
    /// What the word becomes.
    pub value: Value,
}

/// What a relocated word becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// An address in the image: its distance from the image's start.
    Image(u64),
    /// The address of an import, and a number that is added.
    Import(Import, u64),
}

/// Reads and checks all relocations.
pub(super) fn read(
    file: &Container<'_>,
    segments: &[Segment],
    imports: &Imports,
) -> Result<Vec<Relocation>, Refusal> {
    let symbols: Vec<Symbol> = file.dynamic_symbols()?.iter().collect();
    let mut relocations = Vec::new();
    for section in file.sections().filter(loaded) {
        if section.sh_type != abi::SHT_RELA {
            return Err(FileError::RelocationForm(file.name(&section)).into());
        }
        let contents = file.contents(&section)?;
        // No more than needed: a list that grows by itself takes thrice as much while it does.
        relocations.reserve_exact((contents.len() / ENTRY).min(limits::RELOCATIONS));
        for entry in RelaIterator::new(LittleEndian, Class::ELF64, contents) {
            if relocations.len() >= limits::RELOCATIONS {
                return Err(FileError::TooMany("relocations").into());
            }
            check_target(file, segments, entry.r_offset)?;
            let value = value(&entry, &symbols, imports)?;
            relocations.push(Relocation { address: entry.r_offset, value });
        }
    }
    Ok(relocations)
}

/// Whether a section holds relocations that are meant for a loader.
fn loaded(section: &SectionHeader) -> bool {
    section.sh_flags & u64::from(abi::SHF_ALLOC) != 0
        && matches!(section.sh_type, abi::SHT_RELA | abi::SHT_REL | SHT_RELR)
}

fn check_target(file: &Container<'_>, segments: &[Segment], address: u64) -> Result<(), Refusal> {
    let target = segments.iter().find(|segment| segment.position(address, WORD).is_some());
    match target {
        Some(segment) if segment.relocated => Ok(()),
        Some(_) => {
            Err(FileError::TextRelocation { address, symbol: file.symbol_at(address) }.into())
        }
        None => Err(FileError::RelocationTarget(address).into()),
    }
}

fn value(entry: &Rela, symbols: &[Symbol], imports: &Imports) -> Result<Value, Refusal> {
    let addend = entry.r_addend.cast_unsigned();
    match entry.r_type {
        abi::R_X86_64_RELATIVE => Ok(Value::Image(addend)),
        abi::R_X86_64_GLOB_DAT | abi::R_X86_64_JUMP_SLOT => symbol(entry, 0, symbols, imports),
        abi::R_X86_64_64 => symbol(entry, addend, symbols, imports),
        kind => Err(FileError::RelocationType { address: entry.r_offset, kind }.into()),
    }
}

fn symbol(
    entry: &Rela,
    addend: u64,
    symbols: &[Symbol],
    imports: &Imports,
) -> Result<Value, Refusal> {
    let bad = FileError::RelocationSymbol(entry.r_offset);
    let index = entry.r_sym as usize;
    let symbol = symbols.get(index).filter(|_| index > 0).ok_or(bad.clone())?;
    if let Some(import) = imports.by_symbol.get(index).copied().flatten() {
        return Ok(Value::Import(import, addend));
    }
    let special = symbol.st_shndx >= abi::SHN_LORESERVE;
    if special || matches!(symbol.st_symtype(), abi::STT_TLS | abi::STT_GNU_IFUNC) {
        return Err(bad.into());
    }
    Ok(Value::Image(symbol.st_value.wrapping_add(addend)))
}
