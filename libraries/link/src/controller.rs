//! Controllers on the PCI bus that have a ring of descriptors for each direction.
//!
//! A driver says what its controller's registers ([`Registers`]) and descriptors ([`Descriptors`], [`Sender`]) look like; all else is alike.
//! The rings lie in memory that is shared with the controller, that of frames that arrive first.

use alloc::vec;

use warren::{Cx, Mapping, New, Req, Server, StartError};
use warren_idl::{
    AddressSpace, LinkCounts, LinkDescription, Memory, OFFLOAD_SEGMENT_IPV4, PIECES, Packet,
    PacketMemory, PciDevice, map_space,
};
use warren_packets::{Bad, Batch, Buffers, Bytes, Indices, batch::length};
use warren_window::Window;

use crate::{
    Broken, Device, Port, memory,
    receiver::{Descriptors, Receiver},
    ring::DESCRIPTOR_BYTES,
    segments::{Cut, ETHERNET_BYTES},
};

/// Bytes of a packet.
pub const MTU: u32 = 1500;

/// Why a controller cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is of a model that the driver does not know, as this message says.
    Model(&'static str),
    /// There are too few registers.
    Registers,
    /// It does not end its reset.
    Reset,
    /// It has no address of a station.
    Address,
}

impl From<Refused> for StartError {
    fn from(refused: Refused) -> Self {
        StartError::new(match refused {
            Refused::Model(message) => message,
            Refused::Registers => "the controller has too few registers",
            Refused::Reset => "the controller does not end its reset",
            Refused::Address => "the controller has no address of a station",
        })
    }
}

/// An address that a controller says it has.
///
/// # Errors
///
/// It is that of a group, or none.
pub fn station(address: [u8; 6]) -> Result<[u8; 6], Refused> {
    let is_station = address[0] & 1 == 0 && address != [0; 6];
    if is_station { Ok(address) } else { Err(Refused::Address) }
}

/// The registers of a controller.
pub trait Registers {
    /// The descriptors of buffers for frames that arrive.
    type Descriptors: Descriptors;
    /// The ring of frames that are sent, which has as many entries.
    type Sender: Sender;

    /// What the controller does for whoever sends: `OFFLOAD_…`. Segments are cut of IPv4 at most.
    fn offloads(&self) -> u32;
    /// Resets the controller: from then on it reads and writes no memory.
    ///
    /// # Errors
    ///
    /// It does not end its reset.
    fn reset(&mut self) -> Result<(), Refused>;
    /// The address that the controller has after a reset.
    ///
    /// # Errors
    ///
    /// It has none.
    fn address(&self) -> Result<[u8; 6], Refused>;
    /// Starts a controller that was reset, with empty rings at these physical addresses.
    fn start(&mut self, receive: u64, send: u64);
    /// Whether the link is up.
    fn is_up(&self) -> bool;
    /// Shows buffers up to, but not including, this place of the ring.
    fn show_buffers(&mut self, tail: usize);
    /// Shows frames to be sent up to, but not including, this place of the ring.
    fn show_frames(&mut self, tail: usize);
    /// Says whether the controller is to interrupt when frames have left.
    fn want_room(&mut self, want: bool);
    /// Takes an interrupt back.
    fn acknowledge(&mut self);
}

/// A ring of frames that are sent: a descriptor for each piece, and what else the controller wants.
///
/// Nobody is told when a frame has left: what the controller has done with is taken back when the next one is sent.
pub trait Sender {
    /// Zeroes that it needs in the shared memory.
    const ZEROES: usize;

    /// An empty ring at this offset of the shared memory. At these physical addresses are the packet memory and the zeroes.
    fn new(at: usize, packets: u64, zeroes: u64) -> Self;
    /// Whether a frame whose pieces are fit to be sent, and which can be cut if it is to be, asks only for what the controller does.
    ///
    /// # Errors
    ///
    /// It asks for more.
    fn check<M: Bytes>(packets: &Buffers<M>, frame: &[Packet]) -> Result<(), Bad>;
    /// The first place that the controller does not have.
    fn tail(&self) -> usize;
    /// Puts a frame into the ring, whose buffers are held from now on; `false` if there is no room, or it cannot be sent.
    /// A frame that was put there may have other headers from then on.
    fn push<M: Bytes>(
        &mut self,
        area: &mut impl Window,
        packets: &Buffers<M>,
        frame: &[Packet],
    ) -> bool;
    /// Takes back the buffers that the controller has done with.
    fn reclaim(&mut self, area: &impl Window, spent: &mut Indices);
    /// Takes back all buffers, after the controller was reset.
    fn reset(&mut self, area: &mut impl Window, spent: &mut Indices);
}

/// A controller with both its rings.
pub struct Controller<R: Registers> {
    registers: R,
    address: [u8; 6],
    receiver: Receiver<R::Descriptors>,
    sender: R::Sender,
    /// Memory of the rings.
    area: Mapping,
    /// Physical address of that memory.
    area_base: u64,
}

/// The registers behind a base address register of a device, which is enabled from here on.
///
/// # Errors
///
/// The bus refuses, or there is no room in the server's region.
pub fn registers<S: Server>(
    cx: &mut Cx<'_, New<S>>,
    device: &Req<dyn PciDevice>,
    bar: u32,
    address_space: &Req<dyn AddressSpace>,
) -> Result<Mapping, StartError> {
    device.enable(cx)?;
    let registers = device.memory(cx, bar)?;
    Ok(map_space(cx, address_space, registers)?)
}

impl<R: Registers> Controller<R> {
    const ENTRIES: usize = R::Descriptors::ENTRIES;
    /// Where in the shared memory the ring of frames that are sent lies, and its zeroes.
    const SEND_AT: usize = Self::ENTRIES * DESCRIPTOR_BYTES;
    const ZEROES_AT: usize = 2 * Self::SEND_AT;
    const AREA_BYTES: usize = (Self::ZEROES_AT + R::Sender::ZEROES).next_multiple_of(4096);
    /// Most buffers that the driver holds: those of both rings, and what is about to be renewed.
    const MOST_BUFFERS: u32 = 4 * Self::ENTRIES as u32;

    /// Resets the controller behind these registers, starts it, and makes a port of it.
    ///
    /// # Errors
    ///
    /// The controller cannot be used, or there is no memory.
    pub fn port<S: Server>(
        cx: &mut Cx<'_, New<S>>,
        mut registers: R,
        device: &Req<dyn PciDevice>,
        packets: &Req<dyn PacketMemory>,
        shared: &Req<dyn Memory>,
        address_space: &Req<dyn AddressSpace>,
    ) -> Result<Port<Self>, StartError> {
        // The controller is quiet from here on.
        registers.reset()?;
        let address = registers.address()?;
        let line = device.interrupt(cx)?.keep()?;
        let packets = memory(cx, device, packets, address_space, Self::MOST_BUFFERS)?;
        let area = shared.contiguous(cx, Self::AREA_BYTES as u64)?;
        let area_base = area.physical(cx)?;
        let area = map_space(cx, address_space, area)?;
        let receiver = Receiver::new(0, packets.base);
        let zeroes = area_base + Self::ZEROES_AT as u64;
        let sender = R::Sender::new(Self::SEND_AT, packets.base, zeroes);
        let mut device = Controller { registers, address, receiver, sender, area, area_base };
        device.run();
        Port::new(cx, device, packets, vec![line])
    }

    /// Starts the controller, which was reset, with its rings.
    fn run(&mut self) {
        self.registers.start(self.area_base, self.area_base + Self::SEND_AT as u64);
    }
}

impl<R: Registers> Device for Controller<R> {
    fn description(&self) -> LinkDescription {
        LinkDescription {
            address: self.address,
            up: self.registers.is_up().into(),
            mtu: MTU,
            offloads: self.registers.offloads(),
            pairs: 1,
        }
    }

    fn entries(&self) -> usize {
        R::Descriptors::MOST
    }

    fn filled(&self, _: usize) -> usize {
        self.receiver.filled()
    }

    fn refill(&mut self, _: usize, fresh: &mut Indices) {
        if self.receiver.refill(&mut self.area, fresh) {
            self.registers.show_buffers(self.receiver.tail());
        }
    }

    fn harvest(
        &mut self,
        _: usize,
        _packets: &Buffers,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Result<Batch, Broken> {
        Ok(self.receiver.harvest(&self.area, spent, counts))
    }

    fn check(&self, packets: &Buffers, frame: &[Packet]) -> Result<(), Bad> {
        check::<R::Sender, _>(packets, frame, self.registers.offloads())
    }

    fn push(&mut self, _: usize, packets: &Buffers, frame: &[Packet]) -> bool {
        self.sender.push(&mut self.area, packets, frame)
    }

    fn publish(&mut self, _: usize) {
        self.registers.show_frames(self.sender.tail());
    }

    fn want_room(&mut self, _: usize, want: bool) {
        self.registers.want_room(want);
    }

    fn reclaim(&mut self, _: usize, spent: &mut Indices) -> Result<(), Broken> {
        self.sender.reclaim(&self.area, spent);
        Ok(())
    }

    fn acknowledge(&mut self) {
        self.registers.acknowledge();
    }

    fn stop(&mut self, fresh: &mut Indices, spent: &mut Indices) -> Result<(), Broken> {
        self.registers.reset().map_err(|_| Broken)?;
        self.receiver.reset(&mut self.area, fresh);
        self.sender.reset(&mut self.area, spent);
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

/// Whether a frame can be sent by a controller that does this by itself: [`Device::check`].
///
/// # Errors
///
/// Its pieces are empty, too many, or not in buffers, or it is too long, or it asks for what the controller does not do.
pub fn check<S: Sender, M: Bytes>(
    packets: &Buffers<M>,
    frame: &[Packet],
    offloads: u32,
) -> Result<(), Bad> {
    packets.check(frame)?;
    let (first, others) = frame.split_first().ok_or(Bad)?;
    let is_unfit = |piece: &Packet| piece.bytes == 0 || piece.segment_bytes != 0;
    if first.bytes == 0 || frame.len() > PIECES || others.iter().any(is_unfit) {
        return Err(Bad);
    }
    match first.segment_bytes {
        // What a controller does with longer ones nobody knows.
        0 if length(frame) > ETHERNET_BYTES + MTU as usize => return Err(Bad),
        0 => (),
        _ if offloads & OFFLOAD_SEGMENT_IPV4 == 0 => return Err(Bad),
        _ => drop(Cut::of(packets, frame, MTU as usize)?),
    }
    S::check(packets, frame)
}
