//! The processors of machines that have no ACPI, such as QEMU's microvm: from the tables of the Intel MultiProcessor Specification 1.4. And those
//! that a person names, where tables are wrong.

use crate::{
    acpi::PROCESSORS,
    bytes::{PhysicalBytes, u16_at, u32_at},
    information::List,
};

/// Where the pointer to the table may be: the last KiB of the base memory, and the firmware.
const PLACES: [core::ops::Range<u64>; 2] = [0x9_fc00..0xa_0000, 0xf_0000..0x10_0000];
/// Bytes of the pointer, and what it is aligned to.
const POINTER_BYTES: usize = 16;
/// Bytes of the table's head.
const HEAD_BYTES: usize = 44;
/// Bytes of a processor's entry; every other kind has [`OTHER_BYTES`].
const PROCESSOR_BYTES: usize = 20;
const OTHER_BYTES: usize = 8;
/// Flag of a processor that can be started.
const ENABLED: u8 = 1;

/// Numbers of the local APICs of all processors; empty if there is no table.
pub fn processors(memory: &impl PhysicalBytes) -> List<u8, PROCESSORS> {
    let places = PLACES.into_iter().flat_map(|place| place.step_by(POINTER_BYTES));
    let table = places.filter_map(|place| pointer(memory, place)).find_map(|at| table(memory, at));
    table.map_or(List::default(), read)
}

/// The processors of a text like `0,1,3`, which are numbers of local APICs; `None` if it is not one.
pub fn named(text: &str) -> Option<List<u8, PROCESSORS>> {
    let mut processors = List::default();
    for number in text.split(',') {
        processors.push(number.parse().ok()?);
    }
    Some(processors)
}

/// The table's address, if there is a pointer.
fn pointer(memory: &impl PhysicalBytes, address: u64) -> Option<u64> {
    let pointer = memory.bytes(address, POINTER_BYTES)?;
    let is_one = pointer.starts_with(b"_MP_") && sums_to_zero(pointer);
    is_one.then(|| u32_at(pointer, 4).map(u64::from)).flatten()
}

/// A whole table, if it is one.
fn table(memory: &impl PhysicalBytes, address: u64) -> Option<&[u8]> {
    let bytes = u16_at(memory.bytes(address, HEAD_BYTES)?, 4)?.into();
    let table = memory.bytes(address, bytes)?;
    (table.starts_with(b"PCMP") && sums_to_zero(table)).then_some(table)
}

/// The processors of a table.
fn read(table: &[u8]) -> List<u8, PROCESSORS> {
    let mut processors = List::default();
    let mut rest = table.get(HEAD_BYTES..).unwrap_or_default();
    while let Some(kind) = rest.first() {
        let bytes = if *kind == 0 { PROCESSOR_BYTES } else { OTHER_BYTES };
        let Some((entry, behind)) = rest.split_at_checked(bytes) else { break };
        if *kind == 0 && entry[3] & ENABLED != 0 {
            processors.push(entry[1]);
        }
        rest = behind;
    }
    processors
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::*;
    use crate::bytes::Image;

    const BASE: u64 = 0xf_0000;

    fn sealed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
        let sum = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
        bytes[at] = bytes[at].wrapping_sub(sum);
        bytes
    }

    fn image(entries: &[u8]) -> Image {
        let mut pointer = vec![0; POINTER_BYTES];
        pointer[..4].copy_from_slice(b"_MP_");
        pointer[4..8].copy_from_slice(&(BASE as u32 + 0x100).to_le_bytes());
        let mut table = vec![0; HEAD_BYTES];
        table[..4].copy_from_slice(b"PCMP");
        table[4..6].copy_from_slice(&((HEAD_BYTES + entries.len()) as u16).to_le_bytes());
        table.extend(entries);
        let mut bytes = vec![0; 0x400];
        bytes[0x20..0x30].copy_from_slice(&sealed(pointer, 10));
        bytes[0x100..0x100 + table.len()].copy_from_slice(&sealed(table, 7));
        Image { base: BASE, bytes }
    }

    fn processor(apic: u8, flags: u8) -> Vec<u8> {
        let mut entry = vec![0; PROCESSOR_BYTES];
        (entry[1], entry[3]) = (apic, flags);
        entry
    }

    #[test]
    fn processors_that_can_be_started_are_found_among_other_entries() {
        let bus = vec![1, 0, b'I', b'S', b'A', b' ', b' ', b' '];
        let entries = [processor(0, 3), bus, processor(1, 0), processor(5, 1)].concat();
        assert_eq!(processors(&image(&entries)).entries(), [0, 5]);
    }

    #[test]
    fn a_wrong_checksum_hides_the_table() {
        let mut image = image(&processor(0, 3));
        image.bytes[0x110] ^= 1;
        assert!(processors(&image).entries().is_empty());
    }

    #[test]
    fn processors_may_be_named() {
        assert_eq!(named("0,2,9").map(|found| found.entries().to_vec()), Some(vec![0, 2, 9]));
        for text in ["", "0,", "256", "a"] {
            assert!(named(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_entry_that_is_cut_off_is_left_out() {
        let entries = [processor(0, 3), vec![0; 7]].concat();
        assert_eq!(processors(&image(&entries)).entries(), [0]);
    }
}
