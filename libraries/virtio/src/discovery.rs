//! From the device that the system file names to its registers.

use alloc::{boxed::Box, vec, vec::Vec};

use warren::{Cx, New, Ref, Req, Server, StartError};
use warren_idl::{AddressSpace, InterruptLine, PciDevice, PciError, map_space};

use crate::{
    capability,
    mmio::MmioRegisters,
    pci::PciRegisters,
    transport::{Refused, Registers, Transport},
};

/// The register of the configuration space that says where the device's registers are, and its part within a page.
const FIRST_ADDRESS: u16 = 0x10;
const OFFSET_IN_PAGE: u32 = 0xff0;

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

/// The line on which a device interrupts for all of these queues, before it is started: see [`lines`].
///
/// # Errors
///
/// The bus refuses.
pub fn line<'f, S: Server>(
    cx: &mut Cx<'f, New<S>>,
    device: &Req<dyn PciDevice>,
    transport: &mut Transport<dyn Registers>,
    queues: &[u16],
) -> Result<Ref<'f, dyn InterruptLine>, PciError> {
    let first = lines(cx, device, transport, &[queues])?.into_iter().next();
    first.ok_or(PciError::NoMessages)
}

/// The lines on which a device interrupts, before it is started: one for each group of queues, which are those of messages that nobody has to take back and no other device
/// shares. If there are not so many messages, there are so many lines less, for the groups that come first; and the line of a device that sends none is for all queues.
///
/// # Errors
///
/// The bus refuses.
pub fn lines<'f, S: Server>(
    cx: &mut Cx<'f, New<S>>,
    device: &Req<dyn PciDevice>,
    transport: &mut Transport<dyn Registers>,
    groups: &[&[u16]],
) -> Result<Vec<Ref<'f, dyn InterruptLine>>, PciError> {
    let mut lines = Vec::new();
    for (message, queues) in (0..).zip(groups) {
        match device.message(cx, u32::from(message)) {
            Ok(line) => lines.push(line),
            Err(PciError::System(error)) => return Err(error.into()),
            Err(PciError::NoMessages) if lines.is_empty() => {
                return Ok(vec![device.interrupt(cx)?]);
            }
            Err(error) if lines.is_empty() => return Err(error),
            Err(_) => break,
        }
        queues.iter().for_each(|index| transport.interrupt_by(*index, message));
    }
    Ok(lines)
}
