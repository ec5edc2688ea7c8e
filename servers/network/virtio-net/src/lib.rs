//! A virtio network device, on the PCI bus or on none.
//!
//! # Shape
//!
//! The library `virtio` finds and starts the device and has its queues. [`device`] is what is agreed on with it, [`header`] what stands in front
//! of each frame, [`receive`] and [`transmit`] are the two directions; all are pure and tested on the host against devices
//! that follow the rules and devices that do not. [`VirtioNet`] is the server around them.
//!
//! What drivers of network devices have alike is the library `link`'s.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod device;
pub mod header;
pub mod receive;
#[cfg(test)]
mod tests;
pub mod transmit;

use warren::{Closing, Cx, Mapping, New, Req, Required, Server, StartError, server};
use warren_idl::{
    AddressSpace, Link, LinkCounts, LinkDescription, Memory, Packet, PacketMemory, PciDevice,
    map_space,
};
use warren_link::{Device, Port, driver};
use warren_packets::{Bad, Batch, Buffers, Indices};
use warren_virtio::{
    Refused, Registers, Transport,
    queue::{self, Queue},
};

use crate::{
    device::CONFIG_BYTES,
    receive::Receiver,
    transmit::{HEADER_STRIDE, Sender, header_of},
};

/// The device's queues (virtio 1.2, section 5.1.2).
const RECEIVE: u16 = 0;
const SEND: u16 = 1;

/// Entries of each queue: as many as QEMU's devices have if nobody says otherwise.
const ENTRIES: u16 = 256;

/// Where the queues and the headers lie in the memory that is shared with the device.
const RECEIVE_AT: usize = 0;
const SEND_AT: usize = Queue::bytes(ENTRIES).next_multiple_of(64);
const HEADERS_AT: usize = (SEND_AT + Queue::bytes(ENTRIES)).next_multiple_of(64);
const AREA_BYTES: usize = (HEADERS_AT + ENTRIES as usize * HEADER_STRIDE).next_multiple_of(4096);

/// Most buffers that the driver holds: those of both queues, and what is about to be renewed.
const MOST_BUFFERS: u32 = 4 * ENTRIES as u32;
/// What the driver needs.
#[derive(Required)]
pub struct Needs {
    device: Req<dyn PciDevice>,
    packets: Req<dyn PacketMemory>,
    memory: Req<dyn Memory>,
    address_space: Req<dyn AddressSpace>,
}

/// A virtio network device.
#[server(provides(Link), stack = 32768, summary = "a virtio network device")]
pub struct VirtioNet {
    port: Port<Virtio>,
}

/// The device.
pub struct Virtio {
    transport: Transport<dyn Registers>,
    description: LinkDescription,
    receiver: Receiver,
    sender: Sender,
    /// Memory of the queues and of the headers.
    area: Mapping,
    /// Physical address of that memory.
    area_base: u64,
}

impl Server for VirtioNet {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let Needs { device, packets, memory, address_space } = cx.req();
        let registers = warren_virtio::registers(cx, device, address_space, CONFIG_BYTES)?;
        let refused = |refused: Refused| StartError::new(refused.message());
        // The device is quiet from here on.
        let mut transport = Transport::new(registers).map_err(refused)?;
        let line = warren_virtio::line(cx, device, &mut transport, &[RECEIVE, SEND])?.keep()?;
        let packets = warren_link::memory(cx, device, packets, address_space, MOST_BUFFERS)?;
        let area = memory.contiguous(cx, AREA_BYTES as u64)?;
        let area_base = area.physical(cx)?;
        let mut area = map_space(cx, address_space, area)?;

        let receiver = Receiver::new(Queue::new(ENTRIES, RECEIVE_AT), packets.base);
        let sender = Sender::new(Queue::new(ENTRIES, SEND_AT), HEADERS_AT, area_base, packets.base);
        sender.queue().want_interrupts(&mut area, false);
        let description = start(&mut transport, &receiver, &sender, area_base).map_err(refused)?;
        let device = Virtio { transport, description, receiver, sender, area, area_base };
        Ok(VirtioNet { port: Port::new(cx, device, packets, line)? })
    }

    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        warren_link::close(cx);
    }
}

/// Starts a device that was reset, with empty queues in the memory at the physical address `area`.
fn start<R: Registers + ?Sized>(
    transport: &mut Transport<R>,
    receiver: &Receiver,
    sender: &Sender,
    area: u64,
) -> Result<LinkDescription, Refused> {
    let offered = transport.offered();
    let description = device::agree(transport, offered)?;
    transport.run([(RECEIVE, receiver.queue().place(area)), (SEND, sender.queue().place(area))])?;
    Ok(description)
}

driver!(VirtioNet, Virtio);

fn broken(_: queue::Broken) -> warren_link::Broken {
    warren_link::Broken
}

impl Device for Virtio {
    fn description(&self) -> LinkDescription {
        self.description
    }

    fn entries(&self) -> usize {
        ENTRIES.into()
    }

    fn filled(&self) -> usize {
        self.receiver.filled()
    }

    fn refill(&mut self, fresh: &mut Indices) {
        if self.receiver.refill(&mut self.area, fresh) {
            self.transport.ring_doorbell(RECEIVE);
        }
    }

    fn harvest(
        &mut self,
        packets: &Buffers,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Result<Batch, warren_link::Broken> {
        self.receiver.harvest(&self.area, packets, spent, counts).map_err(broken)
    }

    fn check(&self, packets: &Buffers, frame: &[Packet]) -> Result<(), Bad> {
        header_of(packets, frame, self.description.offloads).map(drop)
    }

    fn push(&mut self, packets: &Buffers, frame: &[Packet]) -> bool {
        let header = header_of(packets, frame, self.description.offloads);
        header.is_ok_and(|header| self.sender.push(&mut self.area, header, frame))
    }

    fn publish(&mut self) {
        if self.sender.queue().publish(&mut self.area) {
            self.transport.ring_doorbell(SEND);
        }
    }

    fn want_room(&mut self, want: bool) {
        self.sender.queue().want_interrupts(&mut self.area, want);
    }

    fn reclaim(&mut self, spent: &mut Indices) -> Result<(), warren_link::Broken> {
        self.sender.reclaim(&self.area, spent).map_err(broken)
    }

    fn acknowledge(&mut self) {
        self.transport.acknowledge();
    }

    fn stop(&mut self, all: &mut Indices) -> Result<(), warren_link::Broken> {
        self.transport.reset().map_err(|_| warren_link::Broken)?;
        self.receiver.reset(&mut self.area, all);
        self.sender.reset(&mut self.area, all);
        Ok(())
    }

    /// A device that comes back as another one is not the one that callers know.
    fn start(&mut self) -> Result<(), warren_link::Broken> {
        self.sender.queue().want_interrupts(&mut self.area, false);
        let Virtio { transport, receiver, sender, area_base, .. } = self;
        let started = start(transport, receiver, sender, *area_base);
        if started == Ok(self.description) { Ok(()) } else { Err(warren_link::Broken) }
    }
}
