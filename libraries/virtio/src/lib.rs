//! What drivers of virtio devices are made of (virtio 1.2): finding a device's registers, starting it, stopping it.
//!
//! | module | what |
//! | --- | --- |
//! | [`capability`] | where a device on the PCI bus keeps its registers |
//! | [`pci`], [`mmio`] | its registers, on the bus and on none |
//! | [`queue`] | chains of buffers, to the device and back |
//! | [`transport`] | starting and stopping, over either |
//! | [`discovery`] | from the device that the system file names to its registers and its line |
//!
//! All but [`discovery`] is pure, and tested on the host against devices that follow the rules and devices that do not. What
//! goes through the queues is each driver's own.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod capability;
pub mod discovery;
pub mod mmio;
pub mod pci;
pub mod queue;
pub mod transport;

pub use discovery::{line, lines, registers};
pub use transport::{QueuePlace, Refused, Registers, Transport};
