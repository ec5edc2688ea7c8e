//! The configuration space: which functions there are, and what lies behind their base address
//! registers (PCI Local Bus Specification 3.0, chapter 6).
//!
//! Pure: registers are reached through [`Configuration`].
//!
//! # Measured once
//!
//! The length of what lies behind a base address register is found by writing ones to it, with the function
//! switched off meanwhile. That is only harmless before a driver works with the function, so everything is
//! measured when the bus is searched, and remembered.

use alloc::vec::Vec;

use super::capability::{self, Messages, Table};

/// Registers of all functions.
pub trait Configuration {
    /// Why a register could not be reached.
    type Error;
    /// Reads the register at `offset`, a multiple of 4, of the function at `address`.
    fn read(&mut self, address: u32, offset: u16) -> Result<u32, Self::Error>;
    /// Writes it.
    fn write(&mut self, address: u32, offset: u16, value: u32) -> Result<(), Self::Error>;
}

/// Vendor (16 bits), device (16 bits).
const IDENTITY: u16 = 0x00;
/// Command (16 bits), status (16 bits).
pub const COMMAND: u16 = 0x04;
const CLASS: u16 = 0x08;
const HEADER: u16 = 0x0c;
/// First base address register.
pub const BARS: u16 = 0x10;
/// Where the base address registers of an ordinary function end.
pub const BARS_END: u16 = 0x28;
/// Address of the expansion ROM.
pub const ROM: u16 = 0x30;
const BUSES: u16 = 0x18;
/// Interrupt line (8 bits), interrupt pin (8 bits).
pub const INTERRUPT: u16 = 0x3c;

/// Command: answers at I/O ports, answers at memory, reads and writes memory by itself.
pub const COMMAND_ENABLE: u32 = 0x7;
/// Command: does not interrupt.
pub const COMMAND_NO_INTERRUPT: u32 = 1 << 10;
const COMMAND_DECODE: u32 = 0x3;
/// The command without the status, whose bits are cleared by writing them.
pub const COMMAND_MASK: u32 = 0xffff;

const NO_VENDOR: u32 = 0xffff;
const MULTIFUNCTION: u32 = 1 << 23;
const BRIDGE_HEADER: u32 = 1;
const BRIDGE_CLASS: u32 = 0x0604;

/// Bytes of a page, the unit of what is handed out.
pub const PAGE_BYTES: u64 = 4096;

const DEVICES: u32 = 32;
const FUNCTIONS: u32 = 8;

/// What lies behind a base address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Device memory.
    Memory {
        /// Physical address.
        address: u64,
        /// Length in bytes.
        bytes: u64,
    },
    /// I/O ports.
    Ports {
        /// First port.
        first: u16,
        /// Number of ports.
        count: u16,
    },
}

/// One function of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// `bus << 8 | device << 3 | function`.
    pub address: u32,
    /// Who made it.
    pub vendor: u16,
    /// What it is.
    pub device: u16,
    /// Class, subclass, programming interface, revision, from the high byte down.
    pub class: u32,
    /// What lies behind its base address registers.
    pub bars: [Option<Bar>; 6],
    /// How it interrupts by messages.
    pub messages: Messages,
}

impl Function {
    /// How many of the first `bytes` behind a base address register are not for the bus alone: those before the page where the table of
    /// messages begins, if it lies there.
    pub fn open_bytes(&self, bar: u32, bytes: u64) -> u64 {
        let table = self.messages.table.filter(|table| table.bar == bar as usize);
        table.map_or(bytes, |table| bytes.min(u64::from(table.offset) / PAGE_BYTES * PAGE_BYTES))
    }

    /// The table of messages, and the physical address of the entry of message `index`.
    pub fn message(&self, index: u32) -> Option<(Table, u64)> {
        let table = self.messages.table?;
        match self.bars[table.bar]? {
            Bar::Memory { address, bytes } => Some((table, address + table.entry(index, bytes)?)),
            Bar::Ports { .. } => None,
        }
    }
}

/// Finds all functions, in the order of their addresses.
pub fn search<C: Configuration>(configuration: &mut C) -> Result<Vec<Function>, C::Error> {
    let mut functions = Vec::new();
    let mut seen = [false; 256];
    let mut buses = Vec::from([0u8]);
    while let Some(bus) = buses.pop() {
        if core::mem::replace(&mut seen[usize::from(bus)], true) {
            continue;
        }
        for device in 0..DEVICES {
            let first = u32::from(bus) << 8 | device << 3;
            search_device(configuration, first, &mut functions, &mut buses)?;
        }
    }
    functions.sort_unstable_by_key(|function| function.address);
    Ok(functions)
}

/// Finds the functions of one device, and the buses behind them.
fn search_device<C: Configuration>(
    configuration: &mut C,
    first: u32,
    functions: &mut Vec<Function>,
    buses: &mut Vec<u8>,
) -> Result<(), C::Error> {
    for address in first..first + FUNCTIONS {
        let identity = configuration.read(address, IDENTITY)?;
        if identity & 0xffff == NO_VENDOR {
            if address == first {
                break;
            }
            continue;
        }
        let class = configuration.read(address, CLASS)?;
        let header = configuration.read(address, HEADER)?;
        let is_bridge = header >> 16 & 0x7f == BRIDGE_HEADER;
        if is_bridge && class >> 16 == BRIDGE_CLASS {
            let [_, behind, ..] = configuration.read(address, BUSES)?.to_le_bytes();
            buses.push(behind);
        }
        functions.push(Function {
            address,
            vendor: identity as u16,
            device: (identity >> 16) as u16,
            class,
            bars: measure(configuration, address, if is_bridge { 2 } else { 6 })?,
            messages: capability::find(|register| configuration.read(address, register))?,
        });
        if address == first && header & MULTIFUNCTION == 0 {
            break;
        }
    }
    Ok(())
}

/// Measures what lies behind the first `count` base address registers.
fn measure<C: Configuration>(
    configuration: &mut C,
    address: u32,
    count: usize,
) -> Result<[Option<Bar>; 6], C::Error> {
    let command = configuration.read(address, COMMAND)? & COMMAND_MASK;
    configuration.write(address, COMMAND, command & !COMMAND_DECODE)?;
    let mut bars = [None; 6];
    let mut index = 0;
    while index < count {
        let (low, low_mask) = probe(configuration, address, index)?;
        let is_wide = low & 0x7 == 0x4 && index + 1 < count;
        let (high, high_mask) = match is_wide {
            true => probe(configuration, address, index + 1)?,
            false => (0, if low_mask == 0 { 0 } else { !0 }),
        };
        let join = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        bars[index] = decode(join(high, low), join(high_mask, low_mask));
        index += if is_wide { 2 } else { 1 };
    }
    configuration.write(address, COMMAND, command)?;
    Ok(bars)
}

/// A base address register, and which of its bits can be set.
fn probe<C: Configuration>(
    configuration: &mut C,
    address: u32,
    index: usize,
) -> Result<(u32, u32), C::Error> {
    let offset = BARS + 4 * index as u16;
    let value = configuration.read(address, offset)?;
    configuration.write(address, offset, !0)?;
    let mask = configuration.read(address, offset)?;
    configuration.write(address, offset, value)?;
    Ok((value, mask))
}

/// What a base address register means; `None` if it is not there, or the firmware gave it no address.
fn decode(value: u64, mask: u64) -> Option<Bar> {
    if value & 1 != 0 {
        let mask = mask as u16 & !0x3;
        let first = value as u16 & !0x3;
        let count = mask.wrapping_neg() & mask;
        return (first != 0 && count != 0).then_some(Bar::Ports { first, count });
    }
    let (address, mask) = (value & !0xf, mask & !0xf);
    // The lowest bit that can be set.
    let bytes = mask.wrapping_neg() & mask;
    (address != 0 && bytes != 0).then_some(Bar::Memory { address, bytes })
}

#[cfg(test)]
mod tests;
