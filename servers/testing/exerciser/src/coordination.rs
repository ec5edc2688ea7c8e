//! Signals, semaphores, queues and deadlines: threads that wait for each other, and that do not wait too long.

use alloc::vec::Vec;

use warren::{Cx, Kept, Ref, SystemError, local};
use warren_idl::{
    DataSpace, NEVER_NS, Queue, QueueError, Raiser, Semaphore, SemaphoreError, Task, Thread,
    ThreadError,
};

use crate::{
    Failure, Run,
    report::{equal, refused},
};

/// A check and its name.
type Check = (&'static str, fn(&mut Cx<'_, Run>) -> Result<(), Failure>);

/// The checks.
pub const CHECKS: &[Check] = &[
    ("a sleep and a call end at their deadlines", check_deadlines),
    ("a server that only calls ends at a deadline", check_deadline_of_calls),
    ("a signal is waited for as long as was said", check_signal),
    ("threads wait for permits, and no permit is lost", check_semaphore),
    ("who puts waits for room, who takes waits for records, and none is lost", check_queue),
    ("a queue passes memory on", check_memory),
];

/// Five milliseconds.
const SOON_NS: u64 = 5_000_000;
/// A minute: longer than anything here takes.
const LATE_NS: u64 = 60_000_000_000;
/// Writers and readers of a queue.
const PAIRS: u64 = 2;
/// Records of each writer.
const RECORDS: u64 = 300;
/// Bytes of a record.
const RECORD_BYTES: usize = 16;

/// A thread that raises a signal, but not at once.
#[local(provides = Task, parent = Run)]
pub struct Raising {
    raiser: Kept<dyn Raiser>,
}

/// A thread that takes permits, each of which lets it do one thing.
#[local(provides = Task, parent = Run)]
pub struct Permitted {
    permits: Kept<dyn Semaphore>,
    done: Kept<dyn Semaphore>,
    times: u64,
}

/// A thread that writes.
#[local(provides = Task, parent = Run)]
pub struct Writer {
    queue: Kept<dyn Queue>,
    number: u64,
}

/// A thread that reads until the queue is closed, and answers the sum of what it read.
#[local(provides = Task, parent = Run)]
pub struct Reader {
    queue: Kept<dyn Queue>,
}

impl Task for Raising {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let raiser = cx.raiser.get(cx)?;
        cx.req().timer.sleep(cx, SOON_NS).map_err(|_| ThreadError::Failed)?;
        raiser.raise().map_err(|_| ThreadError::Failed)
    }
}

impl Task for Permitted {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (permits, done) = (cx.permits.get(cx)?, cx.done.get(cx)?);
        let wrong =
            (0..cx.times).filter(|_| permits.acquire(cx).is_err() || done.release(cx, 1).is_err());
        Ok(wrong.count() as u64)
    }
}

impl Task for Writer {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (queue, number) = (cx.queue.get(cx)?, cx.number);
        let records: Vec<[u64; 2]> = (1..=RECORDS).map(|count| [number, count]).collect();
        let bytes: Vec<u8> = records.iter().flatten().flat_map(|word| word.to_le_bytes()).collect();
        let (mut done, mut length) = (0, 1);
        // Some at once, and not always as many.
        while done < bytes.len() {
            let end = bytes.len().min(done + length * RECORD_BYTES);
            let put = queue.put(cx, &bytes[done..end]).map_err(|_| ThreadError::Failed)?;
            done += put as usize * RECORD_BYTES;
            length = length % 7 + 1;
        }
        Ok(0)
    }
}

impl Task for Reader {
    /// Each writer's records are to come in their order.
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let queue = cx.queue.get(cx)?;
        let (mut last, mut sum) = ([0; PAIRS as usize], 0);
        loop {
            let mut buffer = [0; 3 * RECORD_BYTES];
            let count = match queue.take(cx, &mut buffer) {
                Ok(count) => count as usize,
                Err(QueueError::Closed) => return Ok(sum),
                Err(_) => return Err(ThreadError::Failed),
            };
            for record in buffer.chunks_exact(RECORD_BYTES).take(count) {
                let (writer, number) = words(record);
                let before = last.get_mut(writer as usize).ok_or(ThreadError::Failed)?;
                if number <= core::mem::replace(before, number) {
                    return Err(ThreadError::Failed);
                }
                sum += number;
            }
        }
    }
}

/// The two words of a record.
fn words(record: &[u8]) -> (u64, u64) {
    let word = |at: usize| {
        record[at..at + 8].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    (word(0), word(8))
}

fn check_deadlines(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let start = needs.clock.now_ns()?;
    let (soon, never) = (start + SOON_NS, start + 1_000_000 * SOON_NS);
    let sleep = |cx: &mut Cx<'_, Run>| needs.timer.sleep(cx, never);
    let slept = cx.until(soon, sleep)?;
    refused("a sleep beyond a deadline", slept, SystemError::Deadline.into())?;
    equal("whether the deadline came", (needs.clock.now_ns()? >= soon).into(), 1)?;
    // An outer deadline that is earlier counts, and inside it no later one helps.
    let slept = cx.until(soon + SOON_NS, |cx| cx.until(never, sleep))??;
    refused("a sleep beyond the outer deadline", slept, SystemError::Deadline.into())?;
    needs.timer.sleep(cx, 1)?;
    // A call that waits in another server.
    let semaphore = needs.semaphores.semaphore(cx, 0)?;
    let now = needs.clock.now_ns()?;
    let waited = cx.until(now + SOON_NS, |cx| semaphore.acquire(cx))?;
    refused("a wait beyond a deadline", waited, SystemError::Deadline.into())?;
    // Nothing of it is left there.
    semaphore.release(cx, 1)?;
    semaphore.acquire(cx)?;
    refused("a permit", semaphore.try_acquire(cx), SemaphoreError::WouldWait)
}

/// A server that never waits, and would go on for years.
fn check_deadline_of_calls(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    for hub in [&needs.near_hub, &needs.far_hub] {
        let until_ns = needs.clock.now_ns()? + SOON_NS;
        let made = cx.until(until_ns, |cx| hub.make_many(cx, u64::MAX))?;
        refused("calls beyond a deadline", made, SystemError::Deadline.into())?;
        equal("the number of calls", hub.bounce(cx, hub.as_ref(), 3)?, 3)?;
        equal("the number of live tokens", hub.alive(cx)?, 0)?;
    }
    Ok(())
}

fn check_signal(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let signal = needs.signals.signal(cx)?;
    let raiser = signal.raiser(cx)?;
    let start = needs.clock.now_ns()?;
    equal("a count that nobody changes", signal.wait(cx, 0, start + SOON_NS)?, 0)?;
    equal("whether the time came", (needs.clock.now_ns()? >= start + SOON_NS).into(), 1)?;
    // What has changed is told however late it is.
    raiser.raise()?;
    equal("a count that was changed", signal.wait(cx, 0, start)?, 1)?;
    equal("a count after its time", signal.wait(cx, 1, start)?, 1)?;
    for until_ns in [needs.clock.now_ns()? + LATE_NS, NEVER_NS] {
        let count = signal.wait(cx, 0, until_ns)?;
        let task = cx.spawn(Raising { raiser: raiser.keep()? })?;
        let thread = needs.threads.start(cx, "raising", task)?;
        equal("a count that somebody changes", signal.wait(cx, count, until_ns)?, count + 1)?;
        equal("what the thread raised", thread.join(cx)?, count + 1)?;
    }
    equal("whether it was in time", (needs.clock.now_ns()? < start + LATE_NS).into(), 1)?;
    // A deadline counts besides.
    let now = needs.clock.now_ns()?;
    let waited = cx.until(now + SOON_NS, |cx| signal.wait(cx, 3, now + LATE_NS))?;
    refused("a wait beyond a deadline", waited, SystemError::Deadline.into())
}

fn check_semaphore(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let (permits, done) = (needs.semaphores.semaphore(cx, 0)?, needs.semaphores.semaphore(cx, 0)?);
    let mut threads: Vec<Ref<'_, dyn Thread>> = Vec::new();
    for _ in 0..3 {
        let task = Permitted { permits: permits.keep()?, done: done.keep()?, times: 40 };
        let task = cx.spawn(task)?;
        threads.push(needs.threads.start(cx, "permitted", task)?);
    }
    // One by one, and then all at once.
    for _ in 0..60 {
        permits.release(cx, 1)?;
        done.acquire(cx)?;
        refused("a permit that nobody gave", done.try_acquire(cx), SemaphoreError::WouldWait)?;
    }
    permits.release(cx, 60)?;
    for _ in 0..60 {
        done.acquire(cx)?;
    }
    for thread in threads {
        equal("the number of failures", thread.join(cx)?, 0)?;
    }
    permits.release(cx, u32::MAX)?;
    refused("a permit too many", permits.release(cx, 1), SemaphoreError::TooMany)
}

fn check_queue(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    for (records, bytes) in [(0, 8), (8, 0), (u32::MAX, u32::MAX)] {
        refused(
            "a queue of that size",
            needs.queues.queue(cx, records, bytes),
            QueueError::BadSize,
        )?;
    }
    let queue = needs.queues.queue(cx, 4, RECORD_BYTES as u32)?;
    refused("half a record", queue.put(cx, &[0; 8]), QueueError::BadLength)?;
    equal("what there is room for", queue.put(cx, &[0; 10 * RECORD_BYTES])?, 4)?;
    let now = needs.clock.now_ns()?;
    let put = cx.until(now + SOON_NS, |cx| queue.put(cx, &[0; RECORD_BYTES]))?;
    refused("a record without room", put, SystemError::Deadline.into())?;
    equal("what is in it", queue.take(cx, &mut [0; 10 * RECORD_BYTES])?, 4)?;
    let mut threads: Vec<Ref<'_, dyn Thread>> = Vec::new();
    for number in 0..PAIRS {
        let reader = cx.spawn(Reader { queue: queue.keep()? })?;
        threads.push(needs.threads.start(cx, "reader", reader)?);
        let writer = cx.spawn(Writer { queue: queue.keep()?, number })?;
        threads.push(needs.threads.start(cx, "writer", writer)?);
    }
    let (mut sum, mut number) = (0, 0);
    for thread in &threads {
        // Writers end by themselves, readers when the queue is closed.
        if number % 2 == 1 {
            sum += thread.join(cx)?;
        }
        number += 1;
    }
    equal("failures of writers", sum, 0)?;
    queue.close(cx)?;
    let mut sum = 0;
    for thread in threads.iter().step_by(2) {
        sum += thread.join(cx)?;
    }
    equal("the sum of all records", sum, PAIRS * RECORDS * (RECORDS + 1) / 2)?;
    refused("a record for a closed queue", queue.put(cx, &[0; RECORD_BYTES]), QueueError::Closed)
}

fn check_memory(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let queue = needs.queues.memory_queue(cx, 2, 4)?;
    let spaces: [Ref<'_, dyn DataSpace>; 2] =
        [needs.memory.anonymous(cx, 4096)?, needs.memory.anonymous(cx, 8192)?];
    queue.put(cx, b"one.", spaces[0])?;
    queue.put(cx, b"two.", spaces[1])?;
    let now = needs.clock.now_ns()?;
    let put = cx.until(now + SOON_NS, |cx| queue.put(cx, b"more", spaces[0]))?;
    refused("a reference without room", put, SystemError::Deadline.into())?;
    for (expected, bytes) in [(b"one.", 4096), (b"two.", 8192)] {
        let mut record = [0; 4];
        let space = queue.take(cx, &mut record)?;
        equal("the record", (record == *expected).into(), 1)?;
        equal("the length", space.bytes(cx)?, bytes)?;
    }
    equal("what is left", queue.length(cx)?, 0)?;
    queue.close(cx)?;
    refused("a closed queue", queue.take(cx, &mut [0; 4]).map(drop), QueueError::Closed)
}
