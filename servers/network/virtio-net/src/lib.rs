//! A virtio network device, on the PCI bus or on none.
//!
//! # Shape
//!
//! The library `virtio` finds and starts the device and has its queues. [`device`] is what is agreed on with it, [`header`] what stands in front
//! of each frame, [`receive`] and [`transmit`] are the two directions, of which [`queues`] has as many pairs as are used, and [`control`] tells the device so; all are pure and
//! tested on the host against devices that follow the rules and devices that do not. [`VirtioNet`] is the server around them.
//!
//! What drivers of network devices have alike is the library `link`'s.
//!
//! # How many pairs
//!
//! As many as the device has and can interrupt for by a message each, up to [`MOST_PAIRS`], or fewer if the system file says so. A device that does not go along with them is started anew with one.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod control;
pub mod device;
pub mod header;
pub mod queues;
pub mod receive;
#[cfg(test)]
mod tests;
pub mod transmit;

use alloc::vec::Vec;

use warren::{Closing, Cx, Kept, Mapping, New, Req, Required, Server, StartError, server};
use warren_idl::{
    AddressSpace, InterruptLine, Link, LinkCounts, LinkDescription, Memory, Packet, PacketMemory,
    Parameters, PciDevice, map_space,
};
use warren_link::{Device, Port, driver};
use warren_packets::{Bad, Batch, Buffers, Indices};
use warren_parameters::number;
use warren_virtio::{Refused, Registers, Transport, queue};

use crate::{
    device::CONFIG_BYTES,
    queues::{ENTRIES, Queues, receive_index, send_index},
    transmit::header_of,
};

/// Most pairs of queues: more CPUs than these are seldom busy with packets, and each pair has buffers of its own.
pub const MOST_PAIRS: u16 = 4;

/// Most buffers that the driver holds for each pair: those of both queues, and what is about to be renewed.
const MOST_BUFFERS: u32 = 4 * ENTRIES as u32;

/// What the driver needs.
#[derive(Required)]
pub struct Needs {
    device: Req<dyn PciDevice>,
    packets: Req<dyn PacketMemory>,
    memory: Req<dyn Memory>,
    address_space: Req<dyn AddressSpace>,
    parameters: Req<dyn Parameters>,
}

/// A virtio network device.
///
/// Parameter `pairs`: how many pairs of queues are used at most, from 1 to 4; 4 if nothing is said.
#[server(provides(Link), parameters("pairs"), stack = 32768, summary = "a virtio network device")]
pub struct VirtioNet {
    port: Port<Virtio>,
}

/// The device.
pub struct Virtio {
    transport: Transport<dyn Registers>,
    description: LinkDescription,
    queues: Queues,
    /// Memory of the queues.
    area: Mapping,
}

impl Server for VirtioNet {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let Needs { device, packets, memory, address_space, parameters } = cx.req();
        let most = MOST_PAIRS.into();
        let most_pairs =
            number(parameters, "pairs", most, 1..=most, "`pairs` is no number from 1 to 4")?;
        let registers = warren_virtio::registers(cx, device, address_space, CONFIG_BYTES)?;
        let refused = |refused: Refused| StartError::new(refused.message());
        // The device is quiet from here on.
        let mut transport = Transport::new(registers).map_err(refused)?;
        let agreed = device::agree(&mut transport).map_err(refused)?;
        let mut lines = lines(cx, device, &mut transport, agreed.pairs.min(most_pairs as u16))?;
        let most_buffers = MOST_BUFFERS * lines.len() as u32;
        let packets = warren_link::memory(cx, device, packets, address_space, most_buffers)?;
        let area = memory.contiguous(cx, Queues::bytes(lines.len()) as u64)?;
        let area_base = area.physical(cx)?;
        let mut area = map_space(cx, address_space, area)?;
        let queues = |pairs| Queues::new(pairs, area_base, packets.base, packets.buffers());
        let started = queues::start(&mut transport, &mut area, agreed, lines.len(), queues);
        let (queues, description) = started.map_err(refused)?;
        lines.truncate(description.pairs as usize);
        let device = Virtio { transport, description, queues, area };
        Ok(VirtioNet { port: Port::new(cx, device, packets, lines)? })
    }

    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        warren_link::close(cx);
    }
}

/// The lines on which so many pairs of queues interrupt, of a device that is not started yet; there may be fewer.
fn lines(
    cx: &mut Cx<'_, New<VirtioNet>>,
    device: &Req<dyn PciDevice>,
    transport: &mut Transport<dyn Registers>,
    pairs: u16,
) -> Result<Vec<Kept<dyn InterruptLine>>, StartError> {
    let queues: Vec<_> = (0..pairs).map(|pair| [receive_index(pair), send_index(pair)]).collect();
    let queues: Vec<&[u16]> = queues.iter().map(|both| &both[..]).collect();
    let lines = warren_virtio::lines(cx, device, transport, &queues)?;
    Ok(lines.into_iter().map(|line| line.keep()).collect::<Result<_, _>>()?)
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
        self.queues.receive_entries()
    }

    fn filled(&self, pair: usize) -> usize {
        self.queues.pairs[pair].receiver.filled()
    }

    fn refill(&mut self, pair: usize, fresh: &mut Indices) {
        if self.queues.pairs[pair].receiver.refill(&mut self.area, fresh) {
            self.transport.ring_doorbell(receive_index(pair as u16));
        }
    }

    fn harvest(
        &mut self,
        pair: usize,
        packets: &Buffers,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Result<Batch, warren_link::Broken> {
        let Virtio { queues, area, .. } = self;
        queues.pairs[pair].receiver.harvest(area, packets, spent, counts).map_err(broken)
    }

    fn check(&self, packets: &Buffers, frame: &[Packet]) -> Result<(), Bad> {
        header_of(packets, frame, self.description.offloads).map(drop)
    }

    fn push(&mut self, pair: usize, packets: &Buffers, frame: &[Packet]) -> bool {
        let Virtio { queues, area, description, .. } = self;
        let header = header_of(packets, frame, description.offloads);
        header.is_ok_and(|header| queues.pairs[pair].sender.push(area, header, frame))
    }

    fn publish(&mut self, pair: usize) {
        if self.queues.pairs[pair].sender.queue().publish(&mut self.area) {
            self.transport.ring_doorbell(send_index(pair as u16));
        }
    }

    fn want_room(&mut self, pair: usize, want: bool) {
        self.queues.pairs[pair].sender.queue().want_interrupts(&mut self.area, want);
    }

    fn reclaim(&mut self, pair: usize, spent: &mut Indices) -> Result<(), warren_link::Broken> {
        self.queues.pairs[pair].sender.reclaim(&self.area, spent).map_err(broken)
    }

    fn acknowledge(&mut self) {
        self.transport.acknowledge();
    }

    fn stop(
        &mut self,
        fresh: &mut Indices,
        spent: &mut Indices,
    ) -> Result<(), warren_link::Broken> {
        self.transport.reset().map_err(|_| warren_link::Broken)?;
        self.queues.reset(&mut self.area, fresh, spent);
        Ok(())
    }

    /// A device that comes back as another one is not the one that callers know.
    fn start(&mut self) -> Result<(), warren_link::Broken> {
        let Virtio { transport, queues, area, .. } = self;
        let agreed = device::agree(transport);
        let started = agreed.and_then(|agreed| queues.start(transport, area, agreed));
        if started == Ok(self.description) { Ok(()) } else { Err(warren_link::Broken) }
    }
}
