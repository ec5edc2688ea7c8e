//! Frames from a controller: a ring of buffers that it fills.
//!
//! A frame fits into one buffer. What the controller says is checked: it cannot name a buffer, nor bytes beyond one.

use core::marker::PhantomData;

use warren_idl::{BATCH, BUFFER_BYTES, CHECKSUM_GOOD, LinkCounts, Packet};
use warren_packets::{Bad, Batch, Indices};
use warren_window::Window;

use crate::ring::{Ring, address};

/// Shortest frame: a header of Ethernet.
const LEAST_FRAME: usize = 14;

/// What stands in the descriptors of buffers for frames.
pub trait Descriptors {
    /// How many the ring has.
    const ENTRIES: usize;
    /// How many of them the controller can have at a time.
    const MOST: usize;
    /// Gives the controller the descriptor at `place`, which is the ring's last one if it `is_end`, with a buffer at this physical address.
    fn give(area: &mut impl Window, place: usize, is_end: bool, buffer: u64);
    /// What the controller says of the frame that it has put behind the descriptor at `place`; `None` as long as it has it.
    /// `Bad` is a frame that is not whole, or has errors.
    fn arrived(area: &impl Window, place: usize) -> Option<Result<Arrived, Bad>>;
}

/// A frame that has arrived, as the controller says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its bytes, without the check sequence. Not believed.
    pub bytes: usize,
    /// Its checksum of TCP or UDP was looked at, and is good.
    pub checksum_good: bool,
}

/// The ring.
#[derive(Debug)]
pub struct Receiver<D> {
    ring: Ring,
    /// Physical address of the packet memory.
    base: u64,
    descriptors: PhantomData<D>,
}

impl<D: Descriptors> Receiver<D> {
    /// An empty ring at this offset of the shared memory; the packet memory is at the physical address `base`.
    pub fn new(at: usize, base: u64) -> Self {
        Receiver { ring: Ring::new(at, D::ENTRIES, D::MOST), base, descriptors: PhantomData }
    }

    /// How many buffers the controller has.
    pub fn filled(&self) -> usize {
        self.ring.filled()
    }

    /// The first place that the controller does not have.
    pub fn tail(&self) -> usize {
        self.ring.behind(0)
    }

    /// Puts buffers out of `fresh` into the ring, as many as there is room for. Whether there were any.
    pub fn refill(&mut self, area: &mut impl Window, fresh: &mut Indices) -> bool {
        let before = self.filled();
        while self.ring.room() > 0 {
            let Some(buffer) = fresh.pop() else { break };
            let next = self.ring.behind(0);
            let address = address(self.base, &Packet { buffer, ..Packet::default() });
            D::give(area, self.ring.place(next), self.ring.is_end(next), address);
            self.ring.push(Some(buffer));
        }
        self.filled() > before
    }

    /// Takes frames that have arrived, as many as a batch has room for. Their buffers are added to `spent`.
    pub fn harvest(
        &mut self,
        area: &impl Window,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Batch {
        let mut frames = Batch::new();
        while frames.room() > 0
            && let Some(place) = self.ring.first()
            && let Some(arrived) = D::arrived(area, place)
            && let Some(buffer) = self.ring.pop()
        {
            spent.push(buffer);
            if frames.is_empty() && frames.reserve(BATCH).is_err() {
                counts.received_dropped += 1;
                break;
            }
            match arrived {
                Ok(Arrived { bytes, checksum_good })
                    if (LEAST_FRAME..=BUFFER_BYTES).contains(&bytes) =>
                {
                    counts.received += 1;
                    counts.received_bytes += bytes as u64;
                    let flags = if checksum_good { CHECKSUM_GOOD } else { 0 };
                    let frame = Packet { buffer, bytes: bytes as u16, flags, ..Packet::default() };
                    // There is room.
                    frames.push(frame).ok();
                }
                _ => counts.received_dropped += 1,
            }
        }
        frames
    }

    /// Takes back all buffers, after the controller was reset.
    pub fn reset(&mut self, area: &mut impl Window, spent: &mut Indices) {
        self.ring.reset(area, spent);
    }
}
