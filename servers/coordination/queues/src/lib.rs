//! Bounded queues of records and of memory.
//!
//! # Shape
//!
//! [`ring`] keeps records and is tested on the host. [`Records`] and [`References`] are the two kinds of queues, local servers that
//! share [`Doors`]: where threads wait that want to put something in or to take something out. A call that does
//! not have to wait, and for which nobody waits, makes no further call.
//!
//! # State, and what a restart loses
//!
//! All queues with what is in them: references to them are `Lost`, also for whoever waits.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ring;

use alloc::collections::VecDeque;
use core::cell::Cell;

use warren::{
    Cx, Kept, New, Object, Out, Ref, Req, Required, Serial, Server, StartError, SystemError, local,
    server,
};
use warren_idl::{DataSpace, MemoryQueue, Queue, QueueError, Queues, Signals};
use warren_waiting::{Bell, wait_until};

use crate::ring::Ring;

/// Most bytes that the records of one queue may take together.
const MOST_BYTES: usize = 256 * 1024;
/// Most references in one queue.
const MOST_REFERENCES: usize = 1024;

/// What queues need.
#[derive(Required)]
pub struct Needs {
    signals: Req<dyn Signals>,
}

/// Makes queues.
#[server(
    provides(Queues),
    locals(Records, References),
    summary = "bounded queues of records and of memory"
)]
pub struct QueueServer {}

/// A queue of records.
#[local(provides = Queue, parent = QueueServer)]
pub struct Records {
    ring: Ring,
    doors: Doors,
}

/// A queue of references to memory.
#[local(provides = MemoryQueue, parent = QueueServer)]
pub struct References {
    /// A record for each of `memory`.
    ring: Ring,
    memory: VecDeque<Kept<dyn DataSpace>>,
    doors: Doors,
}

/// Where threads wait, and whether they need to.
struct Doors {
    /// Rings when there is less in the queue.
    room: Bell,
    /// Rings when there is more.
    more: Bell,
    closed: Cell<bool>,
}

impl Doors {
    fn new(cx: &mut Cx<'_, QueueServer>) -> Result<Self, SystemError> {
        let signals = &cx.req().signals;
        Ok(Doors {
            room: Bell::new(cx, signals)?,
            more: Bell::new(cx, signals)?,
            closed: Cell::new(false),
        })
    }
}

/// What the two kinds of queues have alike.
trait Bounded: Object<Access = Serial> + Sized {
    fn ring(&self) -> &Ring;
    fn doors(&self) -> &Doors;

    fn room(&self) -> &Bell {
        &self.doors().room
    }

    fn more(&self) -> &Bell {
        &self.doors().more
    }

    /// Waits until there is room for a record.
    fn wait_for_room(cx: &mut Cx<'_, Self>) -> Result<(), QueueError> {
        wait_until(cx, Self::room, |queue| match queue.doors().closed.get() {
            true => Some(Err(QueueError::Closed)),
            false => (!queue.ring().is_full()).then_some(Ok(())),
        })?
    }

    /// Waits until there is a record.
    fn wait_for_more(cx: &mut Cx<'_, Self>) -> Result<(), QueueError> {
        wait_until(cx, Self::more, |queue| match queue.ring().len() {
            0 if queue.doors().closed.get() => Some(Err(QueueError::Closed)),
            0 => None,
            _ => Some(Ok(())),
        })?
    }

    /// Lets nothing more in.
    fn shut(cx: &mut Cx<'_, Self>) -> Result<(), QueueError> {
        cx.doors().closed.set(true);
        cx.room().ring()?;
        Ok(cx.more().ring()?)
    }
}

impl Bounded for Records {
    fn ring(&self) -> &Ring {
        &self.ring
    }

    fn doors(&self) -> &Doors {
        &self.doors
    }
}

impl Bounded for References {
    fn ring(&self) -> &Ring {
        &self.ring
    }

    fn doors(&self) -> &Doors {
        &self.doors
    }
}

impl Server for QueueServer {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(QueueServer {})
    }
}

/// A ring for so many records of so many bytes, if that is no more than a queue may have.
fn sized(records: u32, record_bytes: u32) -> Result<Ring, QueueError> {
    let (records, record_bytes) = (records as usize, record_bytes as usize);
    let bytes = records.checked_mul(record_bytes).filter(|bytes| (1..=MOST_BYTES).contains(bytes));
    bytes.ok_or(QueueError::BadSize)?;
    Ok(Ring::new(records, record_bytes).ok_or(SystemError::Budget)?)
}

impl Queues for QueueServer {
    fn queue<'f>(
        cx: &mut Cx<'f, Self>,
        records: u32,
        record_bytes: u32,
    ) -> Result<Ref<'f, dyn Queue>, QueueError> {
        let ring = sized(records, record_bytes)?;
        let doors = Doors::new(cx)?;
        Ok(cx.spawn(Records { ring, doors })?)
    }

    fn memory_queue<'f>(
        cx: &mut Cx<'f, Self>,
        references: u32,
        record_bytes: u32,
    ) -> Result<Ref<'f, dyn MemoryQueue>, QueueError> {
        if references as usize > MOST_REFERENCES {
            return Err(QueueError::BadSize);
        }
        let ring = sized(references, record_bytes)?;
        let mut memory = VecDeque::new();
        memory.try_reserve_exact(references as usize).map_err(|_| SystemError::Budget)?;
        let doors = Doors::new(cx)?;
        Ok(cx.spawn(References { ring, memory, doors })?)
    }
}

impl Queue for Records {
    fn put(cx: &mut Cx<'_, Self>, records: &[u8]) -> Result<u64, QueueError> {
        if records.is_empty() || !records.len().is_multiple_of(cx.ring.record_bytes()) {
            return Err(QueueError::BadLength);
        }
        Self::wait_for_room(cx)?;
        let count = cx.ring.put(records);
        cx.more().ring()?;
        Ok(count as u64)
    }

    fn take(cx: &mut Cx<'_, Self>, mut records: Out<'_>) -> Result<u64, QueueError> {
        let record_bytes = cx.ring.record_bytes();
        if records.is_empty() || !records.len().is_multiple_of(record_bytes) {
            return Err(QueueError::BadLength);
        }
        Self::wait_for_more(cx)?;
        let (most, mut offset) = (records.len() / record_bytes, 0);
        let count = cx.ring.take(most, |record| offset += records.write(offset, record));
        cx.room().ring()?;
        Ok(count as u64)
    }

    fn length(cx: &mut Cx<'_, Self>) -> Result<u64, QueueError> {
        Ok(cx.ring.len() as u64)
    }

    fn close(cx: &mut Cx<'_, Self>) -> Result<(), QueueError> {
        Self::shut(cx)
    }
}

impl MemoryQueue for References {
    fn put<'f>(
        cx: &mut Cx<'f, Self>,
        record: &[u8],
        memory: Ref<'f, dyn DataSpace>,
    ) -> Result<(), QueueError> {
        if record.len() != cx.ring.record_bytes() {
            return Err(QueueError::BadLength);
        }
        Self::wait_for_room(cx)?;
        let kept = memory.keep()?;
        cx.ring.put(record);
        cx.memory.push_back(kept);
        Ok(cx.more().ring()?)
    }

    fn take<'f>(
        cx: &mut Cx<'f, Self>,
        mut record: Out<'_>,
    ) -> Result<Ref<'f, dyn DataSpace>, QueueError> {
        if record.len() != cx.ring.record_bytes() {
            return Err(QueueError::BadLength);
        }
        Self::wait_for_more(cx)?;
        let first = cx.memory.front().ok_or(SystemError::BadAnswer)?;
        let memory = first.get(cx)?;
        cx.ring.take(1, |first| {
            record.fill_from(first);
        });
        cx.memory.pop_front();
        cx.room().ring()?;
        Ok(memory)
    }

    fn length(cx: &mut Cx<'_, Self>) -> Result<u64, QueueError> {
        Ok(cx.ring.len() as u64)
    }

    fn close(cx: &mut Cx<'_, Self>) -> Result<(), QueueError> {
        Self::shut(cx)
    }
}
