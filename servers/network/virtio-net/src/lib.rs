//! A virtio network device, on the PCI bus or on none.
//!
//! # Shape
//!
//! The library `virtio` finds and starts the device and has its queues. [`device`] is what is agreed on with it, [`header`] what stands in front
//! of each frame, [`receive`] and [`transmit`] are the two directions; all are pure and tested on the host against devices
//! that follow the rules and devices that do not. [`VirtioNet`] is the server around them.
//!
//! # Whose thread
//!
//! Frames that arrive are delivered on the thread of whoever called [`Link::serve`], up to a batch at a time; between batches it waits for the
//! interrupt line. Frames are sent on the thread of whoever calls [`Link::send`]. This server has no thread of its own.
//!
//! # Whose buffers
//!
//! The device writes into, and reads from, the stack's packet memory; nothing is copied here. The driver's share holds what the device has.
//! Buffers are taken and given back many at a time: [`RENEWED`].
//!
//! # A device that breaks the rules
//!
//! is reset and started again; what was in flight is lost, as frames may be. A device that cannot be started again serves nobody any more.
//!
//! # State, and what a restart loses
//!
//! Frames in flight. Buffers that the device may still write stay out of use until the new instance has reset it.
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

use warren::{
    Closing, Cx, Kept, Mapping, New, Ref, Req, Required, Server, StartError, SystemError, server,
};
use warren_idl::{
    AddressSpace, BUFFER_BYTES, InterruptError, InterruptLine, Link, LinkCounts, LinkDescription,
    LinkError, Memory, PIECES, Packet, PacketError, PacketMemory, PciDevice, Share, Sink,
    SinkError, map_space,
};
use warren_packets::{Bad, Batch, Buffers, Indices, batch::length};
use warren_virtio::{
    Refused, Registers, Transport,
    queue::{Broken, Queue},
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
const MOST_BUFFERS: u32 = 3 * ENTRIES as u32;
/// Buffers that are given back, and taken, at a time.
const RENEWED: usize = 64;

/// The register of the configuration space that says where the device's registers are: no other device has them there.
const FIRST_ADDRESS: u16 = 0x10;

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
    transport: Transport<dyn Registers>,
    description: LinkDescription,
    receiver: Receiver,
    sender: Sender,
    /// Memory of the queues and of the headers.
    area: Mapping,
    /// Physical address of that memory.
    area_base: u64,
    packets: Buffers,
    share: Kept<dyn Share>,
    line: Kept<dyn InterruptLine>,
    /// Interrupts that were taken back.
    seen: u64,
    /// Buffers that the device can have.
    fresh: Indices,
    /// Buffers that the device and the sink have done with.
    spent: Indices,
    /// Buffers whose frames are being delivered.
    delivering: Indices,
    counts: LinkCounts,
    /// Whoever is served now; those before leave when they find that it is not them.
    session: u64,
    /// The device could not be started again.
    dead: bool,
}

impl Server for VirtioNet {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let mut registers =
            warren_virtio::registers(cx, &needs.device, &needs.address_space, CONFIG_BYTES)?;
        let line = warren_virtio::line(cx, &needs.device, registers.as_mut())?.keep()?;
        let refused = |refused: Refused| StartError::new(refused.message());
        let mut transport = Transport::new(registers).map_err(refused)?;
        // The device is quiet from here on.
        let identity = needs.device.identity(cx)?;
        let registers_at = needs.device.read(cx, FIRST_ADDRESS)?;
        let name = u64::from(identity.address) << 32 | u64::from(registers_at);
        let share = needs.packets.device_share(cx, name, MOST_BUFFERS)?.keep()?;
        let base = needs.packets.space(cx)?.physical(cx)?;
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let area = needs.memory.contiguous(cx, AREA_BYTES as u64)?;
        let area_base = area.physical(cx)?;
        let area = map_space(cx, &needs.address_space, area)?;

        let receiver = Receiver::new(Queue::new(ENTRIES, RECEIVE_AT), base);
        let sender = Sender::new(Queue::new(ENTRIES, SEND_AT), HEADERS_AT, area_base, base);
        let description = start(&mut transport, &receiver, &sender, area_base).map_err(refused)?;
        let mut driver = VirtioNet {
            transport,
            description,
            receiver,
            sender,
            area,
            area_base,
            packets,
            share,
            line,
            seen: 0,
            fresh: Indices::new(),
            spent: Indices::new(),
            delivering: Indices::new(),
            counts: LinkCounts::default(),
            session: 0,
            dead: false,
        };
        driver.sender.queue().want_interrupts(&mut driver.area, false);
        driver.fill(cx)?;
        Ok(driver)
    }

    /// The device must not write into memory that is somebody else's by then.
    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        if cx.transport.reset().is_ok() {
            let mut all = Indices::new();
            let VirtioNet { receiver, sender, area, .. } = &mut **cx;
            receiver.reset(area, &mut all);
            sender.reset(area, &mut all);
            all.append(&mut core::mem::take(&mut cx.fresh));
            all.append(&mut core::mem::take(&mut cx.spent));
            if let Ok(share) = cx.share.get(cx) {
                // A packet memory that is gone needs nothing back.
                share.give(cx, all.as_bytes()).ok();
            }
        }
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
    transport.run(&[receiver.queue().place(area), sender.queue().place(area)])?;
    Ok(description)
}

impl Link for VirtioNet {
    fn description(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, LinkError> {
        Ok(cx.description)
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, LinkError> {
        Ok(cx.counts)
    }

    fn send(cx: &mut Cx<'_, Self>, frames: &[u8]) -> Result<u64, LinkError> {
        let frames = Batch::read(frames).map_err(|Bad| LinkError::BadRecord)?;
        for frame in frames.packets() {
            header_of(&cx.packets, frame, cx.description.offloads)
                .map_err(|Bad| LinkError::BadRecord)?;
        }
        let share = cx.share.get(cx)?;
        share.hold(cx, Indices::of(frames.records()).as_bytes())?;
        let sent = cx.transmit(&frames);
        // What found no room is not held.
        let left: usize = frames.packets().take(sent).map(<[Packet]>::len).sum();
        let left = Indices::of(&frames.records()[left..]);
        if !left.is_empty() {
            share.give(cx, left.as_bytes())?;
        }
        Self::give_back(cx, share)?;
        match cx.dead {
            true => Err(LinkError::Broken),
            false => Ok(sent as u64),
        }
    }

    fn serve<'f>(cx: &mut Cx<'f, Self>, sink: Ref<'f, dyn Sink>) -> Result<(), LinkError> {
        cx.session += 1;
        let session = cx.session;
        let (line, share) = (cx.line.get(cx)?, cx.share.get(cx)?);
        // What another one was being shown when it ended.
        let mut shown = core::mem::take(&mut cx.delivering);
        cx.spent.append(&mut shown);
        loop {
            Self::refill(cx, share)?;
            if cx.session != session {
                return Err(LinkError::Superseded);
            }
            let frames = cx.receive();
            if cx.dead {
                return Err(LinkError::Broken);
            }
            if frames.is_empty() {
                Self::next_interrupt(cx, line)?;
                continue;
            }
            match sink.deliver(cx, frames.as_bytes()) {
                Ok(()) => (),
                Err(SinkError::System(error)) if is_gone(error) => return Err(error.into()),
                // Frames may be lost.
                Err(_) => cx.counts.received_dropped += 1,
            }
            let mut shown = core::mem::take(&mut cx.delivering);
            cx.spent.append(&mut shown);
        }
    }
}

/// Whether an error of a sink means that it will not come back, or that this thread is at its end.
fn is_gone(error: SystemError) -> bool {
    matches!(
        error,
        SystemError::Lost
            | SystemError::Gone
            | SystemError::Revoked
            | SystemError::Killed
            | SystemError::Deadline
    )
}

impl VirtioNet {
    /// Gives the device its first buffers. A thread that waits for the interrupt line in the instance before this one wakes by the first frame that
    /// arrives, and so comes here.
    fn fill(&mut self, cx: &mut Cx<'_, New<Self>>) -> Result<(), StartError> {
        let mut first = Indices::zeroed(ENTRIES.into());
        let taken = self.share.get(cx)?.take(cx, first.as_mut_bytes())?;
        first.truncate(taken as usize);
        let VirtioNet { receiver, area, fresh, .. } = self;
        *fresh = first;
        if receiver.refill(area, fresh) {
            self.transport.ring_doorbell(RECEIVE);
        }
        Ok(())
    }

    /// Gives frames whose buffers are held to the device; returns how many it has taken.
    fn transmit(&mut self, frames: &Batch) -> usize {
        let VirtioNet { sender, area, packets, spent, description, counts, .. } = self;
        let mut sent = 0;
        let broken = !self.dead && sender.reclaim(area, spent).is_err();
        for frame in frames.packets().take_while(|_| !broken && !self.dead) {
            // It was looked at before, and can have become bad only because somebody has written to the memory.
            let header = header_of(packets, frame, description.offloads);
            if !header.is_ok_and(|header| sender.push(area, header, frame)) {
                break;
            }
            counts.sent += 1;
            counts.sent_bytes += length(frame) as u64;
            sent += 1;
        }
        counts.sent_dropped += (frames.packets().count() - sent) as u64;
        if sent > 0 && sender.queue().publish(area) {
            self.transport.ring_doorbell(SEND);
        }
        if broken {
            self.restart();
        }
        sent
    }

    /// Frames that have arrived.
    fn receive(&mut self) -> Batch {
        let VirtioNet { receiver, area, packets, delivering, counts, .. } = self;
        match receiver.harvest(area, packets, delivering, counts) {
            Ok(frames) => frames,
            Err(Broken) => {
                self.restart();
                Batch::new()
            }
        }
    }

    /// Gives the device buffers, once many of them are missing.
    fn refill(cx: &mut Cx<'_, Self>, share: Ref<'_, dyn Share>) -> Result<(), LinkError> {
        let missing = usize::from(ENTRIES) - cx.receiver.filled();
        if missing < RENEWED {
            return Ok(());
        }
        Self::give_back(cx, share)?;
        if cx.fresh.len() < missing {
            let mut more = Indices::zeroed(missing - cx.fresh.len());
            match share.take(cx, more.as_mut_bytes()) {
                Ok(count) => more.truncate(count as usize),
                // The device goes on with what it has, until there is memory again.
                Err(PacketError::Exhausted | PacketError::Limit) if cx.receiver.filled() > 0 => {
                    more.clear();
                }
                Err(error) => return Err(error.into()),
            }
            // Whoever answers names buffers; one that is none would be written by the device.
            let buffers = cx.packets.count() as u32;
            if more.as_slice().iter().any(|index| *index >= buffers) {
                return Err(SystemError::BadAnswer.into());
            }
            cx.fresh.append(&mut more);
        }
        let VirtioNet { receiver, area, fresh, .. } = &mut **cx;
        if receiver.refill(area, fresh) {
            cx.transport.ring_doorbell(RECEIVE);
        }
        Ok(())
    }

    /// Gives back what nobody here needs any more, once it is much.
    fn give_back(cx: &mut Cx<'_, Self>, share: Ref<'_, dyn Share>) -> Result<(), LinkError> {
        if cx.spent.len() >= RENEWED {
            let spent = core::mem::take(&mut cx.spent);
            share.give(cx, spent.as_bytes())?;
        }
        Ok(())
    }

    /// Waits for an interrupt that nobody has taken back, or until somebody else has.
    fn next_interrupt(
        cx: &mut Cx<'_, Self>,
        line: Ref<'_, dyn InterruptLine>,
    ) -> Result<(), LinkError> {
        let seen = cx.seen;
        let count = line.wait(cx, seen).map_err(|error| match error {
            InterruptError::System(error) => error.into(),
            _ => LinkError::Broken,
        })?;
        if count > cx.seen {
            cx.seen = count;
            cx.transport.acknowledge();
        }
        Ok(())
    }

    /// Starts the device anew; what is in flight is lost.
    fn restart(&mut self) {
        self.counts.resets += 1;
        let stopped = self.transport.reset();
        if stopped.is_ok() {
            self.receiver.reset(&mut self.area, &mut self.fresh);
            self.sender.reset(&mut self.area, &mut self.spent);
            self.sender.queue().want_interrupts(&mut self.area, false);
        }
        let VirtioNet { transport, receiver, sender, area_base, .. } = self;
        let started = stopped.and_then(|()| start(transport, receiver, sender, *area_base));
        // A device that comes back as another one is not the one that callers know.
        self.dead = started != Ok(self.description);
        let VirtioNet { receiver, area, fresh, .. } = self;
        if !self.dead && receiver.refill(area, fresh) {
            self.transport.ring_doorbell(RECEIVE);
        }
    }
}

/// A frame of the longest kind has at most so many pieces.
const _: () = assert!(PIECES * BUFFER_BYTES >= 65_536 + 64);
