//! The I/O APICs: which vector a line raises, and whether it may.
#![expect(unsafe_code, reason = "device registers")]

use alloc::vec::Vec;
use warren_kernel::acpi::Controllers;

use crate::{
    guarded::Guarded,
    memory::{self, Exhausted},
};

/// Vector of line 0; line n has the vector n later.
pub const FIRST_VECTOR: u8 = 0x30;
/// Lines that have vectors.
pub const LINES: u32 = 64;

const SELECT: u64 = 0;
const WINDOW: u64 = 0x10;
const VERSION: u32 = 1;
const REDIRECTION: u32 = 0x10;

const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;
const LOW: u32 = 1 << 13;

/// One I/O APIC. A1: `registers` is a mapped page of device memory.
struct IoApic {
    registers: u64,
    first_line: u32,
    lines: u32,
}

/// One line, found.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    apic: usize,
    index: u32,
    low_word: u32,
    /// Whether it signals by a level, and must be masked until its device has been served.
    pub level: bool,
}

static APICS: Guarded<Vec<IoApic>> = Guarded::new(Vec::new());

/// Maps all I/O APICs and masks all their lines.
pub fn install(controllers: &Controllers) -> Result<(), Exhausted> {
    for found in controllers.io_apics.entries() {
        let registers = memory::map_device(found.address, 4096)?;
        let mut apic = IoApic { registers, first_line: found.first_line, lines: 0 };
        apic.lines = (apic.read(VERSION) >> 16 & 0xff) + 1;
        for index in 0..apic.lines {
            apic.write(REDIRECTION + 2 * index, MASKED);
        }
        APICS.with(|apics| apics.push(apic));
    }
    Ok(())
}

/// Finds the line with this number and gives it its vector. It is masked, and aimed at nobody yet.
pub fn route(controllers: &Controllers, number: u32) -> Option<Line> {
    if number >= LINES {
        return None;
    }
    APICS.with(|apics| {
        let holds = |apic: &IoApic| {
            number.checked_sub(apic.first_line).is_some_and(|index| index < apic.lines)
        };
        let apic = apics.iter().position(holds)?;
        let index = number - apics[apic].first_line;
        let trigger = controllers.trigger(number);
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        let vector = u32::from(FIRST_VECTOR) + number;
        let low_word = vector | flag(trigger.level, LEVEL) | flag(trigger.low, LOW);
        apics[apic].write(REDIRECTION + 2 * index, low_word | MASKED);
        Some(Line { apic, index, low_word, level: trigger.level })
    })
}

impl Line {
    /// Interrupts the CPU with this local APIC from now on.
    pub fn aim_at(self, apic: u8) {
        let destination = u32::from(apic) << 24;
        APICS.with(|apics| {
            apics[self.apic].write(REDIRECTION + 2 * self.index + 1, destination);
        });
    }

    /// Lets the line interrupt, or not.
    pub fn set_open(self, open: bool) {
        let word = if open { self.low_word } else { self.low_word | MASKED };
        APICS.with(|apics| apics[self.apic].write(REDIRECTION + 2 * self.index, word));
    }
}

impl IoApic {
    fn read(&mut self, register: u32) -> u32 {
        self.select(register);
        // SAFETY: the window lies in the mapped page (A1).
        unsafe { ((self.registers + WINDOW) as *const u32).read_volatile() }
    }

    fn write(&mut self, register: u32, value: u32) {
        self.select(register);
        // SAFETY: the window lies in the mapped page (A1), and entries only name vectors with gates.
        unsafe { ((self.registers + WINDOW) as *mut u32).write_volatile(value) };
    }

    fn select(&mut self, register: u32) {
        // SAFETY: the selector lies in the mapped page (A1) and has no effect of its own.
        unsafe { ((self.registers + SELECT) as *mut u32).write_volatile(register) };
    }
}
