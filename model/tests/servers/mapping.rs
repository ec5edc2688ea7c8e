//! Memory that others may change.

use std::ffi::c_void;

use warren::{
    Mapping, Out,
    raw::system::{MAPPINGS_AFTER_HEAP, MAPPINGS_BYTES, PAGE_BYTES},
};

use crate::engine::heap;

unsafe extern "C" {
    fn mmap(
        address: *mut c_void,
        length: usize,
        protection: i32,
        flags: i32,
        file: i32,
        offset: i64,
    ) -> *mut c_void;
}

/// Readable and writable.
const PROTECTION: i32 = 3;
/// Private, of no file, at this address unless something is there.
const FLAGS: i32 = 0x10_0022;

/// Two pages where an engine would map them. They stay for the process's life.
fn two_pages() -> Mapping {
    let first = (heap() + MAPPINGS_AFTER_HEAP).next_multiple_of(PAGE_BYTES);
    for page in 0..1000 {
        let wanted = first + page * 2 * PAGE_BYTES;
        let place = std::ptr::without_provenance_mut(wanted as usize);
        // SAFETY: the flags keep it from replacing what is there.
        let mapped = unsafe { mmap(place, 2 * PAGE_BYTES as usize, PROTECTION, FLAGS, -1, 0) };
        if mapped.expose_provenance() as u64 == wanted {
            return Mapping::at(wanted, 2 * PAGE_BYTES).unwrap();
        }
    }
    panic!("no room where an engine would map data spaces");
}

#[test]
fn registers_of_every_width_are_parts_of_each_other() {
    let mapping = two_pages();
    mapping.write_u64(8, 0x1122_3344_5566_7788);
    assert_eq!(mapping.read_u32(8), 0x5566_7788);
    assert_eq!(mapping.read_u16(12), 0x3344);
    assert_eq!(mapping.read_u8(15), 0x11);
    mapping.write_u32(12, 0xaabb_ccdd);
    mapping.write_u16(8, 0xeeff);
    mapping.write_u8(10, 0);
    assert_eq!(mapping.read_u64(8), 0xaabb_ccdd_5500_eeff);
    assert_eq!(mapping.read_u64(0), 0);
}

#[test]
fn ranges_of_every_alignment_are_copied() {
    let mapping = two_pages();
    let pattern: Vec<u8> = (1..60).collect();
    for offset in 0..17 {
        for length in 0..pattern.len() {
            mapping.copy_in(0, &[0; 100]);
            mapping.copy_in(offset, &pattern[..length]);
            let mut all = [0; 100];
            mapping.copy_out(0, &mut all);
            assert_eq!(all[offset..offset + length], pattern[..length]);
            assert!(all[..offset].iter().chain(&all[offset + length..]).all(|byte| *byte == 0));
            let mut part = vec![0; length];
            mapping.copy_to(offset, &mut Out::from(&mut part[..]));
            assert_eq!(part, pattern[..length]);
        }
    }
}

#[test]
fn the_last_byte_is_the_last() {
    let mapping = two_pages();
    let end = mapping.len();
    mapping.write_u64(end - 8, 5);
    assert_eq!(mapping.read_u8(end - 8), 5);
    mapping.copy_in(end, &[]);
    for outside in [end, end + 8, usize::MAX - 7] {
        let read = std::panic::catch_unwind(|| mapping.read_u64(outside));
        assert!(read.is_err(), "{outside}");
        assert!(std::panic::catch_unwind(|| mapping.copy_in(outside, &[0; 8])).is_err());
    }
}

#[test]
fn a_register_that_is_not_aligned_is_refused() {
    let mapping = two_pages();
    assert!(std::panic::catch_unwind(|| mapping.read_u32(2)).is_err());
    assert!(std::panic::catch_unwind(|| mapping.write_u16(1, 0)).is_err());
}

#[test]
fn addresses_where_no_engine_maps_data_spaces_are_refused() {
    let first = (heap() + MAPPINGS_AFTER_HEAP).next_multiple_of(PAGE_BYTES);
    assert!(Mapping::at(first, PAGE_BYTES).is_some());
    assert!(Mapping::at(first + 8, PAGE_BYTES).is_none());
    assert!(Mapping::at(first - PAGE_BYTES, PAGE_BYTES).is_none());
    assert!(Mapping::at(first, MAPPINGS_BYTES + PAGE_BYTES).is_none());
    assert!(Mapping::at(first, u64::MAX).is_none());
    assert!(Mapping::at(0, PAGE_BYTES).is_none());
    assert!(Mapping::at(!0xfff, PAGE_BYTES).is_none());
}
