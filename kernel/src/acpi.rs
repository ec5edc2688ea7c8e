//! ACPI's interrupt controllers: where they are and how lines reach them.
//!
//! Only the MADT is read (ACPI specification 6.5, section 5.2.12), by hand: no byte code is run.

use crate::{
    bytes::{PhysicalBytes, u16_at, u32_at, u64_at},
    information::List,
};

/// An I/O APIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoApic {
    /// Physical address of its registers.
    pub address: u64,
    /// Number of its first line among all global system interrupts.
    pub first_line: u32,
}

/// Processors that are taken note of; further ones are left alone.
pub const PROCESSORS: usize = 64;

/// How a global system interrupt differs from what its number implies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The legacy interrupt that arrives there.
    pub legacy: u8,
    /// The global system interrupt.
    pub line: u32,
    /// How it signals.
    pub trigger: Trigger,
}

/// How a line signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// By a level that lasts, not by an edge.
    pub level: bool,
    /// The active state is low.
    pub low: bool,
}

/// The interrupt controllers of a machine.
#[derive(Clone, Copy, Debug)]
pub struct Controllers {
    /// Physical address of the local APIC's registers.
    pub local_apic: u64,
    /// The I/O APICs.
    pub io_apics: List<IoApic, 4>,
    /// Lines that are not what they seem.
    pub overrides: List<Override, 24>,
    /// Numbers of the local APICs of all processors, the one that boots among them, unless the tables say nothing.
    pub processors: List<u8, PROCESSORS>,
}

/// Flag of a processor that can be started.
const ENABLED: u32 = 1;

/// Legacy interrupts: edges, active high. Lines from here on are PCI's: levels, active low.
const LEGACY_LINES: u32 = 16;

impl Controllers {
    /// Where the controllers of a PC are when nothing says otherwise.
    pub fn usual() -> Self {
        let mut io_apics = List::default();
        io_apics.push(IoApic { address: 0xfec0_0000, first_line: 0 });
        Controllers {
            local_apic: 0xfee0_0000,
            io_apics,
            overrides: List::default(),
            processors: List::default(),
        }
    }

    /// How a line signals.
    pub fn trigger(&self, line: u32) -> Trigger {
        let pci = line >= LEGACY_LINES;
        let usual = Trigger { level: pci, low: pci };
        let differs = self.overrides.entries().iter().find(|entry| entry.line == line);
        differs.map_or(usual, |entry| entry.trigger)
    }

    /// Reads them from the tables that start at `root_pointer`.
    pub fn read(memory: &impl PhysicalBytes, root_pointer: u64) -> Option<Self> {
        let table = find(memory, root_pointer, *b"APIC")?;
        let mut controllers = Controllers { io_apics: List::default(), ..Controllers::usual() };
        controllers.local_apic = u32_at(table, 36)?.into();
        let mut rest = table.get(44..)?;
        while let [kind, length, ..] = *rest {
            let Some(entry) = rest.get(..length.max(2).into()) else { break };
            controllers.add(kind, entry);
            rest = &rest[entry.len()..];
        }
        (!controllers.io_apics.entries().is_empty()).then_some(controllers)
    }

    /// Takes in one entry; one that is too short is passed over.
    fn add(&mut self, kind: u8, entry: &[u8]) -> Option<()> {
        match kind {
            0 if u32_at(entry, 4)? & ENABLED != 0 => self.processors.push(*entry.get(3)?),
            1 => self
                .io_apics
                .push(IoApic { address: u32_at(entry, 4)?.into(), first_line: u32_at(entry, 8)? }),
            2 => {
                let flags = u16_at(entry, 8)?;
                let trigger = Trigger { level: flags & 0xc == 0xc, low: flags & 3 == 3 };
                let legacy = *entry.get(3)?;
                self.overrides.push(Override { legacy, line: u32_at(entry, 4)?, trigger });
            }
            5 => self.local_apic = u64_at(entry, 4)?,
            _ => (),
        }
        Some(())
    }
}

/// Finds the root pointer where a PC's firmware leaves it.
pub fn search(memory: &impl PhysicalBytes) -> Option<u64> {
    (0xe_0000..0x10_0000).step_by(16).find(|&address| root(memory, address).is_some())
}

/// The table with this signature.
fn find(memory: &impl PhysicalBytes, root_pointer: u64, signature: [u8; 4]) -> Option<&[u8]> {
    let (list, width) = root(memory, root_pointer)?;
    let addresses = table(memory, list)?.get(36..)?.chunks_exact(width);
    addresses
        .filter_map(|address| u64_at(address, 0).or(u32_at(address, 0).map(u64::from)))
        .filter_map(|address| table(memory, address))
        .find(|table| table.starts_with(&signature))
}

/// Address of the list of tables, and bytes of each of its entries.
fn root(memory: &impl PhysicalBytes, address: u64) -> Option<(u64, usize)> {
    let old = memory.bytes(address, 20).filter(|old| sums_to_zero(old))?;
    if !old.starts_with(b"RSD PTR ") {
        return None;
    }
    if old[15] >= 2 {
        let new = memory.bytes(address, 36).filter(|new| sums_to_zero(new));
        if let Some(list) = new.and_then(|new| u64_at(new, 24)).filter(|&list| list != 0) {
            return Some((list, 8));
        }
    }
    Some((u32_at(old, 16)?.into(), 4))
}

/// A whole table, if its checksum is right.
fn table(memory: &impl PhysicalBytes, address: u64) -> Option<&[u8]> {
    let bytes = u32_at(memory.bytes(address, 8)?, 4)?.min(1 << 20);
    memory.bytes(address, bytes as usize).filter(|table| sums_to_zero(table))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Image;
    use std::{vec, vec::Vec};

    const BASE: u64 = 0xe_0000;

    fn sealed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
        let sum = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
        bytes[at] = bytes[at].wrapping_sub(sum);
        bytes
    }

    fn sealed_table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 36];
        bytes[..4].copy_from_slice(signature);
        bytes[4..8].copy_from_slice(&(36 + body.len() as u32).to_le_bytes());
        bytes.extend(body);
        sealed(bytes, 9)
    }

    fn image(entries: &[u8]) -> Image {
        let mut bytes = vec![0; 0x300];
        let mut pointer = vec![0; 20];
        pointer[..8].copy_from_slice(b"RSD PTR ");
        pointer[16..20].copy_from_slice(&(BASE as u32 + 0x60).to_le_bytes());
        let pointer = sealed(pointer, 8);
        bytes[0x20..0x34].copy_from_slice(&pointer);
        let list = sealed_table(b"RSDT", &(BASE as u32 + 0x100).to_le_bytes());
        bytes[0x60..0x60 + list.len()].copy_from_slice(&list);
        let head = [0xfee0_0000u32, 0].map(u32::to_le_bytes).concat();
        let madt = sealed_table(b"APIC", &[&head, entries].concat());
        bytes[0x100..0x100 + madt.len()].copy_from_slice(&madt);
        Image { base: BASE, bytes }
    }

    #[test]
    fn controllers_and_overrides_are_found_from_the_firmware_area() {
        let io_apic = [1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0];
        let five_is_level = [2, 10, 0, 5, 5, 0, 0, 0, 0x0d, 0];
        let image = image(&[&io_apic[..], &five_is_level].concat());
        let pointer = search(&image).unwrap();
        assert_eq!(pointer, BASE + 0x20);
        let controllers = Controllers::read(&image, pointer).unwrap();
        assert_eq!(controllers.local_apic, 0xfee0_0000);
        let expected = IoApic { address: 0xfec0_0000, first_line: 0 };
        assert_eq!(controllers.io_apics.entries(), [expected]);
        assert_eq!(controllers.trigger(5), Trigger { level: true, low: false });
        assert_eq!(controllers.trigger(4), Trigger { level: false, low: false });
        assert_eq!(controllers.trigger(20), Trigger { level: true, low: true });
    }

    #[test]
    fn processors_that_can_be_started_are_found() {
        let io_apic = [1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0];
        let processors = [0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 7, 0, 0, 0, 0, 0, 8, 2, 4, 1, 0, 0, 0];
        let controllers =
            Controllers::read(&image(&[&io_apic[..], &processors].concat()), BASE + 0x20);
        assert_eq!(controllers.unwrap().processors.entries(), [0, 4], "7 is not enabled");
    }

    #[test]
    fn a_wrong_checksum_hides_a_table() {
        let mut image = image(&[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
        image.bytes[0x120] ^= 1;
        assert!(Controllers::read(&image, BASE + 0x20).is_none());
    }

    #[test]
    fn entries_of_length_zero_or_beyond_the_end_do_not_loop_or_panic() {
        for entries in [&[7u8, 0, 1, 0][..], &[1, 200], &[2, 3, 0], &[1]] {
            assert!(Controllers::read(&image(entries), BASE + 0x20).is_none());
        }
    }
}
