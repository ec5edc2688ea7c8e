//! The pairs of queues that are used, and the memory that they share with the device.
//!
//! # How long the queues for frames that arrive are
//!
//! Their buffers are taken out of the packet memory for good. One pair has as many as it can; several together take an [`PART`]th of all, if that is less, because a
//! stack needs buffers for other things, too.

use alloc::vec::Vec;

use warren_idl::LinkDescription;
use warren_packets::Indices;
use warren_virtio::{QueuePlace, Refused, Registers, Transport, queue::Queue};
use warren_window::Window;

use crate::{
    control::{self, Control},
    device::{self, Agreed},
    receive::Receiver,
    transmit::{HEADER_STRIDE, Sender},
};

/// Entries of a queue: as many as QEMU's devices have if nobody says otherwise.
pub const ENTRIES: u16 = 256;
/// The least that is of use where frames take up to 17 buffers.
const LEAST_ENTRIES: u16 = 64;
/// What part of the packet memory several queues for frames that arrive may take.
pub const PART: usize = 8;

/// Where the queues and the headers of a pair lie in its part of the shared memory.
const RECEIVE_AT: usize = 0;
const SEND_AT: usize = Queue::bytes(ENTRIES).next_multiple_of(64);
const HEADERS_AT: usize = (SEND_AT + Queue::bytes(ENTRIES)).next_multiple_of(64);
const PAIR_BYTES: usize = (HEADERS_AT + ENTRIES as usize * HEADER_STRIDE).next_multiple_of(64);

/// The index of the queue for frames that arrive by a pair (virtio 1.2, section 5.1.2).
pub const fn receive_index(pair: u16) -> u16 {
    2 * pair
}

/// The index of the queue for frames that are sent by a pair.
pub const fn send_index(pair: u16) -> u16 {
    2 * pair + 1
}

/// A pair of queues.
#[derive(Debug)]
pub struct Pair {
    /// Frames that arrive.
    pub receiver: Receiver,
    /// Frames that are sent.
    pub sender: Sender,
}

/// All queues.
#[derive(Debug)]
pub struct Queues {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// If they are several, what tells the device so.
    control: Option<Control>,
    receive_entries: u16,
    /// Physical address of the memory.
    area: u64,
}

impl Queues {
    /// So many empty pairs in the memory at the physical address `area`; the packet memory is at `packets`, and has so many buffers.
    pub fn new(pairs: usize, area: u64, packets: u64, buffers: usize) -> Self {
        let receive_entries = receive_entries(pairs, buffers);
        let pair = |at: usize| Pair {
            receiver: Receiver::new(Queue::new(receive_entries, at + RECEIVE_AT), packets),
            sender: Sender::new(Queue::new(ENTRIES, at + SEND_AT), at + HEADERS_AT, area, packets),
        };
        let control = (pairs > 1).then(|| Control::new(pairs * PAIR_BYTES, area));
        let pairs = (0..pairs).map(|number| pair(number * PAIR_BYTES)).collect();
        Queues { pairs, control, receive_entries, area }
    }

    /// Bytes of memory that so many pairs take.
    pub const fn bytes(pairs: usize) -> usize {
        let control = if pairs > 1 { control::BYTES } else { 0 };
        (pairs * PAIR_BYTES + control).next_multiple_of(4096)
    }

    /// How many buffers each pair can have for frames that arrive.
    pub fn receive_entries(&self) -> usize {
        self.receive_entries.into()
    }

    /// Each queue with its index.
    fn places(&self, agreed: Agreed) -> impl Iterator<Item = (u16, QueuePlace)> {
        let pairs = (0..).zip(&self.pairs).flat_map(|(pair, Pair { receiver, sender })| {
            let receiver = (receive_index(pair), receiver.queue().place(self.area));
            [receiver, (send_index(pair), sender.queue().place(self.area))]
        });
        let control = self.control.as_ref().map(|control| (agreed.control(), control.place()));
        pairs.chain(control)
    }

    /// Starts a device that has agreed, with all pairs, which are empty.
    ///
    /// # Errors
    ///
    /// It does not go along with them.
    pub fn start<R: Registers + ?Sized>(
        &mut self,
        transport: &mut Transport<R>,
        area: &mut impl Window,
        agreed: Agreed,
    ) -> Result<LinkDescription, Refused> {
        let pairs = self.pairs.len() as u16;
        if pairs > agreed.pairs {
            return Err(Refused::Queue);
        }
        self.pairs.iter().for_each(|pair| pair.sender.queue().want_interrupts(area, false));
        transport.run(self.places(agreed))?;
        if let Some(control) = &mut self.control {
            control.use_pairs(transport, area, agreed.control(), pairs)?;
        }
        Ok(LinkDescription { pairs: pairs.into(), ..agreed.description })
    }

    /// Takes back all buffers, after the device was reset: those for frames that arrive are `fresh`, those of frames that are sent are `spent`.
    pub fn reset(&mut self, area: &mut impl Window, fresh: &mut Indices, spent: &mut Indices) {
        for Pair { receiver, sender } in &mut self.pairs {
            receiver.reset(area, fresh);
            sender.reset(area, spent);
        }
        self.control.iter_mut().for_each(|control| control.reset(area));
    }
}

/// Entries of each of so many queues for frames that arrive, where there are so many buffers.
fn receive_entries(pairs: usize, buffers: usize) -> u16 {
    let part = u16::try_from(buffers / PART / pairs).unwrap_or(ENTRIES);
    match pairs {
        1 => ENTRIES,
        _ => 1 << part.clamp(LEAST_ENTRIES, ENTRIES).ilog2(),
    }
}

/// Starts a device that has agreed, for the first time: with so many pairs, which `make` makes; or with one, anew, if it does not go along with several.
///
/// # Errors
///
/// It cannot be started.
pub fn start<R: Registers + ?Sized>(
    transport: &mut Transport<R>,
    area: &mut impl Window,
    agreed: Agreed,
    pairs: usize,
    make: impl Fn(usize) -> Queues,
) -> Result<(Queues, LinkDescription), Refused> {
    let mut queues = make(pairs);
    let started = queues.start(transport, area, agreed);
    if pairs == 1 || started.is_ok() {
        return Ok((queues, started?));
    }
    transport.reset()?;
    let (mut queues, agreed) = (make(1), device::agree(transport)?);
    let description = queues.start(transport, area, agreed)?;
    Ok((queues, description))
}

#[cfg(test)]
mod tests;
