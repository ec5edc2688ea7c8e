//! The ring: requests to the device and its answers (virtio 1.2, sections 2.7 and 5.2.6).
//!
//! # Shape
//!
//! A fixed number of *slots*, one for each request in flight. A slot owns three descriptors, a header, a
//! status byte and a buffer, all at places that never change; so there is nothing to allocate,
//! and the device's name for a request, the index of its first descriptor, says which slot it is.
//!
//! # Who writes what
//!
//! Everything lies in memory that the device can write at any time. So this side keeps its own
//! counters and never reads back what it wrote. It reads exactly three things: the used ring's index, its
//! elements, and a slot's status; each is checked against what this side knows to be in flight.
//! A device that answers nonsense is [`Broken`]; whoever drives the ring then resets the device and
//! calls [`Ring::reset`].
//!
//! # Why the length of an answer matters
//!
//! Buffers are used again. A device that reports a successful read but has written less than was
//! asked for would hand one caller the data of another, so such an answer is a failure.

use core::sync::atomic::{Ordering, fence};

use warren_virtio::QueuePlace;
use warren_window::Window;

/// Requests in flight at the same time.
pub const SLOTS: usize = 8;
/// Bytes that one request can move.
pub const DATA_BYTES: usize = 64 * 1024;
/// Entries of the queue: a power of two that holds the descriptors of all slots.
pub const QUEUE_ENTRIES: u16 = 32;

/// Offset of the descriptors: address u64, length u32, flags u16, next u16.
pub const DESCRIPTORS: usize = 0;
/// Offset of the ring of available requests: flags u16, index u16, one u16 for each entry.
pub const AVAILABLE: usize = 512;
/// Offset of the ring of used requests: flags u16, index u16, (id u32, bytes u32) for each entry.
pub const USED: usize = 1024;
/// Offset of the headers: type u32, reserved u32, sector u64, status u8.
const HEADERS: usize = 2048;
const HEADER_STRIDE: usize = 32;
const STATUS: usize = 16;
/// Offset of the buffers.
const DATA: usize = 4096;

/// Bytes of shared memory that the ring needs.
pub const AREA_BYTES: usize = DATA + SLOTS * DATA_BYTES;

const DESCRIPTORS_PER_SLOT: usize = 3;
const FLAG_NEXT: u16 = 1;
const FLAG_DEVICE_WRITES: u16 = 2;

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

/// The device broke the rules of the ring, and must be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

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
    slots: [Slot; SLOTS],
    /// Requests made available so far; the ring's index.
    available: u16,
    /// Answers taken so far.
    used: u16,
}

impl Ring {
    /// A ring without requests; the memory is zeroed.
    pub fn new() -> Self {
        Ring { slots: [Slot::Free; SLOTS], available: 0, used: 0 }
    }

    /// After the device was reset: what was in flight has failed, and counting starts again.
    pub fn reset(&mut self, memory: &mut impl Window) {
        for slot in &mut self.slots {
            slot.end(Outcome::Failed);
        }
        (self.available, self.used) = (0, 0);
        memory.write16(AVAILABLE + 2, 0);
        memory.write16(USED + 2, 0);
    }

    /// A slot that a request can use.
    pub fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(|slot| *slot == Slot::Free)
    }

    /// How many answers the device owes.
    pub fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| slot.request().is_some()).count()
    }

    /// Where the queue lies if the memory is at the physical address `base`.
    pub fn place(base: u64) -> QueuePlace {
        QueuePlace {
            entries: QUEUE_ENTRIES,
            descriptors: base + DESCRIPTORS as u64,
            available: base + AVAILABLE as u64,
            used: base + USED as u64,
        }
    }

    /// Offset of the buffer of a slot.
    pub fn buffer(slot: usize) -> usize {
        DATA + slot * DATA_BYTES
    }

    /// Makes a request available to the device. `base` is the physical address of the memory, and
    /// `slot` is one that [`Ring::free_slot`] has just given; data to write is in its buffer.
    pub fn submit(&mut self, memory: &mut impl Window, base: u64, slot: usize, request: Request) {
        let (kind, sector, data, flags) = match request {
            Request::Read { sector, bytes } => (0, sector, bytes, FLAG_DEVICE_WRITES),
            Request::Write { sector, bytes } => (1, sector, bytes, 0),
            Request::Flush => (4, 0, 0, 0),
        };
        let header = HEADERS + slot * HEADER_STRIDE;
        memory.write32(header, kind);
        memory.write32(header + 4, 0);
        memory.write64(header + 8, sector);
        memory.write8(header + STATUS, STATUS_NONE);

        let first = slot * DESCRIPTORS_PER_SLOT;
        let last = first + 2;
        let after_header = if data == 0 { last } else { first + 1 };
        let address = |offset: usize| base + offset as u64;
        descriptor(memory, first, address(header), 16, FLAG_NEXT, after_header);
        descriptor(memory, first + 1, address(Self::buffer(slot)), data, flags | FLAG_NEXT, last);
        descriptor(memory, last, address(header + STATUS), 1, FLAG_DEVICE_WRITES, 0);

        let place = usize::from(self.available % QUEUE_ENTRIES);
        memory.write16(AVAILABLE + 4 + 2 * place, first as u16);
        self.available = self.available.wrapping_add(1);
        // The device must not see the index before what it counts.
        fence(Ordering::SeqCst);
        memory.write16(AVAILABLE + 2, self.available);
        fence(Ordering::SeqCst);
        self.slots[slot] = Slot::InFlight(request);
    }

    /// Takes all answers that the device has given, for whichever slot.
    pub fn reap(&mut self, memory: &impl Window) -> Result<(), Broken> {
        let index = memory.read16(USED + 2);
        // What the index counts must not be read before it.
        fence(Ordering::SeqCst);
        let answers = index.wrapping_sub(self.used);
        if usize::from(answers) > self.in_flight() {
            return Err(Broken);
        }
        for _ in 0..answers {
            let element = USED + 4 + 8 * usize::from(self.used % QUEUE_ENTRIES);
            self.answer(memory, memory.read32(element), memory.read32(element + 4))?;
            self.used = self.used.wrapping_add(1);
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

    fn answer(&mut self, memory: &impl Window, id: u32, written: u32) -> Result<(), Broken> {
        let id = id as usize;
        let index = id / DESCRIPTORS_PER_SLOT;
        let slot = self.slots.get_mut(index).ok_or(Broken)?;
        let request = slot.request().ok_or(Broken)?;
        if !id.is_multiple_of(DESCRIPTORS_PER_SLOT) {
            return Err(Broken);
        }
        let expected = match request {
            Request::Read { bytes, .. } => bytes + 1,
            Request::Write { .. } | Request::Flush => 1,
        };
        if written > expected {
            return Err(Broken);
        }
        let status = memory.read8(HEADERS + index * HEADER_STRIDE + STATUS);
        let done = status == STATUS_OK && written == expected;
        slot.end(if done { Outcome::Done } else { Outcome::Failed });
        Ok(())
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

fn descriptor(
    memory: &mut impl Window,
    index: usize,
    address: u64,
    bytes: u32,
    flags: u16,
    next: usize,
) {
    let at = DESCRIPTORS + 16 * index;
    memory.write64(at, address);
    memory.write32(at + 8, bytes);
    memory.write16(at + 12, flags);
    memory.write16(at + 14, next as u16);
}

#[cfg(test)]
mod tests;
