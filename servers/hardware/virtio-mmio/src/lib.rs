//! Virtio devices that are on no bus: finds them where the command line says, and hands out registers and interrupts.
//!
//! # Shape
//!
//! [`places`] decodes where devices may be and is tested on the host. [`VirtioMmio`] is the server around it; each
//! device that somebody asks for is a local server, [`Device`].
//!
//! # Why it looks like a PCI bus
//!
//! A driver asks a bus for the device with its ID, for its memory and for its line, and need not know which bus that is. So a
//! device here has the ID that it would have on a PCI bus (virtio 1.2, section 4.1.2.1), and a configuration space with
//! nothing but that and the address of its registers: no capabilities, which tells a driver how to reach them.
//!
//! # What a driver may do
//!
//! The registers of several devices lie in one page, and a driver gets the page. One that breaks the rules reaches its
//! neighbours, as it reaches all memory by its own device where there is no IOMMU.
//!
//! # State, and what a restart loses
//!
//! What was found, which is found again; drivers hold references that are `Lost`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod places;

use alloc::vec::Vec;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{
    AddressSpace, DataSpace, InterruptLine, Interrupts, IoPorts, MemoryError, Parameters, PciBus,
    PciDevice, PciError, PciIdentity, PhysicalMemory, map_space,
};
use warren_parameters::parameter;

use crate::places::Place;

const PAGE_BYTES: u64 = 4096;
/// The first of the registers, and what stands there: `virt`.
const MAGIC: (u64, u32) = (0, 0x7472_6976);
/// The register that says what kind of device it is.
const KIND: u64 = 8;

/// Who makes virtio devices on a PCI bus, and the ID of kind 0 there.
const VENDOR: u16 = 0x1af4;
const KIND_0: u16 = 0x1040;

/// Registers of a configuration space: who made the device and what it is, and where its registers are.
const ID: u16 = 0x00;
const ADDRESS: u16 = 0x10;
const CONFIGURATION_BYTES: u16 = 256;

/// What it needs.
#[derive(Required)]
pub struct Needs {
    physical_memory: Req<dyn PhysicalMemory>,
    address_space: Req<dyn AddressSpace>,
    interrupts: Req<dyn Interrupts>,
    parameters: Req<dyn Parameters>,
}

/// Virtio devices that are on no bus.
///
/// Parameter `virtio_mmio.device`: where they may be.
#[server(
    provides(PciBus),
    locals(Device),
    parameters("virtio_mmio.device"),
    stack = 16384,
    summary = "virtio devices that are on no bus"
)]
pub struct VirtioMmio {
    found: Vec<Found>,
}

/// A device.
#[derive(Clone, Copy)]
struct Found {
    place: Place,
    /// Its ID on a PCI bus.
    id: u16,
}

/// One device that somebody works with.
#[local(provides = PciDevice, parent = VirtioMmio)]
pub struct Device {
    found: Found,
}

impl Server for VirtioMmio {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let read = |text: &str| Some(places::parse(text).collect::<Vec<_>>());
        let refusal = "the list of devices is too long";
        let places = parameter(&cx.req().parameters, "virtio_mmio.device", read, refusal)?;
        let mut found = Vec::new();
        for place in places.unwrap_or_default() {
            if let Some(id) = look(cx, place)? {
                found.push(Found { place, id });
            }
        }
        Ok(VirtioMmio { found })
    }
}

/// ID of the device at a place; `None` if there is none.
fn look(cx: &mut Cx<'_, New<VirtioMmio>>, place: Place) -> Result<Option<u16>, StartError> {
    let needs = cx.req();
    let page = match needs.physical_memory.window(cx, page_of(place), PAGE_BYTES) {
        Ok(page) => page,
        // Where there is main memory there is no device, whatever the list says.
        Err(MemoryError::OutOfRange) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let registers = map_space(cx, &needs.address_space, page)?;
    let register = |at| registers.read_u32((place.address % PAGE_BYTES + at) as usize);
    let kind = match register(MAGIC.0) == MAGIC.1 {
        true => u16::try_from(register(KIND)).unwrap_or(0),
        false => 0,
    };
    Ok((1..0x40).contains(&kind).then_some(KIND_0 + kind))
}

/// Address of the page with a device's registers, the first 288 bytes of them.
fn page_of(place: Place) -> u64 {
    place.address - place.address % PAGE_BYTES
}

impl PciBus for VirtioMmio {
    fn device<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn PciDevice>, PciError> {
        let found = *cx.found.get(index as usize).ok_or(PciError::NotFound)?;
        Ok(cx.spawn(Device { found })?)
    }

    fn find<'f>(
        cx: &mut Cx<'f, Self>,
        vendor: u16,
        device: u16,
        nth: u32,
    ) -> Result<Ref<'f, dyn PciDevice>, PciError> {
        let wanted = |found: &&Found| vendor == VENDOR && found.id == device;
        let found = cx.found.iter().filter(wanted).nth(nth as usize).copied();
        Ok(cx.spawn(Device { found: found.ok_or(PciError::NotFound)? })?)
    }
}

impl PciDevice for Device {
    fn identity(cx: &mut Cx<'_, Self>) -> Result<PciIdentity, PciError> {
        Ok(PciIdentity { vendor: VENDOR, device: cx.found.id, ..PciIdentity::default() })
    }

    fn read(cx: &mut Cx<'_, Self>, offset: u16) -> Result<u32, PciError> {
        match offset {
            ID => Ok(u32::from(cx.found.id) << 16 | u32::from(VENDOR)),
            // The lower half, as a base address register has it; drivers need the part within the page.
            ADDRESS => Ok(cx.found.place.address as u32),
            _ if offset < CONFIGURATION_BYTES && offset.is_multiple_of(4) => Ok(0),
            _ => Err(PciError::BadRegister),
        }
    }

    fn write(_cx: &mut Cx<'_, Self>, _offset: u16, _value: u32) -> Result<(), PciError> {
        Err(PciError::BadRegister)
    }

    /// The page in which the registers lie.
    fn memory<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn DataSpace>, PciError> {
        let page = page_of(cx.found.place);
        match index {
            0 => Ok(cx.req().physical_memory.window(cx, page, PAGE_BYTES)?),
            _ => Err(PciError::NoBar),
        }
    }

    fn ports<'f>(_cx: &mut Cx<'f, Self>, _index: u32) -> Result<Ref<'f, dyn IoPorts>, PciError> {
        Err(PciError::NoBar)
    }

    fn interrupt<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn InterruptLine>, PciError> {
        let line = cx.found.place.line;
        Ok(cx.req().interrupts.line(cx, line)?)
    }

    fn message<'f>(
        _cx: &mut Cx<'f, Self>,
        _index: u32,
    ) -> Result<Ref<'f, dyn InterruptLine>, PciError> {
        Err(PciError::NoMessages)
    }

    /// It answers, and reads and writes memory, from the beginning.
    fn enable(_cx: &mut Cx<'_, Self>) -> Result<(), PciError> {
        Ok(())
    }
}
