//! The ring: requests to the device and its answers (virtio 1.2, section 5.2.6).
//!
//! # Shape
//!
//! A fixed number of *slots*, one for each request in flight. A slot owns a header, a status byte and a buffer, all at places that never change;
//! the queue has descriptors for all slots. So there is nothing to allocate.
//!
//! # Who writes what
//!
//! Everything lies in memory that the device can write at any time. So this side never reads back what it wrote. Of the queue it believes
//! what [`Queue`] has checked; beside that it reads a slot's status, once. A device that answers nonsense is [`Broken`]; whoever drives
//! the ring then resets the device and calls [`Ring::reset`].
//!
//! # Why the length of an answer matters
//!
//! Buffers are used again. A device that reports a successful read but has written less than was
//! asked for would hand one caller the data of another, so such an answer is a failure.

use warren_virtio::{
    QueuePlace,
    queue::{Broken, Piece, Queue},
};
use warren_window::Window;

/// Requests in flight at the same time.
pub const SLOTS: usize = 8;
/// Bytes that one request can move.
pub const DATA_BYTES: usize = 64 * 1024;
/// Entries of the queue: a power of two that holds the descriptors of all slots.
pub const QUEUE_ENTRIES: u16 = 32;

/// Offset of the queue.
const QUEUE: usize = 0;
/// Offset of the headers: type u32, reserved u32, sector u64, status u8.
const HEADERS: usize = Queue::bytes(QUEUE_ENTRIES).next_multiple_of(64);
/// Bytes of a header, up to the status.
const HEADER_BYTES: u32 = 16;
const HEADER_STRIDE: usize = 32;
const STATUS: usize = HEADER_BYTES as usize;
/// Offset of the buffers.
const DATA: usize = 4096;

/// Bytes of shared memory that the ring needs.
pub const AREA_BYTES: usize = DATA + SLOTS * DATA_BYTES;

/// The header, the buffer, the status.
const DESCRIPTORS_PER_SLOT: usize = 3;

const STATUS_OK: u8 = 0;
/// What the status is before the device has written it.
const STATUS_NONE: u8 = 0xff;

const _: () = assert!(SLOTS * DESCRIPTORS_PER_SLOT <= QUEUE_ENTRIES as usize);
const _: () = assert!(HEADERS + SLOTS * HEADER_STRIDE <= DATA);

/// What a request does. Lengths are in bytes, at most [`DATA_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The device fills the slot's buffer.
    Read {
        /// First sector of 512 bytes.
        sector: u64,
        /// Bytes to read.
        bytes: u32,
    },
    /// The device stores the slot's buffer.
    Write {
        /// First sector of 512 bytes.
        sector: u64,
        /// Bytes to write.
        bytes: u32,
    },
    /// The device empties its cache.
    Flush,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// The device refused it, or answered less than was asked, or was reset meanwhile.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    InFlight(Request),
    /// In flight, and nobody waits for its end.
    Abandoned(Request),
    Ended(Outcome),
}

impl Slot {
    /// The request that the device has not answered.
    fn request(&self) -> Option<Request> {
        match self {
            Slot::InFlight(request) | Slot::Abandoned(request) => Some(*request),
            Slot::Free | Slot::Ended(_) => None,
        }
    }

    /// The device will not touch the slot any more.
    fn end(&mut self, outcome: Outcome) {
        *self = match *self {
            Slot::InFlight(_) => Slot::Ended(outcome),
            Slot::Abandoned(_) => Slot::Free,
            other => other,
        };
    }
}

/// This side's knowledge of the ring.
#[derive(Debug)]
pub struct Ring {
    queue: Queue,
    slots: [Slot; SLOTS],
    /// The slot of the request whose chain starts at each descriptor.
    owners: [usize; QUEUE_ENTRIES as usize],
}

impl Ring {
    /// A ring without requests; the memory is zeroed.
    pub fn new() -> Self {
        let queue = Queue::new(QUEUE_ENTRIES, QUEUE);
        Ring { queue, slots: [Slot::Free; SLOTS], owners: [0; QUEUE_ENTRIES as usize] }
    }

    /// After the device was reset: what was in flight has failed, and counting starts again.
    pub fn reset(&mut self, memory: &mut impl Window) {
        self.slots.iter_mut().for_each(|slot| slot.end(Outcome::Failed));
        self.queue.reset(memory);
    }

    /// A slot that a request can use.
    pub fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(|slot| *slot == Slot::Free)
    }

    /// How many answers the device owes.
    pub fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Where the queue lies if the memory is at the physical address `base`.
    pub fn place(&self, base: u64) -> QueuePlace {
        self.queue.place(base)
    }

    /// Offset of the buffer of a slot.
    pub fn buffer(slot: usize) -> usize {
        DATA + slot * DATA_BYTES
    }

    /// Makes a request available to the device; whether it wants its doorbell rung for that. `base` is the physical address of
    /// the memory, and `slot` is one that [`Ring::free_slot`] has just given; data to write is in its buffer.
    pub fn submit(
        &mut self,
        memory: &mut impl Window,
        base: u64,
        slot: usize,
        request: Request,
    ) -> bool {
        let (kind, sector, bytes, device_writes) = match request {
            Request::Read { sector, bytes } => (0, sector, bytes, true),
            Request::Write { sector, bytes } => (1, sector, bytes, false),
            Request::Flush => (4, 0, 0, false),
        };
        let header = HEADERS + slot * HEADER_STRIDE;
        memory.write32(header, kind);
        memory.write32(header + 4, 0);
        memory.write64(header + 8, sector);
        memory.write8(header + STATUS, STATUS_NONE);

        let piece = |offset: usize, bytes, device_writes| Piece {
            address: base + offset as u64,
            bytes,
            device_writes,
        };
        let (before, after) = (piece(header, HEADER_BYTES, false), piece(header + STATUS, 1, true));
        let head = match bytes {
            0 => self.queue.push(memory, [before, after].into_iter()),
            _ => {
                let data = piece(Self::buffer(slot), bytes, device_writes);
                self.queue.push(memory, [before, data, after].into_iter())
            }
        };
        let head = head.expect("there are descriptors for all slots");
        self.owners[usize::from(head)] = slot;
        self.slots[slot] = Slot::InFlight(request);
        self.queue.publish(memory)
    }

    /// Takes all answers that the device has given, for whichever slot.
    pub fn reap(&mut self, memory: &impl Window) -> Result<(), Broken> {
        while let Some(done) = self.queue.pop(memory)? {
            let slot = self.owners[usize::from(done.head)];
            let expected = match self.slots[slot].request().ok_or(Broken)? {
                Request::Read { bytes, .. } => bytes + 1,
                Request::Write { .. } | Request::Flush => 1,
            };
            let status = memory.read8(HEADERS + slot * HEADER_STRIDE + STATUS);
            let done = status == STATUS_OK && done.written == expected;
            self.slots[slot].end(if done { Outcome::Done } else { Outcome::Failed });
        }
        Ok(())
    }

    /// How the request in a slot ended, once; afterwards the slot is free. `None` while it is in flight.
    pub fn take(&mut self, slot: usize) -> Option<Outcome> {
        let Slot::Ended(outcome) = self.slots[slot] else { return None };
        self.slots[slot] = Slot::Free;
        Some(outcome)
    }

    /// Nobody will [`Ring::take`] the end of this request: its slot is free when the device has done with it.
    pub fn abandon(&mut self, slot: usize) {
        let slot = &mut self.slots[slot];
        *slot = slot.request().map_or(Slot::Free, Slot::Abandoned);
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
