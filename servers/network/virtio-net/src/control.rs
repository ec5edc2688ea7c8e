//! The queue for commands (virtio 1.2, section 5.1.6.5), of which there is one here: how many pairs of queues are used.

use warren_virtio::{
    QueuePlace, Refused, Registers, Transport,
    queue::{Piece, Queue},
};
use warren_window::Window;

/// One command at a time: what the device reads, and what it answers.
const ENTRIES: u16 = 2;

/// The command to use so many pairs: its class, and what it is there (section 5.1.6.5.5).
const PAIRS: u8 = 4;
const USE: u8 = 0;
/// It has succeeded.
const DONE: u8 = 0;
/// What no device answers.
const UNANSWERED: u8 = 0xff;

/// Behind the queue, the command: class, command, and its number of pairs in two bytes. Behind that, the answer.
const COMMAND_AT: usize = Queue::bytes(ENTRIES).next_multiple_of(64);
const COMMAND_BYTES: usize = 4;
const ANSWER_AT: usize = COMMAND_AT + COMMAND_BYTES;

/// Bytes of shared memory that it takes.
pub const BYTES: usize = (ANSWER_AT + 1).next_multiple_of(64);

/// The queue for commands.
#[derive(Debug)]
pub struct Control {
    queue: Queue,
    /// Where in the shared memory it starts, and the physical address of that memory.
    at: usize,
    area: u64,
}

impl Control {
    /// An empty one at this offset of the memory at the physical address `area`.
    pub fn new(at: usize, area: u64) -> Self {
        Control { queue: Queue::new(ENTRIES, at), at, area }
    }

    /// Where the queue lies.
    pub fn place(&self) -> QueuePlace {
        self.queue.place(self.area)
    }

    /// Tells a device that works to use so many pairs. The queue for commands has this index; it does not interrupt, so its answer is waited for here.
    ///
    /// # Errors
    ///
    /// The device refuses, or does not answer: it must be reset.
    pub fn use_pairs<R: Registers + ?Sized>(
        &mut self,
        transport: &mut Transport<R>,
        area: &mut impl Window,
        index: u16,
        pairs: u16,
    ) -> Result<(), Refused> {
        let (command, answer) = (self.at + COMMAND_AT, self.at + ANSWER_AT);
        area.write8(command, PAIRS);
        area.write8(command + 1, USE);
        area.write16(command + 2, pairs);
        area.write8(answer, UNANSWERED);
        let piece = |at: usize, bytes: usize, device_writes| Piece {
            address: self.area + at as u64,
            bytes: bytes as u32,
            device_writes,
        };
        let pieces = [piece(command, COMMAND_BYTES, false), piece(answer, 1, true)];
        self.queue.want_interrupts(area, false);
        self.queue.push(area, pieces.into_iter()).ok_or(Refused::Command)?;
        if self.queue.publish(area) {
            transport.ring_doorbell(index);
        }
        match transport.wait_for(|| self.queue.pop(area).transpose()) {
            Some(Ok(_)) if area.read8(answer) == DONE => Ok(()),
            _ => Err(Refused::Command),
        }
    }

    /// Forgets a command that was not answered, after the device was reset.
    pub fn reset(&mut self, area: &mut impl Window) {
        self.queue.reset(area);
    }
}
