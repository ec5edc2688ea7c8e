//! PVH's start information.
//!
//! Layout: `xen/include/public/arch-x86/hvm/start_info.h`, fixed by the PVH boot protocol.

use super::{COMMAND_LINE_BYTES, Information, MODULES, MapEntry, RANGES, Range};
use crate::bytes::{PhysicalBytes, u32_at, u64_at};

const MAGIC: u32 = 0x336e_c578;
const HEADER_BYTES: usize = 56;
const MODULE_BYTES: usize = 32;
const ENTRY_BYTES: usize = 24;
const USABLE: u32 = 1;

/// Decodes the start information at `address`; `None` if it is none, or has no memory map.
pub fn decode(memory: &impl PhysicalBytes, address: u64) -> Option<Information> {
    let header = memory.bytes(address, HEADER_BYTES)?;
    let version = u32_at(header, 4)?;
    if u32_at(header, 0)? != MAGIC || version == 0 {
        return None;
    }
    let mut information = Information::default();
    let modules = u32_at(header, 12)?;
    read_modules(memory, u64_at(header, 16)?, modules as usize, &mut information);
    if let Some(text) = memory.text(u64_at(header, 24)?, COMMAND_LINE_BYTES) {
        information.set_command_line(text);
    }
    information.root_pointer = u64_at(header, 32).filter(|&pointer| pointer != 0);
    let entries = u32_at(header, 48)?;
    read_map(memory, u64_at(header, 40)?, entries as usize, &mut information);
    (!information.memory.entries().is_empty()).then_some(information)
}

fn read_modules(
    memory: &impl PhysicalBytes,
    address: u64,
    count: usize,
    information: &mut Information,
) {
    let count = count.min(MODULES);
    let Some(list) = memory.bytes(address, count * MODULE_BYTES) else { return };
    for module in list.chunks_exact(MODULE_BYTES) {
        let range = u64_at(module, 0).zip(u64_at(module, 8));
        if let Some(range) = range.and_then(|(start, bytes)| Range::new(start, bytes)) {
            information.modules.push(range);
        }
    }
}

fn read_map(
    memory: &impl PhysicalBytes,
    address: u64,
    count: usize,
    information: &mut Information,
) {
    let count = count.min(RANGES);
    let Some(list) = memory.bytes(address, count * ENTRY_BYTES) else { return };
    for entry in list.chunks_exact(ENTRY_BYTES) {
        let range = u64_at(entry, 0).zip(u64_at(entry, 8));
        if let Some(range) = range.and_then(|(start, bytes)| Range::new(start, bytes)) {
            let usable = u32_at(entry, 16) == Some(USABLE);
            information.memory.push(MapEntry { range, usable });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Image;

    /// A start information with one module, a command line and two map entries, all unaligned.
    fn image() -> Image {
        let base = 0x1001;
        let mut bytes = std::vec![0u8; 256];
        let mut put = |offset: usize, value: u64, length: usize| {
            bytes[offset..offset + length].copy_from_slice(&value.to_le_bytes()[..length]);
        };
        put(0, MAGIC.into(), 4);
        put(4, 1, 4);
        put(12, 1, 4);
        put(16, base + 64, 8);
        put(24, base + 200, 8);
        put(32, 0xe0000, 8);
        put(40, base + 128, 8);
        put(48, 3, 4);
        put(64, 0x50_0000, 8);
        put(72, 0x1234, 8);
        put(128, 0x10_0000, 8);
        put(136, 0xf0_0000, 8);
        put(144, 1, 4);
        put(176, 0xfee0_0000, 8);
        put(184, 0x1000, 8);
        put(192, 2, 4);
        bytes[200..206].copy_from_slice(b"log=1\0");
        Image { base, bytes }
    }

    #[test]
    fn everything_is_read_at_any_alignment() {
        let information = decode(&image(), 0x1001).unwrap();
        assert_eq!(information.modules.entries(), [Range { start: 0x50_0000, end: 0x50_1234 }]);
        assert_eq!(information.command_line(), "log=1");
        assert_eq!(information.root_pointer, Some(0xe0000));
        let map = information.memory.entries();
        assert_eq!(map.len(), 2, "the empty entry is left out");
        assert!(map[0].usable && !map[1].usable);
    }

    #[test]
    fn pointers_out_of_memory_leave_things_out() {
        let mut image = image();
        image.bytes[16..24].fill(0xff);
        image.bytes[24..32].fill(0xff);
        let information = decode(&image, 0x1001).unwrap();
        assert!(information.modules.entries().is_empty());
        assert_eq!(information.command_line(), "");
    }

    #[test]
    fn without_magic_or_map_it_is_refused() {
        let mut wrong = image();
        wrong.bytes[0] = 0;
        assert!(decode(&wrong, 0x1001).is_none());
        let mut empty = image();
        empty.bytes[48] = 0;
        assert!(decode(&empty, 0x1001).is_none());
        assert!(decode(&image(), u64::MAX - 3).is_none());
    }
}
