//! `PortSpace` and `IoPorts`.
#![expect(unsafe_code, reason = "ports of devices")]

use warren::{AtomicCx, Cx, Ref};
use warren_idl::{IoPorts, PortError, PortSpace};

use super::{answer, kinds};
use crate::cpu::registers;

/// All ports.
pub struct AllPorts;

/// A range of ports.
pub struct Ports {
    first: u16,
    count: u16,
}

warren_natives::natives!(AllPorts, Ports);

impl Ports {
    /// The range; `None` if it ends behind the last port.
    pub fn new(first: u16, count: u16) -> Option<Self> {
        let inside = u32::from(first) + u32::from(count) <= 0x1_0000;
        inside.then_some(Ports { first, count })
    }

    /// The port at an offset, if an access of `width` bytes lies in the range.
    fn port(&self, offset: u16, width: u16) -> Result<u16, PortError> {
        match offset.checked_add(width) {
            Some(end) if end <= self.count => Ok(self.first + offset),
            _ => Err(PortError::OutOfRange),
        }
    }
}

impl PortSpace for AllPorts {
    fn range<'f>(
        _: &mut Cx<'f, Self>,
        first: u16,
        count: u16,
    ) -> Result<Ref<'f, dyn IoPorts>, PortError> {
        let ports = Ports::new(first, count).ok_or(PortError::OutOfRange)?;
        answer(kinds().ports, ports).map_err(PortError::System)
    }
}

/// A range is given by the plan, or cut from all ports by whom the plan trusts with that: what its
/// holder tells the device is the plan's decision, as it is for memory that a device writes.
impl IoPorts for Ports {
    fn read8(cx: &mut AtomicCx<'_, Self>, offset: u16) -> Result<u8, PortError> {
        cx.state().port(offset, 1).map(registers::read_port8)
    }

    fn read16(cx: &mut AtomicCx<'_, Self>, offset: u16) -> Result<u16, PortError> {
        cx.state().port(offset, 2).map(registers::read_port16)
    }

    fn read32(cx: &mut AtomicCx<'_, Self>, offset: u16) -> Result<u32, PortError> {
        cx.state().port(offset, 4).map(registers::read_port32)
    }

    fn write8(cx: &mut AtomicCx<'_, Self>, offset: u16, value: u8) -> Result<(), PortError> {
        let port = cx.state().port(offset, 1)?;
        // SAFETY: the plan gives this device to the caller.
        unsafe { registers::write_port8(port, value) };
        Ok(())
    }

    fn write16(cx: &mut AtomicCx<'_, Self>, offset: u16, value: u16) -> Result<(), PortError> {
        let port = cx.state().port(offset, 2)?;
        // SAFETY: as in `write8`.
        unsafe { registers::write_port16(port, value) };
        Ok(())
    }

    fn write32(cx: &mut AtomicCx<'_, Self>, offset: u16, value: u32) -> Result<(), PortError> {
        let port = cx.state().port(offset, 4)?;
        // SAFETY: as in `write8`.
        unsafe { registers::write_port32(port, value) };
        Ok(())
    }
}
