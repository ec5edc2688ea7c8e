//! A virtio disk, on the PCI bus or on none.
//!
//! # Shape
//!
//! The library `virtio` finds and starts the device, [`geometry`] is what it says of itself, [`ring`] passes requests; all are pure
//! and tested on the host against devices that follow the rules and devices that do not. [`VirtioBlk`] is the server around them.
//!
//! # Several requests in flight
//!
//! Whoever asks for blocks puts a request into the ring and then waits for the interrupt line; that
//! call frees the lock, so others put in theirs meanwhile. An interrupt wakes all who wait. The first
//! of them to get the lock takes the interrupt back and takes *all* answers out of the ring; each of
//! the others finds its own already there.
//!
//! The ring is looked at only after an interrupt, never in between. So an answer is taken when all who
//! might wait for it are awake, and nobody sleeps on.
//!
//! # Data is copied
//!
//! The device reads and writes buffers of this server's own. A caller's buffer may lie anywhere, and is the
//! caller's business while the device writes.
//!
//! # A device that breaks the rules
//!
//! is reset. What was in flight fails with [`BlockError::Medium`]; what comes after is served again. A
//! device that cannot be reset serves nobody any more.
//!
//! # State, and what a restart loses
//!
//! Nothing: blocks are written when a request ends.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod geometry;
pub mod ring;

use warren::{Closing, Cx, Kept, Mapping, New, Out, Req, Required, Server, StartError, server};
use warren_idl::{
    AddressSpace, BlockDevice, BlockError, InterruptError, InterruptLine, Memory, PciDevice,
    TimeError, Timer, map_space,
};

use warren_virtio::{Refused, Registers, Transport};

use crate::{
    geometry::{CONFIG_BYTES, FEATURES, Geometry, SECTOR_BYTES},
    ring::{AREA_BYTES, Outcome, Request, Ring},
};

/// The device's only queue.
const QUEUE: u16 = 0;

/// How long a caller sleeps, at least, that waits for others to fetch what their requests have brought.
const MOMENT_NS: u64 = 100_000;

/// What the driver needs.
#[derive(Required)]
pub struct Needs {
    device: Req<dyn PciDevice>,
    timer: Req<dyn Timer>,
    memory: Req<dyn Memory>,
    address_space: Req<dyn AddressSpace>,
}

/// A virtio disk.
#[server(provides(BlockDevice), stack = 16384, summary = "a virtio disk")]
pub struct VirtioBlk {
    transport: Transport<dyn Registers>,
    geometry: Geometry,
    ring: Ring,
    /// Memory of the ring and of its buffers.
    area: Mapping,
    /// Physical address of that memory.
    base: u64,
    line: Kept<dyn InterruptLine>,
    /// Interrupts that were taken back.
    seen: u64,
    /// The device could not be reset.
    dead: bool,
}

impl Server for VirtioBlk {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let registers =
            warren_virtio::registers(cx, &needs.device, &needs.address_space, CONFIG_BYTES)?;
        let area = needs.memory.contiguous(cx, AREA_BYTES as u64)?;
        let base = area.physical(cx)?;
        let area = map_space(cx, &needs.address_space, area)?;
        let refused = |refused: Refused| StartError::new(refused.message());
        let mut transport = Transport::new(registers).map_err(refused)?;
        let line = warren_virtio::line(cx, &needs.device, &mut transport, &[QUEUE])?.keep()?;
        let ring = Ring::new();
        let geometry = start(&mut transport, &ring, base).map_err(refused)?;
        Ok(VirtioBlk { transport, geometry, ring, area, base, line, seen: 0, dead: false })
    }

    /// The device must not write into memory that is somebody else's by then.
    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        // A device that does not answer to this is beyond help.
        cx.transport.reset().ok();
    }
}

impl BlockDevice for VirtioBlk {
    fn block_bytes(cx: &mut Cx<'_, Self>) -> Result<u32, BlockError> {
        Ok(cx.geometry.block_bytes)
    }

    fn blocks(cx: &mut Cx<'_, Self>) -> Result<u64, BlockError> {
        Ok(cx.geometry.blocks)
    }

    fn read(cx: &mut Cx<'_, Self>, first: u64, mut buffer: Out<'_>) -> Result<(), BlockError> {
        let mut sector = cx.geometry.sector(first, buffer.len())?;
        let most = cx.geometry.request_bytes as usize;
        let mut done = 0;
        while done < buffer.len() {
            let bytes = most.min(buffer.len() - done);
            let slot = Self::free_slot(cx)?;
            cx.submit(slot, Request::Read { sector, bytes: bytes as u32 });
            Self::wait(cx, slot, |driver| {
                let mut part = buffer.part(done, bytes).ok_or(BlockError::BadLength)?;
                driver.area.copy_to(Ring::buffer(slot), &mut part);
                Ok(())
            })?;
            done += bytes;
            sector += (bytes / SECTOR_BYTES as usize) as u64;
        }
        Ok(())
    }

    fn write(cx: &mut Cx<'_, Self>, first: u64, buffer: &[u8]) -> Result<(), BlockError> {
        if cx.geometry.read_only {
            return Err(BlockError::ReadOnly);
        }
        let mut sector = cx.geometry.sector(first, buffer.len())?;
        for part in buffer.chunks(cx.geometry.request_bytes as usize) {
            let slot = Self::free_slot(cx)?;
            cx.area.copy_in(Ring::buffer(slot), part);
            cx.submit(slot, Request::Write { sector, bytes: part.len() as u32 });
            Self::wait(cx, slot, |_| Ok(()))?;
            sector += (part.len() / SECTOR_BYTES as usize) as u64;
        }
        Ok(())
    }

    fn flush(cx: &mut Cx<'_, Self>) -> Result<(), BlockError> {
        if !cx.geometry.can_flush {
            return Ok(());
        }
        let slot = Self::free_slot(cx)?;
        cx.submit(slot, Request::Flush);
        Self::wait(cx, slot, |_| Ok(()))
    }
}

impl Geometry {
    /// The sector at which block `first` starts, if `bytes` from there on are blocks of the disk.
    fn sector(&self, first: u64, bytes: usize) -> Result<u64, BlockError> {
        let block_bytes = self.block_bytes as usize;
        if !bytes.is_multiple_of(block_bytes) {
            return Err(BlockError::BadLength);
        }
        let end = first.checked_add((bytes / block_bytes) as u64);
        match end {
            Some(end) if end <= self.blocks => {
                Ok(first * u64::from(self.block_bytes / SECTOR_BYTES))
            }
            _ => Err(BlockError::OutOfRange),
        }
    }
}

impl VirtioBlk {
    /// A slot for a request. It has to be used before the next call.
    fn free_slot(cx: &mut Cx<'_, Self>) -> Result<usize, BlockError> {
        loop {
            if cx.dead {
                return Err(BlockError::Medium);
            }
            if let Some(slot) = cx.ring.free_slot() {
                return Ok(slot);
            }
            if cx.ring.in_flight() > 0 {
                Self::next_interrupt(cx)?;
            } else {
                // All have ended, and their callers are awake: they fetch what is theirs while this one sleeps.
                cx.req().timer.sleep(cx, MOMENT_NS).map_err(|error| match error {
                    TimeError::System(error) => error.into(),
                    _ => BlockError::Medium,
                })?;
            }
        }
    }

    fn submit(&mut self, slot: usize, request: Request) {
        if self.ring.submit(&mut self.area, self.base, slot, request) {
            self.transport.ring_doorbell(QUEUE);
        }
    }

    /// Waits for the end of the request in a slot. If it was done, `finish` fetches what it has brought,
    /// before the slot is used again.
    fn wait(
        cx: &mut Cx<'_, Self>,
        slot: usize,
        finish: impl FnOnce(&mut Self) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        loop {
            match cx.ring.take(slot) {
                Some(Outcome::Done) => return finish(cx),
                Some(Outcome::Failed) => return Err(BlockError::Medium),
                None => (),
            }
            if let Err(error) = Self::next_interrupt(cx) {
                cx.ring.abandon(slot);
                return Err(error);
            }
        }
    }

    /// Waits for an interrupt that nobody has taken back, or until somebody else has.
    fn next_interrupt(cx: &mut Cx<'_, Self>) -> Result<(), BlockError> {
        let seen = cx.seen;
        let count = cx.scope(|cx| -> Result<u64, BlockError> {
            let line = cx.line.get(cx)?;
            line.wait(cx, seen).map_err(|error| match error {
                InterruptError::System(error) => error.into(),
                _ => BlockError::Medium,
            })
        })?;
        if count > cx.seen {
            cx.seen = count;
            cx.take_answers();
        }
        Ok(())
    }

    fn take_answers(&mut self) {
        self.transport.acknowledge();
        if self.ring.reap(&self.area).is_err() {
            self.restart();
        }
    }

    /// Fails what is in flight and starts the device anew.
    fn restart(&mut self) {
        let stopped = self.transport.reset();
        self.ring.reset(&mut self.area);
        let started = stopped.and_then(|()| start(&mut self.transport, &self.ring, self.base));
        // A device that comes back as another one is not the one that callers know.
        self.dead = started != Ok(self.geometry);
    }
}

/// Starts a device that was reset, with an empty ring in the memory at the physical address `base`.
fn start<R: Registers + ?Sized>(
    transport: &mut Transport<R>,
    ring: &Ring,
    base: u64,
) -> Result<Geometry, Refused> {
    let features = transport.negotiate(FEATURES)?;
    let geometry = Geometry::of(transport, features)?;
    transport.run([(0, ring.place(base))])?;
    Ok(geometry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOMETRY: Geometry = Geometry {
        block_bytes: 4096,
        blocks: 100,
        request_bytes: 4096,
        read_only: false,
        can_flush: true,
    };

    #[test]
    fn blocks_start_at_their_sectors() {
        assert_eq!(GEOMETRY.sector(0, 4096), Ok(0));
        assert_eq!(GEOMETRY.sector(99, 4096), Ok(99 * 8));
    }

    #[test]
    fn blocks_beyond_the_disk_are_out_of_range() {
        for (first, bytes) in [(99, 8192), (100, 4096), (u64::MAX, 4096), (u64::MAX / 8, 8192)] {
            assert_eq!(GEOMETRY.sector(first, bytes), Err(BlockError::OutOfRange));
        }
    }

    #[test]
    fn parts_of_blocks_are_refused() {
        assert_eq!(GEOMETRY.sector(0, 512), Err(BlockError::BadLength));
    }
}
