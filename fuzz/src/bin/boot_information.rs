//! What a boot loader and the firmware say: the first byte is the form, the rest is memory from 1 MiB on.
//!
//! Ranges do not wrap around, and a place that is found is not taken.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_kernel::{
    acpi::Controllers,
    bytes::PhysicalBytes,
    information::{Information, Range, multiboot2, pvh},
};

const BASE: u64 = 1 << 20;

struct Memory<'a>(&'a [u8]);

impl PhysicalBytes for Memory<'_> {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(address.checked_sub(BASE)?).ok()?;
        self.0.get(start..start.checked_add(length)?)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let memory = Memory(bytes);
    match form % 3 {
        0 => check(pvh::decode(&memory, BASE)),
        1 => check(multiboot2::decode(&memory, BASE)),
        _ => drop(Controllers::read(&memory, BASE)),
    }
});

fn check(information: Option<Information>) {
    let Some(information) = information else { return };
    let image = Range { start: 0x20_0000, end: 0x30_0000 };
    for range in information.taken(image) {
        assert!(range.start < range.end);
    }
    if let Some(place) = information.place(0x4000, image, 1 << 32) {
        assert_eq!(place.bytes(), 0x4000);
        assert!(!information.taken(image).any(|taken| taken.overlaps(place)));
    }
    assert!(information.command_line().len() <= warren_kernel::information::COMMAND_LINE_BYTES);
}
