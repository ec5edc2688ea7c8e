//! Interrupts by messages: a device writes a word to an address at which a local APIC takes it as an interrupt. What it writes where
//! stands in a table in the device's memory, with an entry for each of its interrupts (PCI Local Bus Specification 3.0, section 6.8.2, MSI-X;
//! the message's form is in Intel's Software Developer's Manual, volume 3, section 11.11).
#![expect(unsafe_code, reason = "device registers")]

use crate::memory::{self, Exhausted};

/// Vector of the first entry that is used.
pub const FIRST_VECTOR: u8 = 0x80;
/// Entries that have vectors.
pub const MESSAGES: u32 = 64;
/// Bytes of an entry.
pub const ENTRY_BYTES: u64 = 16;

const ADDRESS: u64 = 0;
const ADDRESS_HIGH: u64 = 4;
const DATA: u64 = 8;
const CONTROL: u64 = 12;

/// Where local APICs take messages; bits from 12 on are the number of one of them.
const APICS: u32 = 0xfee0_0000;
/// Control: what would be sent is held back.
const MASKED: u32 = 1;

/// An entry that is used. E1: `registers` is a mapped entry in a device's memory.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    registers: u64,
    vector: u8,
    is_open: bool,
}

impl Entry {
    /// Takes the entry at a physical address in a device's memory, and masks it. It will interrupt by the `index`th vector.
    pub fn take(address: u64, index: u32) -> Result<Self, Exhausted> {
        let registers = memory::map_device(address, ENTRY_BYTES)?;
        let mut entry = Entry { registers, vector: FIRST_VECTOR + index as u8, is_open: false };
        entry.set_open(false);
        Ok(entry)
    }

    /// Lets the entry interrupt, or not. What is held back meanwhile comes when it is opened.
    pub fn set_open(&mut self, open: bool) {
        self.is_open = open;
        self.write(CONTROL, if open { 0 } else { MASKED });
    }

    /// Interrupts the CPU with this local APIC from now on. The entry is masked meanwhile, as it has to be.
    pub fn aim_at(&mut self, apic: u8) {
        self.write(CONTROL, MASKED);
        self.write(ADDRESS, APICS | u32::from(apic) << 12);
        self.write(ADDRESS_HIGH, 0);
        self.write(DATA, self.vector.into());
        self.set_open(self.is_open);
    }

    fn write(&mut self, register: u64, value: u32) {
        // SAFETY: the register lies in the mapped entry (E1), whose message reaches a local APIC and no memory.
        unsafe { ((self.registers + register) as *mut u32).write_volatile(value) };
    }
}
