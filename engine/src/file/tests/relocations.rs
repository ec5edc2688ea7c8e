use elf::abi;

use super::{
    example::{DATA, DESCRIPTOR, GOT, Section, Symbol, TEXT, object},
    *,
};
use crate::file::limits;

/// A word of data that nothing uses.
const SPARE: u64 = DATA + 0x1f8;

#[test]
fn a_relocation_of_text_is_refused_with_the_symbol_that_holds_it() {
    let error =
        FileError::TextRelocation { address: TEXT + 0x10, symbol: Some("read_clock".into()) };
    refused(
        |file| {
            file.relocations.push((TEXT + 0x10, 0, abi::R_X86_64_RELATIVE, 0));
            file.locals.push(object("before", TEXT, 8));
            file.locals.push(object("read_clock", TEXT + 8, 0x20));
        },
        error,
    );
}

#[test]
fn a_relocation_of_constants_is_refused() {
    let error = FileError::TextRelocation { address: 0x300, symbol: None };
    refused(|file| file.relocations.push((0x300, 0, abi::R_X86_64_RELATIVE, 0)), error);
}

#[test]
fn a_relocation_outside_of_the_file_is_refused() {
    for address in [DATA + 0x1f9, DATA + 0x800, 0x10_0000, u64::MAX] {
        refused(
            |file| file.relocations.push((address, 0, abi::R_X86_64_RELATIVE, 0)),
            FileError::RelocationTarget(address),
        );
    }
}

#[test]
fn a_relocation_of_another_type_is_refused() {
    let kind = abi::R_X86_64_PC32;
    let error = FileError::RelocationType { address: SPARE, kind };
    refused(|file| file.relocations.push((SPARE, 1, kind, 0)), error);
}

#[test]
fn a_relocation_against_no_symbol_is_refused() {
    for symbol in [0, 6, u32::MAX] {
        refused(
            |file| file.relocations.push((SPARE, symbol, abi::R_X86_64_64, 0)),
            FileError::RelocationSymbol(SPARE),
        );
    }
}

#[test]
fn a_relocation_against_a_symbol_that_is_no_place_is_refused() {
    let special = [
        Symbol { section: abi::SHN_ABS, ..object("absolute", 1, 8) },
        Symbol { kind: abi::STT_GNU_IFUNC, ..object("chosen", TEXT, 8) },
        Symbol { kind: abi::STT_TLS, ..object("local", 0, 8) },
    ];
    for symbol in special {
        refused(
            |file| {
                file.symbols.push(symbol);
                file.relocations.push((SPARE, 6, abi::R_X86_64_64, 0));
            },
            FileError::RelocationSymbol(SPARE),
        );
    }
}

#[test]
fn relocations_in_a_packed_form_are_refused_by_section() {
    let flags = abi::SHF_ALLOC;
    let packed =
        |kind| Section { name: ".relr.dyn", kind, flags, address: 0, offset: 0, size: 0, link: 0 };
    for kind in [19, abi::SHT_REL] {
        refused(
            |file| file.sections.push(packed(kind)),
            FileError::RelocationForm(".relr.dyn".into()),
        );
    }
}

#[test]
fn relocations_that_no_loader_sees_are_ignored() {
    let kept = Section {
        name: ".rela.text",
        kind: abi::SHT_RELA,
        flags: 0,
        address: 0,
        offset: 0,
        size: 0x400,
        link: 0,
    };
    accepted(|file| file.sections.push(kept));
}

#[test]
fn more_relocations_than_allowed_are_refused() {
    refused(
        |file| file.relocations.resize(limits::RELOCATIONS + 1, file.relocations[0]),
        FileError::TooMany("relocations"),
    );
}

#[test]
fn every_type_of_relocation_writes_what_it_should() {
    let file = accepted(|file| {
        let server = DESCRIPTOR as u32;
        file.relocations.push((SPARE, server, abi::R_X86_64_64, 16));
        file.relocations.push((SPARE - 8, server, abi::R_X86_64_GLOB_DAT, 99));
        file.relocations.push((SPARE - 16, 1, abi::R_X86_64_64, -1));
        file.relocations.push((SPARE - 24, 1, abi::R_X86_64_JUMP_SLOT, 0));
    });
    let image = file.image(0x10_0000_0000, |_| 0x7000);
    let data = &image.segments[2];
    let word = |address: u64| {
        let at = (address - DATA) as usize;
        u64::from_le_bytes(data.bytes[at..at + 8].try_into().unwrap())
    };
    assert_eq!(word(SPARE), 0x10_0000_0000 + DATA + 16);
    assert_eq!(word(SPARE - 8), 0x10_0000_0000 + DATA);
    assert_eq!(word(SPARE - 16), 0x6fff);
    assert_eq!(word(SPARE - 24), 0x7000);
    assert_eq!(word(GOT), 0x7000);
    assert_eq!(word(DATA + 8), 0x10_0000_0000 + TEXT);
}
