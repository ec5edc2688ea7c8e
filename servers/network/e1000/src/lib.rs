//! Intel's Gigabit Ethernet controllers of the family 8254x, as QEMU, VirtualBox and VMware have them, and many PCs.
//!
//! # Shape
//!
//! [`registers`] starts and stops the controller, [`receive`] and [`transmit`] are its two rings; all are pure and tested on the host. [`E1000`] is the
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
    AddressSpace, Link, LinkCounts, LinkDescription, Memory, OFFLOAD_CHECKSUM, Packet,
    PacketMemory, PciDevice, map_space,
};
use warren_link::{Broken, Device, Port, driver};
use warren_packets::{Bad, Batch, Buffers, Indices};

use crate::{
    receive::{DESCRIPTOR, ENTRIES, Receiver},
    registers::{Place, Refused, Registers},
    transmit::Sender,
};

/// Where the rings lie in the memory that is shared with the controller.
const RECEIVE_AT: usize = 0;
const SEND_AT: usize = ENTRIES * DESCRIPTOR;
const RING_BYTES: u32 = (ENTRIES * DESCRIPTOR) as u32;
const AREA_BYTES: u64 = 2 * RING_BYTES as u64;

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
#[server(provides(Link), stack = 32768, summary = "Intel's Gigabit Ethernet, family 8254x")]
pub struct E1000 {
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

impl Server for E1000 {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let Needs { device, packets, memory, address_space } = cx.req();
        device.enable(cx)?;
        let registers = device.memory(cx, 0)?;
        let registers = map_space(cx, address_space, registers)?;
        let bytes = registers.len();
        let refused = |refused: Refused| StartError::new(refused.message());
        let mut registers = Registers::new(registers, bytes).map_err(refused)?;
        // The controller is quiet from here on.
        registers.reset().map_err(refused)?;
        let address = registers.address().map_err(refused)?;
        let line = device.interrupt(cx)?.keep()?;
        let packets = warren_link::memory(cx, device, packets, address_space, MOST_BUFFERS)?;
        let area = memory.contiguous(cx, AREA_BYTES)?;
        let area_base = area.physical(cx)?;
        let area = map_space(cx, address_space, area)?;
        let receiver = Receiver::new(RECEIVE_AT, packets.base);
        let sender = Sender::new(SEND_AT, packets.base);
        let mut device = Controller { registers, address, receiver, sender, area, area_base };
        device.run();
        Ok(E1000 { port: Port::new(cx, device, packets, line)? })
    }

    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        warren_link::close(cx);
    }
}

impl Controller {
    /// Starts the controller, which was reset, with its rings.
    fn run(&mut self) {
        let place = |at: usize| Place { base: self.area_base + at as u64, bytes: RING_BYTES };
        self.registers.start(place(RECEIVE_AT), place(SEND_AT));
    }
}

driver!(E1000, Controller);

impl Device for Controller {
    fn description(&self) -> LinkDescription {
        LinkDescription {
            address: self.address,
            up: self.registers.is_up().into(),
            mtu: MTU,
            offloads: OFFLOAD_CHECKSUM,
        }
    }

    /// One place of the ring stays empty.
    fn entries(&self) -> usize {
        ENTRIES - 1
    }

    fn filled(&self) -> usize {
        self.receiver.filled()
    }

    fn refill(&mut self, fresh: &mut Indices) {
        if self.receiver.refill(&mut self.area, fresh) {
            self.registers.show_buffers(self.receiver.tail());
        }
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
        self.registers.show_frames(self.sender.tail());
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
        self.receiver.reset(all);
        self.sender.reset(all);
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
