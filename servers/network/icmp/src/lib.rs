//! ICMP: answers whoever asks whether this station is there, and asks others.
//!
//! # Shape
//!
//! [`echo`] reads and writes messages, and is tested on the host. [`Icmp`] is the server around it.
//!
//! # Answers take no memory
//!
//! A request becomes its answer in the buffer in which it has arrived, and leaves from there on the thread that brought it. A request to many stations at once
//! is not answered (RFC 1122, section 3.2.2.6, leaves that open): it would make them a weapon.
//!
//! # State, and what a restart loses
//!
//! Who waits for which answer.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod echo;

use alloc::vec::Vec;

use warren::{Cx, Kept, New, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    AddressSpace, BUFFER_BYTES, Clock, HEADROOM, Ipv4, Ipv4Error, Packet, PacketMemory, Ping,
    PingAnswer, PingError, Share, Signals, Sink, SinkError, Task, ThreadError, ThreadFactory,
    Timer,
};
use warren_packets::{
    Bad, Batch, Buffers, Indices,
    batch::length,
    ready::{self, Ready},
};
use warren_waiting::{Bell, listeners, pause, wait_until};

use crate::echo::{Echo, HEADER_BYTES};

/// ICMP's number among the protocols of IPv4.
const ICMP: u8 = 1;

/// Questions that can wait for answers at the same time.
const MOST_WAITING: usize = 64;
/// Buffers of questions.
const MOST_BUFFERS: u32 = 64;
/// Most bytes of data in a question: with both headers, a packet of the longest kind.
const MOST_BYTES: u32 = 65_507;

/// Where in the header of IPv4 are the hops that are left, the source, and the destination.
const HOPS: usize = 8;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
const IPV4_BYTES: usize = 20;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    ipv4: Req<dyn Ipv4>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// ICMP.
#[server(
    provides(Ping, Sink),
    locals(Receiving),
    stack = 32768,
    summary = "answers echo requests, and sends them"
)]
pub struct Icmp {
    ready: Ready,
    packets: Buffers,
    share: Kept<dyn Share>,
    waiting: Vec<Waiting>,
    /// Rings when an answer has come.
    answered: Bell,
    /// Identifier of the next question.
    identifier: u16,
}

/// Somebody who waits for an answer.
struct Waiting {
    identifier: u16,
    sequence: u16,
    sent_ns: u64,
    answer: Option<PingAnswer>,
}

/// What this server's thread runs: it is served ICMP.
#[local(provides = Task, parent = Icmp)]
pub struct Receiving {}

impl Server for Icmp {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = needs.packets.share(cx, MOST_BUFFERS)?.keep()?;
        let answered = Bell::new(cx, &needs.signals)?;
        let ready = Ready::new(cx, &needs.signals)?;
        Ok(Icmp { ready, packets, share, waiting: Vec::new(), answered, identifier: 0 })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving {})?;
        cx.req().threads.start(cx, "icmp", task)?;
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let messages = cx.root::<dyn Sink>()?;
        loop {
            let returned = cx.req().ipv4.serve(cx, ICMP, messages);
            pause(cx, &cx.req().timer, returned)?;
        }
    }
}

impl ready::Served for Icmp {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for Icmp {
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        if packets.is_empty() {
            return Ok(ready::tell(cx)?);
        }
        let messages = Batch::read(packets).map_err(|Bad| SinkError::BadRecord)?;
        for message in messages.packets() {
            let Some(echo) = echo::read(&cx.packets, &message[0]) else { continue };
            match echo.is_request {
                // An answer that cannot be sent is lost, as it could be on its way.
                true => drop(Self::answer(cx, message, &echo)),
                false => Self::answered(cx, message, &echo)?,
            }
        }
        Ok(())
    }
}

impl Icmp {
    /// The header of IPv4 that a message had.
    fn ipv4_header(&self, first: &Packet) -> Result<[u8; IPV4_BYTES], Bad> {
        let mut header = [0; IPV4_BYTES];
        self.packets.read_buffer(first.buffer, first.network.into(), &mut header)?;
        Ok(header)
    }

    /// Sends a request back to where it came from.
    fn answer(cx: &mut Cx<'_, Self>, request: &[Packet], echo: &Echo) -> Result<(), Ipv4Error> {
        let header = cx.ipv4_header(&request[0]).map_err(|Bad| Ipv4Error::BadRecord)?;
        let [source, destination] = [SOURCE, DESTINATION].map(|at| word(&header, at));
        if cx.req().ipv4.route(cx, destination)?.source != destination {
            return Ok(());
        }
        let mut answer = Batch::new();
        let ready = echo::answer(&cx.packets, &request[0], echo);
        let ready = ready.and_then(|()| answer.push_packet(request));
        ready.map_err(|Bad| Ipv4Error::BadRecord)?;
        cx.req().ipv4.send(cx, ICMP, source, answer.as_bytes())
    }

    /// Tells whoever waits for an answer that it has come.
    fn answered(cx: &mut Cx<'_, Self>, message: &[Packet], echo: &Echo) -> Result<(), SinkError> {
        let now = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
        let listeners = listeners(cx, |icmp| &icmp.answered)?;
        let Icmp { packets, waiting, .. } = &mut **cx;
        let asked = waiting
            .iter_mut()
            .find(|asked| (asked.identifier, asked.sequence) == (echo.identifier, echo.sequence));
        let Some(asked) = asked else { return Ok(()) };
        let mut header = [0; IPV4_BYTES];
        let read = packets.read_buffer(message[0].buffer, message[0].network.into(), &mut header);
        if read.is_err() || !echo::is_whole(packets, message) || asked.answer.is_some() {
            return Ok(());
        }
        asked.answer = Some(PingAnswer {
            round_trip_ns: now.saturating_sub(asked.sent_ns),
            source: word(&header, SOURCE),
            bytes: length(message) as u32,
            hops_left: header[HOPS].into(),
            unchanged: echo::unchanged(packets, message) as u32,
        });
        Ok(listeners.tell()?)
    }

    /// Sends a question of `data` bytes, in these buffers.
    fn ask(
        cx: &mut Cx<'_, Self>,
        destination: u32,
        echo: &Echo,
        data: usize,
        buffers: &Indices,
    ) -> Result<(), PingError> {
        let question = cx.packets.spread(buffers, &echo::message(echo, data));
        let question = question.map_err(|Bad| PingError::Exhausted)?;
        match cx.req().ipv4.send(cx, ICMP, destination, question.as_bytes()) {
            // A layer below has died, and may come back.
            Err(Ipv4Error::System(SystemError::Lost)) => Err(PingError::Unreachable),
            sent => Ok(sent?),
        }
    }
}

/// Four bytes of a header.
fn word(header: &[u8; IPV4_BYTES], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

impl Ping for Icmp {
    fn ping(
        cx: &mut Cx<'_, Self>,
        destination: u32,
        sequence: u16,
        bytes: u32,
        patience_ns: u64,
    ) -> Result<PingAnswer, PingError> {
        if bytes > MOST_BYTES {
            return Err(PingError::TooLong);
        }
        if cx.waiting.len() >= MOST_WAITING {
            return Err(PingError::Exhausted);
        }
        let data = bytes as usize;
        let share = cx.share.get(cx)?;
        let mut buffers = Indices::zeroed((HEADROOM + HEADER_BYTES + data).div_ceil(BUFFER_BYTES));
        let taken = share.take(cx, buffers.as_mut_bytes()).map_err(|_| PingError::Exhausted)?;
        let enough = taken as usize == buffers.len();
        buffers.truncate(taken as usize);
        cx.identifier = cx.identifier.wrapping_add(1);
        let identifier = cx.identifier;
        let sent_ns = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
        cx.waiting.push(Waiting { identifier, sequence, sent_ns, answer: None });
        let question = Echo { is_request: true, identifier, sequence, checksum: 0 };
        let asked = match enough {
            true => Self::ask(cx, destination, &question, data, &buffers),
            false => Err(PingError::Exhausted),
        };
        let answer = asked.and_then(|()| Self::wait(cx, identifier, sent_ns + patience_ns));
        cx.waiting.retain(|waiting| waiting.identifier != identifier);
        // A packet memory that is gone needs nothing back.
        share.give(cx, buffers.as_bytes()).ok();
        answer
    }
}

impl Icmp {
    /// Waits for the answer of a question.
    fn wait(
        cx: &mut Cx<'_, Self>,
        identifier: u16,
        until_ns: u64,
    ) -> Result<PingAnswer, PingError> {
        let answer = cx.until(until_ns, |cx| {
            wait_until(
                cx,
                |icmp| &icmp.answered,
                |icmp| icmp.waiting.iter().find(|it| it.identifier == identifier)?.answer,
            )
        })?;
        match answer {
            Err(SystemError::Deadline) => Err(PingError::TimedOut),
            answer => Ok(answer?),
        }
    }
}
