//! Intel's Gigabit Ethernet controllers of the family 8254x, as QEMU, VirtualBox and VMware have them, and many PCs.
//!
//! # Shape
//!
//! [`registers`] starts and stops the controller, [`receive`] and [`transmit`] are what stands in its two rings, and [`work`] what it does with frames that are sent; all are pure and tested on the host.
//! [`E1000`] is the server around them. What drivers of network devices, and of controllers with rings, have alike is the library `link`'s.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod receive;
pub mod registers;
pub mod transmit;
pub mod work;

use warren::{Closing, Cx, Mapping, New, Req, Required, Server, StartError, server};
use warren_idl::{AddressSpace, Link, Memory, PacketMemory, PciDevice};
use warren_link::{Port, controller, controller::Controller, driver};

use crate::registers::Registers;

/// The base address register of the controller's registers in memory.
const MEMORY_BAR: u32 = 0;

/// What the driver needs.
#[derive(Required)]
pub struct Needs {
    device: Req<dyn PciDevice>,
    packets: Req<dyn PacketMemory>,
    memory: Req<dyn Memory>,
    address_space: Req<dyn AddressSpace>,
}

/// A driver.
#[server(provides(Link), stack = 32768, summary = "Intel's Gigabit Ethernet, family 8254x")]
pub struct E1000 {
    port: Port<Controller<Registers<Mapping>>>,
}

impl Server for E1000 {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let Needs { device, packets, memory, address_space } = cx.req();
        let kind = device.identity(cx)?.device;
        let registers = controller::registers(cx, device, MEMORY_BAR, address_space)?;
        let bytes = registers.len();
        let registers = Registers::new(registers, bytes, kind)?;
        let port = Controller::port(cx, registers, device, packets, memory, address_space)?;
        Ok(E1000 { port })
    }

    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        warren_link::close(cx);
    }
}

driver!(E1000, Controller<Registers<Mapping>>);
