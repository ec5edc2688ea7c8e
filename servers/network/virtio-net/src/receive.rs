//! Frames from the device: buffers that it fills.
//!
//! A frame longer than a buffer fills several, which come out of the queue one behind the other; the first one's header says how many.
//! What the device says is checked: it cannot name a buffer that it does not have, nor bytes beyond one.

use alloc::{boxed::Box, vec};

use warren_idl::{BUFFER_BYTES, LinkCounts, PIECES, Packet};
use warren_packets::{Batch, Buffers, Bytes, Indices};
use warren_virtio::queue::{Broken, Done, Piece, Queue};
use warren_window::Window;

use crate::header::{self, HEADER_BYTES};

/// Shortest frame: a header of Ethernet.
const LEAST_FRAME: usize = 14;

/// The queue with the buffers that the device may fill.
#[derive(Debug)]
pub struct Receiver {
    queue: Queue,
    /// The buffer behind each descriptor.
    buffers: Box<[u32]>,
    /// Physical address of the packet memory.
    base: u64,
}

impl Receiver {
    /// Over an empty queue of so many entries; the packet memory is at the physical address `base`.
    pub fn new(queue: Queue, base: u64) -> Self {
        let buffers = vec![0; queue.room()].into();
        Receiver { queue, buffers, base }
    }

    /// The queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// How many buffers the device has.
    pub fn filled(&self) -> usize {
        self.buffers.len() - self.queue.room()
    }

    /// Gives the device buffers out of `fresh`, as many as it has room for. Whether it wants to be told.
    pub fn refill(&mut self, area: &mut impl Window, fresh: &mut Indices) -> bool {
        let mut any = false;
        while self.queue.room() > 0 {
            let Some(buffer) = fresh.pop() else { break };
            let address = self.base + u64::from(buffer) * BUFFER_BYTES as u64;
            let piece = Piece { address, bytes: BUFFER_BYTES as u32, device_writes: true };
            let Some(head) = self.queue.push(area, [piece].into_iter()) else { break };
            self.buffers[usize::from(head)] = buffer;
            any = true;
        }
        any && self.queue.publish(area)
    }

    /// Takes frames that have arrived, as many as a batch has room for. Their buffers are added to `spent`.
    pub fn harvest<M: Bytes>(
        &mut self,
        area: &impl Window,
        memory: &Buffers<M>,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Result<Batch, Broken> {
        let mut frames = Batch::new();
        while frames.room() >= PIECES {
            let Some(first) = self.queue.pop(area)? else { break };
            let first = self.first(first, memory, spent)?;
            let is_whole = usize::from(first.bytes) >= LEAST_FRAME;
            if first.more > 0 {
                frames.reserve(1 + usize::from(first.more)).map_err(|_| Broken)?;
            }
            let mut bytes = u64::from(first.bytes);
            let mut keep = |piece| if is_whole { frames.push(piece) } else { Ok(()) };
            keep(first).map_err(|_| Broken)?;
            for more in (0..first.more).rev() {
                // The device shows all of a frame at once.
                let next = self.queue.pop(area)?.ok_or(Broken)?;
                let buffer = self.buffers[usize::from(next.head)];
                spent.push(buffer);
                bytes += u64::from(next.written as u16);
                let piece =
                    Packet { buffer, bytes: next.written as u16, more, ..Packet::default() };
                keep(piece).map_err(|_| Broken)?;
            }
            match is_whole {
                true => {
                    counts.received += 1;
                    counts.received_bytes += bytes;
                }
                false => counts.received_dropped += 1,
            }
        }
        Ok(frames)
    }

    /// The first piece of a frame.
    fn first<M: Bytes>(
        &self,
        done: Done,
        memory: &Buffers<M>,
        spent: &mut Indices,
    ) -> Result<Packet, Broken> {
        let buffer = self.buffers[usize::from(done.head)];
        spent.push(buffer);
        let mut header = [0; HEADER_BYTES];
        memory.read_buffer(buffer, 0, &mut header).map_err(|_| Broken)?;
        let arrived = header::arrived(header);
        let buffers = usize::from(arrived.buffers);
        if !(1..=PIECES).contains(&buffers) {
            return Err(Broken);
        }
        let bytes = done.written.checked_sub(HEADER_BYTES as u32).ok_or(Broken)? as u16;
        Ok(Packet {
            buffer,
            offset: HEADER_BYTES as u16,
            bytes,
            more: arrived.buffers - 1,
            flags: arrived.flags,
            ..Packet::default()
        })
    }

    /// Takes back all buffers, after the device was reset.
    pub fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        for head in self.queue.heads() {
            spent.push(self.buffers[usize::from(head)]);
        }
        self.queue.reset(area);
    }
}
