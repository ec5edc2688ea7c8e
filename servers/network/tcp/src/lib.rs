//! TCP.
//!
//! # Shape
//!
//! [`Stack`] is what one principal has: an engine of `libraries/tcp`, the segments that wait for it, and those who use its connections. It makes no
//! calls. [`flush`] sends what engines have to say, [`worker`] is what a principal's thread does, and [`connection`], [`listener`] and [`poll`] are what
//! clients hold. [`TcpServer`] is the server around them: it finds out whose a segment is ([`ports`], [`arrival`]), and makes a stack for whoever calls for the first time.
//!
//! # Who pays
//!
//! Each principal has an engine, a share of the packet memory with a limit, and a thread of its own, which are made when it first listens or connects. The
//! thread that brings segments up from the link looks at their ports and puts them into the queue of whoever has the port. If that is full they are lost. All that a
//! segment costs from there on, checksum included, is paid by the principal. Where that is the principal of the thread that brings them, and they are few, this thread goes on with them:
//! nobody has to be woken. Where somebody of the principal's waits at a poll, he goes on with them, and mostly with what they bring; the principal's own thread
//! does if nobody waits. Users' calls copy, and send, on their own thread.
//!
//! # State, and what a restart loses
//!
//! All connections. The other sides are told so: the next life finds in its [`RecoveryBox`] who they were ([`remembered`]), and asks them where they stand ([`farewell`]); whoever
//! answers, or says something by himself, is answered by RST.
//! The layers below may die at any time: what was not sent is lost, and sent again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod arrival;
pub mod connection;
pub mod farewell;
pub mod flush;
pub mod listener;
pub mod outgoing;
pub mod poll;
pub mod ports;
pub mod remembered;
pub mod returned;
pub mod stack;
pub mod strangers;
pub mod ways;
pub mod worker;

use alloc::{format, rc::Rc, vec::Vec};
use core::cell::{Cell, RefCell};

use warren::{
    Cx, Mapping, New, Optional, Ref, Req, Required, Server, StartError, SystemError, local, server,
};
use warren_idl::{
    Address, AddressSpace, BUFFER_BYTES, Clock, Connection, ConnectionStatus, Entropy, Listener,
    ListenerStatus, Log, LogRecord, PacketMemory, Poll, Principals, RecoveryBox, Routing, Signals,
    Sink, SinkError, Task, Tcp, TcpCounts, TcpError, ThreadError, ThreadFactory, Timer, map_space,
};
use warren_packets::{
    Bad, Batch, Indices, OwnShare,
    batch::length,
    ready::{self, Ready},
};
use warren_tcp::Flow;
use warren_waiting::{Bell, pause};

use crate::{
    arrival::{Arrival, Arrivals, TCP},
    connection::OpenConnection,
    farewell::Farewell,
    flush::{feed, find_way, flush, give_spent, now},
    listener::OpenListener,
    poll::OpenPoll,
    ports::{Owner, Ports},
    remembered::Remembered,
    stack::{Common, KEPT_FOR_HEADERS, Stack, Watch},
    strangers::Strangers,
    worker::{Worker, work},
};

/// Buffers that a principal may hold: the packet memory's own limit may be lower.
const MOST_BUFFERS: u32 = 2048;
/// Segments that are dealt with at once where they arrive, if their principal's thread brings them, and all of them together have no more payload than fits into a
/// buffer. Of a flood there are more; and of a stream that arrives, which one acknowledgment for many segments is better for, there is more.
const AT_ONCE: usize = 8;
/// The owner that answers for ports that nobody has.
const NOBODY: Owner = Owner::MAX;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    routing: Req<dyn Routing>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    threads: Req<dyn ThreadFactory>,
    principals: Req<dyn Principals>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
    entropy: Req<dyn Entropy>,
    log: Req<dyn Log>,
    recovery: Optional<dyn RecoveryBox>,
}

/// TCP.
#[server(
    provides(Tcp, Sink),
    locals(Receiving, Worker, Farewell, OpenConnection, OpenListener, OpenPoll),
    stack = 65536,
    summary = "TCP: streams of bytes to other stations and from there"
)]
pub struct TcpServer {
    ready: Ready,
    common: Rc<Common>,
    /// By owner.
    stacks: Vec<Option<Rc<Stack>>>,
    strangers: Strangers,
    /// Connections of its last life, until their other sides are told.
    lost: Vec<Flow>,
}

/// What this server's own thread runs: it is served TCP.
#[local(provides = Task, parent = TcpServer)]
pub struct Receiving {}

impl Server for TcpServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let memory = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let most = (needs.packets.status(cx)?.buffers / 2).min(MOST_BUFFERS);
        let common = Rc::new(Common {
            memory,
            ports: RefCell::new(Ports::new(key(cx, needs)?)),
            remembered: Remembered::new(recovery(cx, needs)?),
            counts: Cell::default(),
            most_buffers: most as usize,
        });
        let share = OwnShare::new(needs.packets.share(cx, strangers::MOST_BUFFERS)?)?;
        let work = Bell::new(cx, &needs.signals)?;
        let stack = Stack::new(0, NOBODY, &common, share, work, key(cx, needs)?);
        let ready = Ready::new(cx, &needs.signals)?;
        let strangers = Strangers::new(stack);
        let lost = common.remembered.take();
        Ok(TcpServer { ready, common, stacks: Vec::new(), strangers, lost })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving {})?;
        cx.req().threads.start(cx, "tcp", task)?;
        ready::wait(cx, &cx.req().clock)?;
        let lost = core::mem::take(&mut cx.lost);
        if !lost.is_empty() {
            let count = lost.len();
            let note = format!("connections were lost, whose other sides are told: {count}");
            cx.req().log.write(LogRecord::WARNING, &note).ok();
            let task = cx.spawn(Farewell::new(lost))?;
            cx.req().threads.start(cx, "farewell", task)?;
        }
        Ok(())
    }
}

/// The memory that this server's next life finds, if the system has any for it.
fn recovery(cx: &mut Cx<'_, New<TcpServer>>, needs: &Needs) -> Result<Option<Mapping>, StartError> {
    let Some(recovery) = needs.recovery.get() else { return Ok(None) };
    let space = recovery.space(cx)?;
    Ok(Some(map_space(cx, &needs.address_space, space)?))
}

/// Bytes that nobody can guess; or, on a machine that has none, such as are at least others the next time.
fn key<S>(cx: &mut Cx<'_, S>, needs: &Needs) -> Result<[u8; 16], SystemError> {
    let mut key = [0; 16];
    if needs.entropy.fill(cx, &mut key).is_err() {
        let now_ns = needs.clock.now_ns().map_err(|_| SystemError::Lost)?;
        key[..8].copy_from_slice(&now_ns.to_ne_bytes());
        let warning = "the machine has no source of random bits: others can guess sequence numbers";
        needs.log.write(LogRecord::WARNING, warning).ok();
    }
    Ok(key)
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let segments = cx.root::<dyn Sink>()?;
        loop {
            let returned = cx.req().routing.serve(cx, TCP, segments);
            pause(cx, &cx.req().timer, returned)?;
        }
    }
}

impl ready::Served for TcpServer {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for TcpServer {
    /// Segments that have arrived.
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        if packets.is_empty() {
            // Perhaps they lead elsewhere now.
            cx.stacks.iter().flatten().for_each(|stack| stack.forget_ways());
            return Ok(ready::tell(cx)?);
        }
        let segments = Batch::read(packets).map_err(|Bad| SinkError::BadRecord)?;
        if let Some(first) = warren_packets::returned::only(&segments) {
            return returned::take(cx, first);
        }
        let count = segments.packets().count();
        // Mostly all are of one owner.
        let mut owners: Vec<(Owner, Arrivals)> = Vec::new();
        let common = &cx.common;
        let ports = common.ports.borrow();
        let mut bad = 0;
        for packet in segments.packets() {
            let Ok(arrival) = Arrival::read(&common.memory, packet) else {
                bad += 1;
                continue;
            };
            let owner = ports.owner(arrival.port()).unwrap_or(NOBODY);
            let place = owners.iter().rposition(|(other, _)| *other == owner);
            let place = place.unwrap_or_else(|| {
                owners.push((owner, Arrivals::with_room(count)));
                owners.len() - 1
            });
            owners[place].1.push(arrival, packet);
        }
        drop(ports);
        common.count(|counts| {
            counts.received += count as u64;
            counts.bad += bad;
        });
        owners.into_iter().try_for_each(|(owner, own)| Self::hand_over(cx, owner, own))?;
        Ok(())
    }
}

impl TcpServer {
    /// Puts segments into the queue of whoever has their port. A few that are for the principal whose thread brings them are dealt with at once.
    fn hand_over(
        cx: &mut Cx<'_, Self>,
        owner: Owner,
        mut arrivals: Arrivals,
    ) -> Result<(), SystemError> {
        let stack = match cx.stacks.get(usize::from(owner)) {
            Some(Some(stack)) => stack.clone(),
            _ => return Self::refuse(cx, &arrivals),
        };
        let mut lost = arrivals.truncate(stack.room());
        if !arrivals.payload().is_empty() {
            let indices = Indices::of(arrivals.payload());
            let mut held = stack.share.hold(cx, &indices);
            if held.is_err() && give_spent(cx, &stack, 1)? {
                held = stack.share.hold(cx, &indices);
            }
            if held.is_err() {
                // What they acknowledge may free buffers.
                lost += arrivals.lose_payload(&cx.common.memory);
            }
        }
        if lost > 0 {
            cx.common.count(|counts| counts.dropped += lost as u64);
        }
        let few = arrivals.len() <= AT_ONCE && length(arrivals.payload()) <= BUFFER_BYTES;
        stack.enqueue(arrivals);
        if few && cx.req().principals.current(cx).ok() == Some(stack.principal) {
            // What is left waits for the principal's thread.
            work(cx, &stack)?;
            return if stack.wants_thread() { stack.work.ring() } else { Ok(()) };
        }
        stack.ring_for_arrivals()
    }

    /// Answers segments for ports that nobody has.
    fn refuse(cx: &mut Cx<'_, Self>, arrivals: &Arrivals) -> Result<(), SystemError> {
        let now_ns = now(cx)?;
        cx.common.count(|counts| counts.unknown += arrivals.len() as u64);
        let stack = cx.strangers.stack();
        if stack.fresh() < KEPT_FOR_HEADERS {
            feed(cx, &stack, 0)?;
        }
        let strangers = &cx.strangers;
        arrivals.iter().for_each(|(arrival, payload)| strangers.take(now_ns, arrival, payload));
        flush(cx, &stack)
    }

    /// The stack of the principal that calls, which is made if there is none.
    fn own_stack(cx: &mut Cx<'_, Self>) -> Result<Rc<Stack>, TcpError> {
        let needs = cx.req();
        let principal = needs.principals.current(cx).map_err(thread_error)?;
        if let Some(stack) = cx.stack_of(principal) {
            return Ok(stack);
        }
        let share = OwnShare::new(needs.packets.share(cx, MOST_BUFFERS)?)?;
        let work = Bell::new(cx, &needs.signals)?;
        let key = key(cx, needs)?;
        // Another thread of the principal may have been quicker.
        if let Some(stack) = cx.stack_of(principal) {
            return Ok(stack);
        }
        let place = cx.stacks.iter().position(Option::is_none);
        let place = place.unwrap_or(cx.stacks.len());
        let owner = Owner::try_from(place).ok().filter(|owner| *owner != NOBODY);
        let owner = owner.ok_or(TcpError::TooMany)?;
        let stack = Rc::new(Stack::new(principal, owner, &cx.common, share, work, key));
        let task = cx.spawn(Worker::new(stack.clone()))?;
        match cx.stacks.get_mut(place) {
            Some(free) => *free = Some(stack.clone()),
            None => cx.stacks.push(Some(stack.clone())),
        }
        if let Err(error) = needs.principals.start(cx, "tcp", task) {
            cx.remove_stack(&stack);
            return Err(thread_error(error));
        }
        Ok(stack)
    }

    fn stack_of(&self, principal: u32) -> Option<Rc<Stack>> {
        self.stacks.iter().flatten().find(|stack| stack.principal == principal).cloned()
    }

    /// A principal's thread has ended.
    fn remove_stack(&mut self, stack: &Rc<Stack>) {
        stack.end();
        for place in &mut self.stacks {
            place.take_if(|other| Rc::ptr_eq(other, stack));
        }
    }
}

/// Why there is no thread for a principal.
fn thread_error(error: ThreadError) -> TcpError {
    match error {
        ThreadError::System(error) => TcpError::System(error),
        _ => TcpError::TooMany,
    }
}

impl Tcp for TcpServer {
    fn connect<'f>(
        cx: &mut Cx<'f, Self>,
        address: &Address,
        port: u16,
    ) -> Result<Ref<'f, dyn Connection>, TcpError> {
        if port == 0 {
            return Err(TcpError::BadPort);
        }
        let stack = Self::own_stack(cx)?;
        let way = find_way(cx, &stack, address)?;
        let (name, door) = stack.connect(now(cx)?, &way, port)?;
        // If this fails, or the connection does, it is left as any other.
        let opening = OpenConnection::new(&stack, name, &door);
        let connection = cx.spawn(opening)?;
        flush(cx, &stack)?;
        flush::wait(cx, &door, |_| stack.is_open(name))??;
        Ok(connection)
    }

    fn listen<'f>(
        cx: &mut Cx<'f, Self>,
        port: u16,
        backlog: u32,
    ) -> Result<Ref<'f, dyn Listener>, TcpError> {
        let stack = Self::own_stack(cx)?;
        // A listener whose last reference is gone is not in the way.
        stack.let_go(now(cx)?);
        let (port, door) = stack.listen(port, backlog)?;
        let listener = cx.spawn(OpenListener::new(&stack, port, &door))?;
        // Its thread looks for listeners that are gone now and then.
        stack.work.ring()?;
        Ok(listener)
    }

    fn poll<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Poll>, TcpError> {
        let stack = Self::own_stack(cx)?;
        let watch = Rc::new(Watch::new(Bell::new(cx, &cx.req().signals)?));
        let poll = cx.spawn(OpenPoll::new(&stack, &watch))?;
        stack.add_watch(poll.word(), &watch);
        Ok(poll)
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<TcpCounts, TcpError> {
        let strangers = cx.strangers.stack();
        let all = cx.stacks.iter().flatten().chain([&strangers]).map(|stack| stack.totals());
        let mut counts = cx.common.counts.get();
        for totals in all {
            counts.resets += totals.resets_out;
            counts.connections += totals.connections;
        }
        Ok(counts)
    }

    fn connection(cx: &mut Cx<'_, Self>, index: u32) -> Result<ConnectionStatus, TcpError> {
        let mut at = index as usize;
        for stack in cx.stacks.iter().flatten() {
            match stack.nth_connection(at) {
                Ok(status) => return Ok(status),
                Err(count) => at -= count,
            }
        }
        Ok(ConnectionStatus::default())
    }

    fn listener(cx: &mut Cx<'_, Self>, index: u32) -> Result<ListenerStatus, TcpError> {
        let mut all = cx.stacks.iter().flatten().flat_map(|stack| stack.listeners());
        Ok(all.nth(index as usize).unwrap_or_default())
    }
}
