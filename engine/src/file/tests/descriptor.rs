use super::{
    example::{CLOCK, DATA, DESCRIPTOR, KINDS, TEXT},
    *,
};
use crate::{
    file::{Descriptor, Kind},
    space::REGION_BASE,
};

/// A function's address is refused if it becomes `address` of the image, or null if that is 0.
fn not_text(at: u64, address: u64, field: &'static str, kind: usize, entry: usize) {
    let pointer = if address == 0 { 0 } else { REGION_BASE + address };
    refused(|file| file.pointer(at, address), FileError::NotText { field, kind, entry, pointer });
}

fn disagreement(
    change: impl FnOnce(&mut Example),
    kind: Option<usize>,
    field: &'static str,
    (descriptor, description): (u64, u64),
) {
    refused(change, FileError::Disagreement { kind, field, descriptor, description });
}

#[test]
fn the_descriptor_says_where_code_is_entered() {
    let clock = Kind { service: CLOCK, entries: [TEXT + 0x30].into(), drop: None };
    let file = Kind {
        service: super::example::FILE,
        entries: [TEXT + 0x40, TEXT + 0x50].into(),
        drop: Some(TEXT + 0x60),
    };
    let expected = Descriptor {
        construct: TEXT,
        start: None,
        destruct: TEXT + 0x20,
        kinds: [clock, file].into(),
    };
    assert_eq!(*accepted(|_| ()).descriptor(), expected);
}

#[test]
fn a_start_hook_is_found() {
    let file = accepted(|file| file.pointer(DATA + 16, TEXT + 0x10));
    assert_eq!(file.descriptor().start, Some(TEXT + 0x10));
}

#[test]
fn a_file_that_exports_no_descriptor_is_refused() {
    refused(|file| drop(file.symbols.pop()), FileError::NoDescriptor);
    let absolute = |file: &mut Example| file.symbols[DESCRIPTOR - 1].section = 0xfff1;
    refused(absolute, FileError::NoDescriptor);
}

#[test]
fn a_descriptor_outside_of_the_data_is_refused() {
    for value in [TEXT, DATA + 0x1fc, 0x10_0000, u64::MAX - 3] {
        refused(
            |file| file.symbols[DESCRIPTOR - 1].value = value,
            FileError::DescriptorBounds("table"),
        );
    }
}

#[test]
fn a_descriptor_of_another_version_is_refused() {
    refused(|file| file.word(DATA, 7), FileError::DescriptorVersion(7));
}

#[test]
fn functions_outside_of_text_are_refused() {
    not_text(DATA + 8, 0, "construct", 0, 0);
    not_text(DATA + 8, TEXT + 0x100, "construct", 0, 0);
    not_text(DATA + 16, DATA, "start", 0, 0);
    not_text(DATA + 24, TEXT - 1, "destruct", 0, 0);
    not_text(DATA + 0x80, 0x300, "function", 0, 0);
    not_text(DATA + 0xa8, DATA + 8, "function", 1, 1);
}

#[test]
fn a_function_at_the_start_of_the_image_is_not_null() {
    let file = accepted(|file| {
        file.segments.remove(0);
        file.segments[0].address = 0;
        file.segments[0].file_bytes = 0x1100;
        file.segments[0].memory_bytes = 0x1100;
        file.relocations.push((DATA + 16, 0, elf::abi::R_X86_64_RELATIVE, 0));
    });
    assert_eq!(file.descriptor().start, Some(0));
}

#[test]
fn a_number_that_nobody_relocated_is_no_function() {
    let error = FileError::NotText { field: "start", kind: 0, entry: 0, pointer: TEXT };
    refused(|file| file.word(DATA + 16, TEXT), error);
}

#[test]
fn a_function_that_is_an_import_is_refused() {
    let error = FileError::NotText { field: "construct", kind: 0, entry: 0, pointer: 0 };
    refused(
        |file| {
            file.pointer(DATA + 8, 0);
            file.relocations.push((DATA + 8, 1, elf::abi::R_X86_64_64, 0));
        },
        error,
    );
}

#[test]
fn tables_outside_of_the_data_are_refused() {
    refused(
        |file| file.pointer(DATA + 32, u64::MAX - 7),
        FileError::DescriptorBounds("table of kinds"),
    );
    refused(|file| file.pointer(KINDS + 8, TEXT), FileError::DescriptorBounds("table of entries"));
}

#[test]
fn numbers_that_differ_from_the_description_are_refused() {
    disagreement(|file| file.word(DATA + 40, 3), None, "the number of kinds", (3, 2));
    let huge = u64::MAX;
    disagreement(|file| file.word(DATA + 40, huge), None, "the number of kinds", (huge, 2));
    disagreement(|file| file.word(KINDS, 5), Some(0), "service", (5, CLOCK.into()));
    let field = "the number of functions";
    disagreement(|file| file.word(KINDS + 48, 1), Some(1), field, (1, 2));
}

#[test]
fn a_local_server_without_a_drop_function_is_refused() {
    not_text(KINDS + 32 + 24, 0, "drop", 1, 0);
}

#[test]
fn a_root_kind_with_a_drop_function_is_refused() {
    let add = |file: &mut Example| file.pointer(KINDS + 24, TEXT);
    disagreement(add, Some(0), "a drop function", (REGION_BASE + TEXT, 0));
}
