//! I/O ports: a driver reaches its own and no others, in every placement.

use warren::{AtomicCx, Cx, Ref, errors, service};

/// Why a port was refused.
#[errors]
pub enum PortError {
    /// The offset is outside the range.
    OutOfRange = 1,
}

/// A range of I/O ports. Offsets count from its first port.
#[service(id = 0x1090_0002, atomic)]
pub trait IoPorts {
    /// Reads one byte.
    fn read8(cx: &mut AtomicCx<'_, Self>, offset: u16) -> Result<u8, PortError>;
    /// Reads two bytes.
    fn read16(cx: &mut AtomicCx<'_, Self>, offset: u16) -> Result<u16, PortError>;
    /// Reads four bytes.
    fn read32(cx: &mut AtomicCx<'_, Self>, offset: u16) -> Result<u32, PortError>;
    /// Writes one byte.
    fn write8(cx: &mut AtomicCx<'_, Self>, offset: u16, value: u8) -> Result<(), PortError>;
    /// Writes two bytes.
    fn write16(cx: &mut AtomicCx<'_, Self>, offset: u16, value: u16) -> Result<(), PortError>;
    /// Writes four bytes.
    fn write32(cx: &mut AtomicCx<'_, Self>, offset: u16, value: u32) -> Result<(), PortError>;
}

/// All I/O ports, from which ranges are cut.
#[service(id = 0x1090_0003)]
pub trait PortSpace {
    /// The ports from `first` on.
    fn range<'f>(
        cx: &mut Cx<'f, Self>,
        first: u16,
        count: u16,
    ) -> Result<Ref<'f, dyn IoPorts>, PortError>;
}
