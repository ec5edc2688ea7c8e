use elf::abi;

use super::{example::TEXT, *};
use crate::file::limits;

#[test]
fn a_file_that_is_right_is_accepted() {
    accepted(|_| ());
}

#[test]
fn a_file_that_is_not_elf_is_refused() {
    bytes_refused(|bytes| bytes[0] = 0, FileError::NotElf);
    bytes_refused(|bytes| bytes.clear(), FileError::NotElf);
    bytes_refused(|bytes| bytes.truncate(63), FileError::NotElf);
}

#[test]
fn a_32_bit_or_big_endian_file_is_refused() {
    bytes_refused(|bytes| bytes[4] = 1, FileError::NotElf);
    bytes_refused(|bytes| bytes[5] = 2, FileError::NotElf);
}

#[test]
fn a_file_for_another_machine_or_of_another_kind_is_refused() {
    refused(|file| file.machine = abi::EM_AARCH64, FileError::WrongKind);
    refused(|file| file.kind = abi::ET_EXEC, FileError::WrongKind);
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let size = limits::FILE_BYTES + 1;
    bytes_refused(|bytes| bytes.resize(size, 0), FileError::TooLarge(size));
}

#[test]
fn section_headers_beyond_the_end_are_refused() {
    let far = u64::MAX - 63;
    bytes_refused(|bytes| bytes[40..48].copy_from_slice(&far.to_le_bytes()), FileError::NotElf);
}

#[test]
fn a_section_beyond_the_end_is_refused_by_name() {
    let error = FileError::SectionBounds(".warren".into());
    bytes_refused(
        |bytes| {
            let headers = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
            bytes[headers + 64 + 32..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
        },
        error,
    );
}

#[test]
fn a_file_without_a_description_is_refused() {
    let error = FileError::NoSection(".warren");
    bytes_refused(
        |bytes| {
            let at = bytes.windows(8).rposition(|window| window == b".warren\0").unwrap();
            bytes[at] = b'_';
        },
        error,
    );
}

#[test]
fn a_file_that_needs_a_library_is_refused_by_its_name() {
    let error = FileError::Library("wsys.heap".into());
    let name = "\0".len() + "wcall.c0150001.1.Console.write.i_n\0wsys.spawn\0wsys.required\0".len();
    refused(|file| file.dynamic.push((abi::DT_NEEDED, name as u64)), error);
}

#[test]
fn a_file_with_code_that_runs_at_load_is_refused() {
    for tag in [abi::DT_INIT, abi::DT_FINI, abi::DT_INIT_ARRAY, abi::DT_FINI_ARRAY] {
        refused(|file| file.dynamic.push((tag, TEXT)), FileError::Initializers);
    }
}

#[test]
fn the_dynamic_table_ends_with_its_first_null() {
    accepted(|file| file.dynamic = [(abi::DT_NULL, 0), (abi::DT_INIT, TEXT)].into());
}
