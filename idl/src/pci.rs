//! What is plugged in.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{DataSpace, InterruptError, InterruptLine, IoPorts, MemoryError, PortError};

/// Why a PCI request was refused.
#[errors]
pub enum PciError {
    /// No such device is plugged in.
    NotFound = 1,
    /// The register is outside the configuration space, or not aligned.
    BadRegister = 2,
    /// The device has no such base address register, or it is of the other kind.
    NoBar = 3,
    /// The hardware behind it refused.
    Device = 4,
    /// The device sends no messages, or not so many.
    NoMessages = 5,
}

impl From<PortError> for PciError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::System(error) => PciError::System(error),
            _ => PciError::Device,
        }
    }
}

impl From<MemoryError> for PciError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::System(error) => PciError::System(error),
            _ => PciError::Device,
        }
    }
}

impl From<InterruptError> for PciError {
    fn from(error: InterruptError) -> Self {
        match error {
            InterruptError::System(error) => PciError::System(error),
            _ => PciError::Device,
        }
    }
}

/// Where a device sits and what it says it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PciIdentity {
    /// Who made it.
    pub vendor: u16,
    /// What it is.
    pub device: u16,
    /// Class, subclass, programming interface, revision, from the high byte down.
    pub class: u32,
    /// Bus, device and function, as `bus << 8 | device << 3 | function`.
    pub address: u32,
}

impl Flat for PciIdentity {}

/// The bus.
#[service(id = 0x0c1b_0001)]
pub trait PciBus {
    /// The device at `index` in the order of addresses, or [`PciError::NotFound`] after the last one.
    fn device<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn PciDevice>, PciError>;
    /// The `nth` device with these IDs, from 0.
    fn find<'f>(
        cx: &mut Cx<'f, Self>,
        vendor: u16,
        device: u16,
        nth: u32,
    ) -> Result<Ref<'f, dyn PciDevice>, PciError>;
}

/// One function of one device.
#[service(id = 0x0c1b_0002)]
pub trait PciDevice {
    /// Where it sits and what it says it is.
    fn identity(cx: &mut Cx<'_, Self>) -> Result<PciIdentity, PciError>;
    /// Reads the configuration register at `offset`, a multiple of 4 below 256.
    fn read(cx: &mut Cx<'_, Self>, offset: u16) -> Result<u32, PciError>;
    /// Writes it.
    fn write(cx: &mut Cx<'_, Self>, offset: u16, value: u32) -> Result<(), PciError>;
    /// The device memory behind base address register `index`.
    fn memory<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn DataSpace>, PciError>;
    /// The I/O ports behind base address register `index`.
    fn ports<'f>(cx: &mut Cx<'f, Self>, index: u32) -> Result<Ref<'f, dyn IoPorts>, PciError>;
    /// The line on which the device interrupts. It sends no messages from then on.
    fn interrupt<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn InterruptLine>, PciError>;
    /// The line of the device's message `index`. It interrupts by messages alone from then on.
    fn message<'f>(
        cx: &mut Cx<'f, Self>,
        index: u32,
    ) -> Result<Ref<'f, dyn InterruptLine>, PciError>;
    /// Lets the device answer at its addresses and read and write memory by itself.
    fn enable(cx: &mut Cx<'_, Self>) -> Result<(), PciError>;
}
