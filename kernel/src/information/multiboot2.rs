//! Multiboot2's tags.
//!
//! Layout: Multiboot2 Specification 2.0, section 3.6.

use super::{Information, MapEntry, Range};
use crate::bytes::{PhysicalBytes, u32_at, u64_at};

const COMMAND_LINE: u32 = 1;
const MODULE: u32 = 3;
const MEMORY_MAP: u32 = 6;
const ACPI_OLD: u32 = 14;
const ACPI_NEW: u32 = 15;
const END: u32 = 0;
const USABLE: u32 = 1;
/// More than any loader hands over; a larger length is a lie.
const TOTAL_LIMIT: u32 = 1 << 20;

/// Decodes the tags at `address`; `None` if there is no memory map among them.
pub fn decode(memory: &impl PhysicalBytes, address: u64) -> Option<Information> {
    let total = u32_at(memory.bytes(address, 8)?, 0)?;
    if total > TOTAL_LIMIT {
        return None;
    }
    let all = memory.bytes(address, total as usize)?;
    let mut information = Information::default();
    let mut offset = 8;
    while let Some((kind, body, next)) = tag(all, offset) {
        match kind {
            END => break,
            COMMAND_LINE => information.set_command_line(until_zero(body)),
            MODULE => read_module(body, &mut information),
            MEMORY_MAP => read_map(body, &mut information),
            ACPI_OLD if information.root_pointer.is_some() => (),
            ACPI_OLD | ACPI_NEW => information.root_pointer = Some(address + offset as u64 + 8),
            _ => (),
        }
        offset = next;
    }
    (!information.memory.entries().is_empty()).then_some(information)
}

/// Kind, body and offset of the next tag.
fn tag(all: &[u8], offset: usize) -> Option<(u32, &[u8], usize)> {
    let kind = u32_at(all, offset)?;
    let length = u32_at(all, offset.checked_add(4)?)? as usize;
    let body = all.get(offset + 8..offset.checked_add(length)?)?;
    Some((kind, body, offset + length.next_multiple_of(8)))
}

fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or(text)
}

fn read_module(body: &[u8], information: &mut Information) {
    let ends = u32_at(body, 0).zip(u32_at(body, 4));
    let range =
        ends.and_then(|(start, end)| Range::new(start.into(), end.checked_sub(start)?.into()));
    if let Some(range) = range {
        information.modules.push(range);
    }
}

fn read_map(body: &[u8], information: &mut Information) {
    let Some(entry_bytes) = u32_at(body, 0).filter(|&bytes| bytes >= 20) else { return };
    for entry in body.get(8..).unwrap_or(&[]).chunks_exact(entry_bytes as usize) {
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
    use std::vec::Vec;

    fn tag(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (8 + body.len() as u32).to_le_bytes()].concat();
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn image(tags: &[Vec<u8>]) -> Image {
        let body = tags.concat();
        let mut bytes = (8 + body.len() as u64).to_le_bytes().to_vec();
        bytes.extend(body);
        Image { base: 0x9000, bytes }
    }

    fn map() -> Vec<u8> {
        let words = [24u64, 0x10_0000, 0x100_0000, 1, 0xf000_0000, 0x1000, 2];
        tag(MEMORY_MAP, &words.map(u64::to_le_bytes).concat())
    }

    #[test]
    fn all_tags_are_read() {
        let module = [0x20_0000u32, 0x20_0100].map(u32::to_le_bytes).concat();
        let tags = [tag(COMMAND_LINE, b"a=b\0"), tag(MODULE, &module), map(), tag(END, b"")];
        let information = decode(&image(&tags), 0x9000).unwrap();
        assert_eq!(information.command_line(), "a=b");
        assert_eq!(information.modules.entries(), [Range { start: 0x20_0000, end: 0x20_0100 }]);
        assert_eq!(information.memory.entries().len(), 2);
        assert!(information.memory.entries()[0].usable);
    }

    #[test]
    fn the_newer_root_pointer_counts_wherever_it_stands() {
        for order in [[ACPI_OLD, ACPI_NEW], [ACPI_NEW, ACPI_OLD]] {
            let tags = [map(), tag(order[0], &[0; 36]), tag(order[1], &[0; 36])];
            let first = 0x9000 + 8 + tags[0].len() as u64 + 8;
            let new = if order[0] == ACPI_NEW { first } else { first + tags[1].len() as u64 };
            assert_eq!(decode(&image(&tags), 0x9000).unwrap().root_pointer, Some(new));
        }
    }

    #[test]
    fn a_tag_that_is_too_short_or_too_long_ends_the_list() {
        for length in [0u32, 7, 9999, u32::MAX] {
            let mut bad = tag(MODULE, &[0; 8]);
            bad[4..8].copy_from_slice(&length.to_le_bytes());
            let information = decode(&image(&[map(), bad, map()]), 0x9000).unwrap();
            assert_eq!(information.memory.entries().len(), 2);
        }
    }

    #[test]
    fn a_module_that_ends_before_it_starts_is_left_out() {
        let module = [0x20_0000u32, 0x10_0000].map(u32::to_le_bytes).concat();
        let information = decode(&image(&[map(), tag(MODULE, &module)]), 0x9000).unwrap();
        assert!(information.modules.entries().is_empty());
    }
}
