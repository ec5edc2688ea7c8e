//! The PCI bus: finds what is plugged in, and hands out its memory, ports and interrupts.
//!
//! # Shape
//!
//! [`configuration`] finds and measures functions, [`capability`] finds how they interrupt by messages; both are tested on the host. [`Pci`] is the server around
//! it; each function that somebody asks for is a local server, [`Device`].
//!
//! # Two ports
//!
//! The configuration space is reached by writing a register's number to one port and its value to another.
//! Ports are atomic, so the server's lock is kept between the two, and no two accesses mix.
//!
//! # Which interrupt
//!
//! The number that the firmware put into the interrupt-line register. On QEMU's `pc` and `q35` the
//! firmware programs the chipset to pass each PCI interrupt to that line of the legacy controller, and the
//! same line is the I/O APIC's input of that number (the global system interrupt), level-triggered. The
//! inputs from 16 on, to which `q35` routes the pins as well, would need the tables of the firmware (ACPI,
//! `_PRT`) to be interpreted. On a PC whose firmware leaves the register empty, devices have no
//! interrupt here.
//!
//! # Messages
//!
//! A function with a table of messages (MSI-X) interrupts by them if its driver asks for one. The table's entry is handed to the kernel, which
//! writes it; this server switches the messages on. Drivers see neither the entry nor what stands in it: the memory that they get ends before the page
//! where the table begins, and registers that decide on messages cannot be written. Registers that lie behind the table, or in the page where it
//! begins, cannot be had.
//!
//! # What a driver may do
//!
//! A driver that holds its function can make it read and write any memory: without an IOMMU there is no
//! protection from a device. Moving the function's base address registers is refused, so that the
//! memory and ports handed out stay the function's own.
//!
//! # State, and what a restart loses
//!
//! What was found, which is found again; drivers hold references that are `Lost`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod capability;
pub mod configuration;

use alloc::vec::Vec;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{
    DataSpace, InterruptLine, Interrupts, IoPorts, PciBus, PciDevice, PciError, PciIdentity,
    PhysicalMemory, PortError, PortSpace,
};

use crate::capability::{ALL_MASKED, ENABLED, Table};
use crate::configuration::{
    BARS, BARS_END, Bar, COMMAND, COMMAND_ENABLE, COMMAND_MASK, COMMAND_NO_INTERRUPT,
    Configuration, Function, INTERRUPT, PAGE_BYTES, ROM,
};

/// Offset of the port that takes a register's number, and of the one with its value.
const NUMBER: u16 = 0;
const VALUE: u16 = 4;
const NUMBER_ENABLE: u32 = 1 << 31;

/// Bytes of the configuration space that two ports reach.
const CONFIGURATION_BYTES: u16 = 256;

/// Lines of the legacy interrupt controller.
const LINES: u32 = 16;

/// What the bus needs.
#[derive(Required)]
pub struct Needs {
    /// The ports from 0xcf8 on, eight of them.
    configuration: Req<dyn IoPorts>,
    physical_memory: Req<dyn PhysicalMemory>,
    port_space: Req<dyn PortSpace>,
    interrupts: Req<dyn Interrupts>,
}

/// The PCI bus.
#[server(provides(PciBus), locals(Device), stack = 16384, summary = "the PCI bus")]
pub struct Pci {
    functions: Vec<Function>,
}

/// One function that somebody works with.
#[local(provides = PciDevice, parent = Pci)]
pub struct Device {
    function: Function,
}

impl Server for Pci {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let functions = configuration::search(&mut Ports(&cx.req().configuration))?;
        Ok(Pci { functions })
    }
}

impl PciBus for Pci {
    fn device<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn PciDevice>, PciError> {
        let function = cx.functions.get(index as usize).ok_or(PciError::NotFound)?.clone();
        Ok(cx.spawn(Device { function })?)
    }

    fn find<'f>(
        cx: &mut Cx<'f, Self>,
        vendor: u16,
        device: u16,
        nth: u32,
    ) -> Result<Ref<'f, dyn PciDevice>, PciError> {
        let wanted = |function: &&Function| (function.vendor, function.device) == (vendor, device);
        let found = cx.functions.iter().filter(wanted).nth(nth as usize);
        let function = found.ok_or(PciError::NotFound)?.clone();
        Ok(cx.spawn(Device { function })?)
    }
}

impl PciDevice for Device {
    fn identity(cx: &mut Cx<'_, Self>) -> Result<PciIdentity, PciError> {
        let Function { address, vendor, device, class, .. } = cx.function;
        Ok(PciIdentity { vendor, device, class, address })
    }

    fn read(cx: &mut Cx<'_, Self>, offset: u16) -> Result<u32, PciError> {
        check(offset)?;
        Ok(Ports(&cx.req().configuration).read(cx.function.address, offset)?)
    }

    fn write(cx: &mut Cx<'_, Self>, offset: u16, value: u32) -> Result<(), PciError> {
        check(offset)?;
        let moves = (BARS..BARS_END).contains(&offset) || offset == ROM;
        if moves || cx.function.messages.guards(offset) {
            return Err(PciError::BadRegister);
        }
        Ok(Ports(&cx.req().configuration).write(cx.function.address, offset, value)?)
    }

    /// A range shorter than a page is given as the page that it begins. A table of messages is not given, nor what lies behind it.
    fn memory<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn DataSpace>, PciError> {
        match cx.bar(index)? {
            Bar::Memory { address, bytes } => {
                let bytes = cx.function.open_bytes(index, bytes.next_multiple_of(PAGE_BYTES));
                match bytes {
                    0 => Err(PciError::NoBar),
                    bytes => Ok(cx.req().physical_memory.window(cx, address, bytes)?),
                }
            }
            Bar::Ports { .. } => Err(PciError::NoBar),
        }
    }

    fn ports<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn IoPorts>, PciError> {
        match cx.bar(index)? {
            Bar::Ports { first, count } => Ok(cx.req().port_space.range(cx, first, count)?),
            Bar::Memory { .. } => Err(PciError::NoBar),
        }
    }

    fn interrupt<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn InterruptLine>, PciError> {
        if let Some(table) = cx.function.messages.table {
            switch_messages(&cx.req().configuration, &cx.function, table, false)?;
        }
        let register = Ports(&cx.req().configuration).read(cx.function.address, INTERRUPT)?;
        let line = line(register).ok_or(PciError::Device)?;
        Ok(cx.req().interrupts.line(cx, line)?)
    }

    /// The function answers at its addresses afterwards, as it has to where the entry is written.
    fn message<'f>(
        cx: &mut Cx<'f, Self>,
        index: u32,
    ) -> Result<Ref<'f, dyn InterruptLine>, PciError> {
        let (table, address) = cx.function.message(index).ok_or(PciError::NoMessages)?;
        Self::enable(cx)?;
        let page = address - address % PAGE_BYTES;
        let registers = cx.req().physical_memory.window(cx, page, PAGE_BYTES)?;
        let line = cx.req().interrupts.message(cx, registers, address - page)?;
        switch_messages(&cx.req().configuration, &cx.function, table, true)?;
        Ok(line)
    }

    fn enable(cx: &mut Cx<'_, Self>) -> Result<(), PciError> {
        let mut ports = Ports(&cx.req().configuration);
        let command = ports.read(cx.function.address, COMMAND)? & COMMAND_MASK;
        let command = (command | COMMAND_ENABLE) & !COMMAND_NO_INTERRUPT;
        Ok(ports.write(cx.function.address, COMMAND, command)?)
    }
}

impl Device {
    fn bar(&self, index: u32) -> Result<Bar, PciError> {
        self.function.bars.get(index as usize).copied().flatten().ok_or(PciError::NoBar)
    }
}

/// Lets a function interrupt by messages, or by its line.
fn switch_messages(
    configuration: &Req<dyn IoPorts>,
    function: &Function,
    table: Table,
    on: bool,
) -> Result<(), PciError> {
    let mut ports = Ports(configuration);
    let control = ports.read(function.address, table.control)? & !(ENABLED | ALL_MASKED);
    let control = if on { control | ENABLED } else { control };
    Ok(ports.write(function.address, table.control, control)?)
}

/// A register starts at a multiple of 4 within the configuration space.
fn check(offset: u16) -> Result<(), PciError> {
    let is_register = offset < CONFIGURATION_BYTES && offset.is_multiple_of(4);
    if is_register { Ok(()) } else { Err(PciError::BadRegister) }
}

/// The line in an interrupt register; `None` if the function does not interrupt or has no line.
fn line(register: u32) -> Option<u32> {
    let [line, pin, ..] = register.to_le_bytes();
    (pin != 0 && line != 0 && u32::from(line) < LINES).then_some(line.into())
}

/// The configuration space behind its two ports.
struct Ports<'a>(&'a Req<dyn IoPorts>);

impl Ports<'_> {
    fn select(&mut self, address: u32, offset: u16) -> Result<(), PortError> {
        self.0.write32(NUMBER, NUMBER_ENABLE | address << 8 | u32::from(offset))
    }
}

impl Configuration for Ports<'_> {
    type Error = PortError;

    fn read(&mut self, address: u32, offset: u16) -> Result<u32, PortError> {
        self.select(address, offset)?;
        self.0.read32(VALUE)
    }

    fn write(&mut self, address: u32, offset: u16, value: u32) -> Result<(), PortError> {
        self.select(address, offset)?;
        self.0.write32(VALUE, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_aligned_and_within_the_space() {
        assert!(check(0).is_ok() && check(252).is_ok());
        for offset in [1, 2, 3, 255, 256, u16::MAX] {
            assert_eq!(check(offset), Err(PciError::BadRegister));
        }
    }

    #[test]
    fn a_function_without_pin_or_line_has_no_interrupt() {
        assert_eq!(line(0x010b), Some(11));
        for register in [0x000b, 0x0100, 0x01ff, 0x0110] {
            assert_eq!(line(register), None);
        }
    }
}
