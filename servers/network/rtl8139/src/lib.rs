//! Realtek's Fast Ethernet controllers RTL8139C+, as QEMU has them.
//!
//! Those of before the C+ have no rings of descriptors, but one buffer out of which every frame has to be copied. They are refused.
//!
//! # Shape
//!
//! [`registers`] starts and stops the controller, [`receive`] and [`transmit`] are its two rings; all are pure and tested on the host. [`Rtl8139`] is the
//! server around them. What drivers of network devices have alike is the library `link`'s.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod receive;
pub mod registers;
pub mod transmit;

use warren::{Closing, Cx, Mapping, New, Req, Required, Server, StartError, server};
use warren_idl::{
    AddressSpace, Link, LinkCounts, LinkDescription, Memory, OFFLOAD_CHECKSUM, OFFLOAD_ONLY_IPV4,
    Packet, PacketMemory, PciDevice, map_space,
};
use warren_link::{Broken, Device, Port, driver};
use warren_packets::{Bad, Batch, Buffers, Indices};

use crate::{
    receive::{DESCRIPTOR, ENTRIES, Receiver},
    registers::{Refused, Registers},
    transmit::Sender,
};

/// Where the rings lie in the memory that is shared with the controller.
const RECEIVE_AT: usize = 0;
const SEND_AT: usize = ENTRIES * DESCRIPTOR;
/// Zeroes, which short frames are made longer with.
const PADDING_AT: usize = 2 * ENTRIES * DESCRIPTOR;
const AREA_BYTES: u64 = 4096;

/// The base address register of the controller's registers in memory.
const MEMORY_BAR: u32 = 1;

/// Most buffers that the driver holds: those of both rings, and what is about to be renewed.
const MOST_BUFFERS: u32 = 4 * ENTRIES as u32;

/// Bytes of a packet.
const MTU: u32 = 1500;

/// What the driver needs.
#[derive(Required)]
pub struct Needs {
    device: Req<dyn PciDevice>,
    packets: Req<dyn PacketMemory>,
    memory: Req<dyn Memory>,
    address_space: Req<dyn AddressSpace>,
}

/// A driver.
#[server(provides(Link), stack = 32768, summary = "Realtek's Fast Ethernet, RTL8139C+")]
pub struct Rtl8139 {
    port: Port<Controller>,
}

/// The controller.
pub struct Controller {
    registers: Registers<Mapping>,
    address: [u8; 6],
    receiver: Receiver,
    sender: Sender,
    /// Memory of the rings.
    area: Mapping,
    /// Physical address of that memory.
    area_base: u64,
}

impl Server for Rtl8139 {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let Needs { device, packets, memory, address_space } = cx.req();
        let revision = device.identity(cx)?.class as u8;
        device.enable(cx)?;
        let registers = device.memory(cx, MEMORY_BAR)?;
        let registers = map_space(cx, address_space, registers)?;
        let bytes = registers.len();
        let refused = |refused: Refused| StartError::new(refused.message());
        let mut registers = Registers::new(registers, bytes, revision).map_err(refused)?;
        // The controller is quiet from here on.
        registers.reset().map_err(refused)?;
        let address = registers.address().map_err(refused)?;
        let line = device.interrupt(cx)?.keep()?;
        let packets = warren_link::memory(cx, device, packets, address_space, MOST_BUFFERS)?;
        let area = memory.contiguous(cx, AREA_BYTES)?;
        let area_base = area.physical(cx)?;
        let area = map_space(cx, address_space, area)?;
        let receiver = Receiver::new(RECEIVE_AT, packets.base);
        let sender = Sender::new(SEND_AT, packets.base, area_base + PADDING_AT as u64);
        let mut device = Controller { registers, address, receiver, sender, area, area_base };
        device.run();
        Ok(Rtl8139 { port: Port::new(cx, device, packets, line)? })
    }

    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        warren_link::close(cx);
    }
}

impl Controller {
    /// Starts the controller, which was reset, with its rings.
    fn run(&mut self) {
        let place = |at: usize| self.area_base + at as u64;
        self.registers.start(place(RECEIVE_AT), place(SEND_AT));
    }
}

driver!(Rtl8139, Controller);

impl Device for Controller {
    fn description(&self) -> LinkDescription {
        LinkDescription {
            address: self.address,
            up: self.registers.is_up().into(),
            mtu: MTU,
            offloads: OFFLOAD_CHECKSUM | OFFLOAD_ONLY_IPV4,
        }
    }

    fn entries(&self) -> usize {
        ENTRIES
    }

    fn filled(&self) -> usize {
        self.receiver.filled()
    }

    fn refill(&mut self, fresh: &mut Indices) {
        self.receiver.refill(&mut self.area, fresh);
    }

    fn harvest(
        &mut self,
        _packets: &Buffers,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Result<Batch, Broken> {
        Ok(self.receiver.harvest(&self.area, spent, counts))
    }

    fn check(&self, packets: &Buffers, frame: &[Packet]) -> Result<(), Bad> {
        transmit::check(packets, frame)
    }

    fn push(&mut self, _packets: &Buffers, frame: &[Packet]) -> bool {
        self.sender.push(&mut self.area, frame)
    }

    fn publish(&mut self) {
        self.registers.send();
    }

    fn reclaim(&mut self, spent: &mut Indices) -> Result<(), Broken> {
        self.sender.reclaim(&self.area, spent);
        Ok(())
    }

    fn acknowledge(&mut self) {
        self.registers.acknowledge();
    }

    fn stop(&mut self, all: &mut Indices) -> Result<(), Broken> {
        self.registers.reset().map_err(|_| Broken)?;
        self.receiver.reset(&mut self.area, all);
        self.sender.reset(&mut self.area, all);
        Ok(())
    }

    fn start(&mut self) -> Result<(), Broken> {
        if self.registers.address() != Ok(self.address) {
            return Err(Broken);
        }
        self.run();
        Ok(())
    }
}
