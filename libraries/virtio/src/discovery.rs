//! From the device that the system file names to its registers.

use alloc::boxed::Box;

use warren::{Cx, New, Ref, Req, Server, StartError};
use warren_idl::{AddressSpace, InterruptLine, PciDevice, PciError, map_space};

use crate::{
    capability,
    mmio::MmioRegisters,
    pci::PciRegisters,
    transport::{Refused, Registers},
};

/// The register of the configuration space that says where the device's registers are, and its part within a page.
const FIRST_ADDRESS: u16 = 0x10;
const OFFSET_IN_PAGE: u32 = 0xff0;

/// The message by which all queues interrupt.
const MESSAGE: u16 = 0;

/// Lets a device answer, and reaches its registers, of which `config_bytes` are those of its kind.
///
/// A device without capabilities is one that is on no bus: the server `virtio-mmio` hands it out. Its registers
/// start in its page where the first base address register says.
///
/// # Errors
///
/// The bus refuses, or the registers do not lie where the device says.
pub fn registers<S: Server>(
    cx: &mut Cx<'_, New<S>>,
    device: &Req<dyn PciDevice>,
    address_space: &Req<dyn AddressSpace>,
    config_bytes: u32,
) -> Result<Box<dyn Registers>, StartError> {
    let places = capability::find(|register| device.read(cx, register))?;
    device.enable(cx)?;
    let registers = device.memory(cx, places.map_or(0, |places| places.bar))?;
    let registers = map_space(cx, address_space, registers)?;
    let bytes = registers.len() as u64;
    let refused = |refused: Refused| StartError::new(refused.message());
    match places {
        Some(places) => {
            let it = PciRegisters::new(registers, bytes, places, config_bytes).map_err(refused)?;
            Ok(Box::new(it))
        }
        None => {
            let offset = device.read(cx, FIRST_ADDRESS)? & OFFSET_IN_PAGE;
            let it = MmioRegisters::new(registers, bytes, offset, config_bytes).map_err(refused)?;
            Ok(Box::new(it))
        }
    }
}

/// The line on which a device interrupts, whose registers these are, before it is started: that of a message, if it can send one, which
/// nobody has to take back and no other device shares.
///
/// # Errors
///
/// The bus refuses.
pub fn line<'f, S: Server>(
    cx: &mut Cx<'f, New<S>>,
    device: &Req<dyn PciDevice>,
    registers: &mut dyn Registers,
) -> Result<Ref<'f, dyn InterruptLine>, PciError> {
    match device.message(cx, MESSAGE.into()) {
        Err(PciError::NoMessages) => device.interrupt(cx),
        line => {
            registers.interrupt_by(MESSAGE);
            line
        }
    }
}
