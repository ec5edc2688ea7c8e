use elf::abi;

use super::{
    example::{DATA, Section, Symbol, TEXT, object, segment},
    *,
};
use crate::{file::limits, space::Protection};

/// Index of the segment with text and of the one with data.
const OF_TEXT: usize = 1;
const OF_DATA: usize = 2;

fn writable(name: &'static str, address: u64, size: u64) -> Section {
    let flags = abi::SHF_ALLOC | abi::SHF_WRITE;
    Section { name, kind: abi::SHT_PROGBITS, flags, address, offset: 0, size, link: 0 }
}

#[test]
fn no_page_of_an_image_is_writable() {
    let file = accepted(|_| ());
    let protections: Vec<_> = file.segments().iter().map(|segment| segment.protection).collect();
    assert_eq!(protections, [Protection::Read, Protection::ReadExecute, Protection::Read]);
}

#[test]
fn a_writable_global_is_refused_by_section_and_symbol() {
    let error = FileError::WritableData {
        section: ".data".into(),
        symbols: ["COUNTER".into(), "NAMES".into()].into(),
    };
    refused(
        |file| {
            file.segments[3].memory_bytes = 0x180;
            file.sections.push(writable(".data.rel.ro", DATA, 0x180));
            file.sections.push(writable(".data", DATA + 0x180, 0x80));
            file.locals = [
                object("TABLE", DATA + 0x100, 8),
                object("COUNTER", DATA + 0x180, 8),
                object("NAMES", DATA + 0x188, 16),
                object("edge", DATA + 0x200, 0),
            ]
            .into();
        },
        error,
    );
}

#[test]
fn a_writable_global_without_contents_is_refused_too() {
    let error =
        FileError::WritableData { section: ".bss".into(), symbols: ["BUFFER".into()].into() };
    refused(
        |file| {
            file.segments[3].memory_bytes = 0x200;
            file.segments[OF_DATA].memory_bytes = 0x400;
            let bss = Section { kind: abi::SHT_NOBITS, ..writable(".bss", DATA + 0x200, 0x200) };
            file.sections.push(bss);
            file.locals.push(object("BUFFER", DATA + 0x200, 0x200));
        },
        error,
    );
}

#[test]
fn a_writable_segment_without_sections_is_refused_all_the_same() {
    let error = FileError::WritableData { section: "?".into(), symbols: [].into() };
    refused(|file| file.segments[3].memory_bytes = 0x100, error);
}

#[test]
fn a_file_without_relro_is_refused() {
    refused(|file| file.segments.truncate(3), FileError::NoRelro);
}

#[test]
fn thread_local_variables_are_refused_by_symbol() {
    let error = FileError::ThreadLocal(["CURRENT".into()].into());
    refused(
        |file| {
            file.segments.push(segment(abi::PT_TLS, abi::PF_R, DATA, 8));
            let symbol = object("CURRENT", 0, 8);
            file.locals.push(Symbol { kind: abi::STT_TLS, ..symbol });
        },
        error,
    );
}

#[test]
fn thread_local_variables_are_refused_without_a_segment_of_their_own() {
    let error = FileError::ThreadLocal([].into());
    refused(
        |file| {
            let section = writable(".tbss", DATA, 8);
            let flags = section.flags | abi::SHF_TLS;
            file.sections.push(Section { flags, kind: abi::SHT_NOBITS, ..section });
        },
        error,
    );
}

#[test]
fn writable_text_is_refused() {
    let error = FileError::WritableText(TEXT);
    refused(|file| file.segments[OF_TEXT].flags |= abi::PF_W, error);
}

#[test]
fn a_segment_outside_of_the_file_is_refused() {
    let error = FileError::SegmentBounds(DATA);
    refused(
        |file| {
            file.segments[OF_DATA].file_bytes = 0x10_0000;
            file.segments[OF_DATA].memory_bytes = 0x10_0000;
        },
        error,
    );
}

#[test]
fn a_segment_longer_in_the_file_than_in_memory_is_refused() {
    refused(|file| file.segments[OF_TEXT].memory_bytes = 1, FileError::SegmentBounds(TEXT));
}

#[test]
fn a_segment_that_wraps_around_is_refused() {
    refused(|file| file.segments[OF_TEXT].memory_bytes = u64::MAX, FileError::SegmentBounds(TEXT));
}

#[test]
fn an_image_that_is_too_large_is_refused() {
    let end = limits::IMAGE_BYTES + 1;
    refused(|file| file.segments[OF_TEXT].memory_bytes = end - TEXT, FileError::ImageTooLarge(end));
}

#[test]
fn two_segments_on_one_page_are_refused() {
    refused(|file| file.segments[0].memory_bytes = TEXT + 1, FileError::SegmentOrder(TEXT));
}

#[test]
fn more_segments_than_allowed_are_refused() {
    let add = |file: &mut Example| {
        file.segments.resize(limits::SEGMENTS + 1, segment(abi::PT_NULL, 0, 0, 0));
    };
    refused(add, FileError::TooMany("program headers"));
}

#[test]
fn what_shares_a_page_with_a_segment_in_the_file_is_not_in_the_image() {
    let file = accepted(|file| {
        file.text[..0x10].fill(0xcc);
        let text = &mut file.segments[OF_TEXT];
        (text.address, text.file_bytes, text.memory_bytes) = (TEXT + 0x10, 0xf0, 0xf0);
        file.pointer(DATA + 8, TEXT + 0x10);
    });
    let text = &file.segments()[OF_TEXT];
    assert_eq!((text.offset, text.memory_bytes), (TEXT, 0x1000));
    assert_eq!(text.bytes[..0x10], [0; 0x10]);
    assert_eq!(text.bytes[0x10..], [0xc3; 0xf0]);
}
