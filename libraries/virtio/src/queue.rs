//! A queue of buffers that a device reads or fills, and gives back in any order (virtio 1.2, section 2.7).
//!
//! # Who writes what
//!
//! The queue lies in memory that the device can write at any time. So this side keeps its own list of what is in flight and never
//! reads back what it wrote. It reads three things: the index of what the device has used, the elements that it counts, and the flag by which the
//! device wants no doorbell. The first two are checked against what is in flight; a device that answers nonsense is [`Broken`], and
//! whoever drives it resets it. The third can only harm the device.

use alloc::{boxed::Box, vec};
use core::sync::atomic::{Ordering, fence};

use warren_window::Window;

use crate::transport::QueuePlace;

const FLAG_NEXT: u16 = 1;
const FLAG_DEVICE_WRITES: u16 = 2;
/// The device wants no doorbell.
const NO_DOORBELL: u16 = 1;
/// This side wants no interrupt.
const NO_INTERRUPT: u16 = 1;

/// Alignment of the part that the device writes.
const USED_ALIGNMENT: usize = 64;

/// No chain starts at this descriptor.
const NONE: u16 = 0;

/// A piece of memory that is passed to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its physical address.
    pub address: u64,
    /// Its length.
    pub bytes: u32,
    /// Whether the device fills it, or reads it.
    pub device_writes: bool,
}

/// The device broke the rules of the queue, and must be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// What the device has done with a chain of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The chain's first descriptor, by which [`Queue::push`] named it.
    pub head: u16,
    /// Bytes that the device says it has written: no more than it could.
    pub written: u32,
}

/// One queue. Its memory is handed to each function; it starts at `offset` there.
#[derive(Debug)]
pub struct Queue {
    entries: u16,
    offset: usize,
    /// Behind each descriptor, the next one of its chain, or of the free ones.
    next: Box<[u16]>,
    /// Descriptors of the chain that starts at each, or [`NONE`].
    chains: Box<[u16]>,
    /// Bytes that the device may write into the chain that starts at each.
    room: Box<[u32]>,
    first_free: u16,
    free: u16,
    available: u16,
    used: u16,
}

impl Queue {
    /// An empty queue of so many entries, a power of two, at this offset in memory, a multiple of 64.
    pub fn new(entries: u16, offset: usize) -> Self {
        let count = usize::from(entries);
        let mut queue = Queue {
            entries,
            offset,
            next: vec![0; count].into(),
            chains: vec![NONE; count].into(),
            room: vec![0; count].into(),
            first_free: 0,
            free: 0,
            available: 0,
            used: 0,
        };
        queue.forget();
        queue
    }

    /// Bytes of memory that a queue takes.
    pub const fn bytes(entries: u16) -> usize {
        let entries = entries as usize;
        Self::used_offset(entries) + 4 + 8 * entries
    }

    const fn available_offset(entries: usize) -> usize {
        16 * entries
    }

    const fn used_offset(entries: usize) -> usize {
        (Self::available_offset(entries) + 4 + 2 * entries).next_multiple_of(USED_ALIGNMENT)
    }

    fn available_at(&self) -> usize {
        self.offset + Self::available_offset(self.entries.into())
    }

    fn used_at(&self) -> usize {
        self.offset + Self::used_offset(self.entries.into())
    }

    /// Where the queue lies if its memory is at the physical address `base`.
    pub fn place(&self, base: u64) -> QueuePlace {
        QueuePlace {
            entries: self.entries,
            descriptors: base + self.offset as u64,
            available: base + self.available_at() as u64,
            used: base + self.used_at() as u64,
        }
    }

    fn forget(&mut self) {
        for (index, next) in (1..).zip(&mut self.next) {
            *next = index;
        }
        self.chains.fill(NONE);
        (self.first_free, self.free) = (0, self.entries);
        (self.available, self.used) = (0, 0);
    }

    /// Forgets what is in flight, after the device was reset.
    pub fn reset(&mut self, memory: &mut impl Window) {
        self.forget();
        memory.write16(self.available_at() + 2, 0);
        memory.write16(self.used_at() + 2, 0);
    }

    /// How many more pieces there is room for.
    pub fn room(&self) -> usize {
        self.free.into()
    }

    /// Chains that the device has not given back.
    pub fn in_flight(&self) -> usize {
        self.chains.iter().filter(|length| **length != NONE).count()
    }

    /// The names of those chains.
    pub fn heads(&self) -> impl Iterator<Item = u16> {
        let chains = (0..).zip(&self.chains);
        chains.filter(|(_, length)| **length != NONE).map(|(head, _)| head)
    }

    /// The descriptor by which the next chain will be named, if there is room.
    pub fn next_head(&self) -> Option<u16> {
        (self.free != 0).then_some(self.first_free)
    }

    /// Says whether the device shall interrupt when it has used something.
    pub fn want_interrupts(&self, memory: &mut impl Window, want: bool) {
        memory.write16(self.available_at(), if want { 0 } else { NO_INTERRUPT });
        fence(Ordering::SeqCst);
    }

    /// Makes a chain of pieces, which are not empty, available to the device; its name, or `None` if there is no room.
    pub fn push(
        &mut self,
        memory: &mut impl Window,
        pieces: impl ExactSizeIterator<Item = Piece>,
    ) -> Option<u16> {
        let length = u16::try_from(pieces.len()).ok().filter(|length| *length != NONE)?;
        if length > self.free {
            return None;
        }
        let (head, mut room) = (self.first_free, 0u32);
        let count = pieces.len();
        for (number, piece) in pieces.enumerate() {
            let last = self.first_free;
            self.first_free = self.next[usize::from(last)];
            let more = if number + 1 < count { FLAG_NEXT } else { 0 };
            let writes = if piece.device_writes { FLAG_DEVICE_WRITES } else { 0 };
            let at = self.offset + 16 * usize::from(last);
            memory.write64(at, piece.address);
            memory.write32(at + 8, piece.bytes);
            memory.write16(at + 12, more | writes);
            memory.write16(at + 14, if more == 0 { 0 } else { self.first_free });
            room = room.saturating_add(if piece.device_writes { piece.bytes } else { 0 });
        }
        self.free -= length;
        self.chains[usize::from(head)] = length;
        self.room[usize::from(head)] = room;
        let place = usize::from(self.available % self.entries);
        memory.write16(self.available_at() + 4 + 2 * place, head);
        self.available = self.available.wrapping_add(1);
        Some(head)
    }

    /// Shows the device what was pushed. Whether it wants its doorbell rung for that.
    pub fn publish(&self, memory: &mut impl Window) -> bool {
        // The device must not see the index before what it counts, nor the flag be read before the index is seen.
        fence(Ordering::SeqCst);
        memory.write16(self.available_at() + 2, self.available);
        fence(Ordering::SeqCst);
        memory.read16(self.used_at()) & NO_DOORBELL == 0
    }

    /// Takes what the device has given back, the oldest first; `None` if there is nothing.
    pub fn pop(&mut self, memory: &impl Window) -> Result<Option<Done>, Broken> {
        let index = memory.read16(self.used_at() + 2);
        if index == self.used {
            return Ok(None);
        }
        if index.wrapping_sub(self.used) > self.entries {
            return Err(Broken);
        }
        // What the index counts must not be read before it.
        fence(Ordering::SeqCst);
        let element = self.used_at() + 4 + 8 * usize::from(self.used % self.entries);
        let (head, written) = (memory.read32(element), memory.read32(element + 4));
        let place = head as usize;
        let length = self.chains.get(place).copied().filter(|length| *length != NONE);
        let length = length.ok_or(Broken)?;
        if written > self.room[place] {
            return Err(Broken);
        }
        self.used = self.used.wrapping_add(1);
        self.chains[place] = NONE;
        let head = head as u16;
        let last = (1..length).fold(head, |at, _| self.next[usize::from(at)]);
        self.next[usize::from(last)] = self.first_free;
        self.first_free = head;
        self.free += length;
        Ok(Some(Done { head, written }))
    }
}

#[cfg(test)]
mod tests;
