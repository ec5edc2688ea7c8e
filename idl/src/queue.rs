//! What one thread leaves for another: bounded queues.

use warren::{Cx, Out, Ref, errors, service};

use crate::DataSpace;

/// Why a queue refused.
#[errors]
pub enum QueueError {
    /// It is closed: nothing can be put in any more, and nothing is left in it.
    Closed = 1,
    /// A buffer's length is no multiple of the record's, or is 0.
    BadLength = 2,
    /// A queue without room, or with more than one may have.
    BadSize = 3,
}

/// Records of one length, in the order in which they were put in. Whoever puts waits while it is full: so a slow reader slows its
/// writers down.
///
/// Buffers carry several records at once, one behind the other.
#[service(id = 0x90e0_0001)]
pub trait Queue {
    /// Puts as many of the records as there is room for, and waits until that is at least one. Returns how many.
    fn put(cx: &mut Cx<'_, Self>, records: &[u8]) -> Result<u64, QueueError>;
    /// Takes as many records as there are and the buffer holds, and waits until that is at least one. Returns how many.
    fn take(cx: &mut Cx<'_, Self>, records: Out<'_>) -> Result<u64, QueueError>;
    /// How many records there are.
    fn length(cx: &mut Cx<'_, Self>) -> Result<u64, QueueError>;
    /// Lets nothing more in. What is in it can be taken; then whoever takes is told.
    fn close(cx: &mut Cx<'_, Self>) -> Result<(), QueueError>;
}

/// Memory with a record that says what it is, in the order in which it was put in. As [`Queue`] in all else.
#[service(id = 0x90e0_0002)]
pub trait MemoryQueue {
    /// Puts a reference to memory, and waits until there is room.
    fn put<'f>(
        cx: &mut Cx<'f, Self>,
        record: &[u8],
        memory: Ref<'f, dyn DataSpace>,
    ) -> Result<(), QueueError>;
    /// Takes the first reference and its record, and waits until there is one.
    fn take<'f>(
        cx: &mut Cx<'f, Self>,
        record: Out<'_>,
    ) -> Result<Ref<'f, dyn DataSpace>, QueueError>;
    /// How many references there are.
    fn length(cx: &mut Cx<'_, Self>) -> Result<u64, QueueError>;
    /// Lets nothing more in. What is in it can be taken; then whoever takes is told.
    fn close(cx: &mut Cx<'_, Self>) -> Result<(), QueueError>;
}

/// Makes queues.
#[service(id = 0x90e0_0003)]
pub trait Queues {
    /// A new queue with room for so many records of so many bytes.
    fn queue<'f>(
        cx: &mut Cx<'f, Self>,
        records: u32,
        record_bytes: u32,
    ) -> Result<Ref<'f, dyn Queue>, QueueError>;
    /// A new queue with room for so many references, each with a record of so many bytes.
    fn memory_queue<'f>(
        cx: &mut Cx<'f, Self>,
        references: u32,
        record_bytes: u32,
    ) -> Result<Ref<'f, dyn MemoryQueue>, QueueError>;
}
