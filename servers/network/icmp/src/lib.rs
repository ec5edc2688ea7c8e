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
//! # What has become of packets
//!
//! The network layers read that themselves, and hand it to whoever is served the packet's protocol. Here come only questions that did not get to whom they were for.
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

use warren::{Cx, New, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    Address, AddressSpace, Clock, Packet, PacketMemory, Ping, PingAnswer, PingError, Routing,
    Signals, Sink, SinkError, TO_SEVERAL, Task, ThreadError, ThreadFactory, Timer,
};
use warren_packets::{
    Bad, Batch, Buffers, OwnShare,
    batch::length,
    network,
    network::{Network, is_station},
    ready::{self, Ready},
    returned::{self, Fate, Returned},
    ways,
};
use warren_waiting::{Bell, wait_until};

use crate::echo::{Between, Echo, ICMP, ICMP6};

/// Questions that can wait for answers at the same time.
const MOST_WAITING: usize = 64;
/// Buffers of questions.
const MOST_BUFFERS: u32 = 64;
/// Most bytes of data in a question: with both headers, a packet of the longest kind.
const MOST_BYTES: u32 = 65_507;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    routing: Req<dyn Routing>,
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
    share: OwnShare,
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
    destination: Address,
    sent_ns: u64,
    answer: Option<PingAnswer>,
}

/// What each of this server's two threads runs: it is served ICMP of one kind.
#[local(provides = Task, parent = Icmp)]
pub struct Receiving {
    protocol: u8,
}

impl Server for Icmp {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = OwnShare::new(needs.packets.share(cx, MOST_BUFFERS)?)?;
        let answered = Bell::new(cx, &needs.signals)?;
        let ready = Ready::new(cx, &needs.signals)?;
        Ok(Icmp { ready, packets, share, waiting: Vec::new(), answered, identifier: 0 })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        for (protocol, name) in [(ICMP6, "icmp6"), (ICMP, "icmp")] {
            let task = cx.spawn(Receiving { protocol })?;
            cx.req().threads.start(cx, name, task)?;
        }
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let serve = |cx: &mut Cx<'_, Self>, sink| cx.req().routing.serve(cx, cx.protocol, sink);
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl ready::Served for Icmp {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for Icmp {
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        let messages = ready::receive(cx, packets)?;
        if let Some(first) = returned::only(&messages) {
            return Self::came_back(cx, first);
        }
        for message in messages.packets() {
            let Ok(about) = network(&cx.packets, &message[0]) else { continue };
            let Network { source, destination, .. } = about;
            let between = Between { source, destination };
            let Some(echo) = echo::read(&cx.packets, &message[0], &between) else { continue };
            match echo.is_request {
                // An answer that cannot be sent is lost, as it could be on its way.
                true => drop(Self::answer(cx, message, &between, &echo)),
                false => Self::answered(cx, message, &about, &echo)?,
            }
        }
        Ok(())
    }
}

impl Icmp {
    /// Tells whoever waits for the answer of a question with this beginning that there will be none, unless it was only too big.
    fn came_back(cx: &mut Cx<'_, Self>, first: &Packet) -> Result<(), SinkError> {
        let now_ns = Self::now_ns(cx)?;
        let Icmp { packets, waiting, .. } = &mut **cx;
        let Returned { network, fate, by } =
            returned::read(packets, first).map_err(|Bad| SinkError::NotSent)?;
        let Network { source, destination, .. } = network;
        let question = echo::read(packets, first, &Between { source, destination });
        let question = question.filter(|echo| echo.is_request).ok_or(SinkError::NotSent)?;
        let name = (question.identifier, question.sequence, destination);
        let mut all = waiting.iter_mut();
        let asked = all.find(|it| (it.identifier, it.sequence, it.destination) == name);
        let asked = asked.ok_or(SinkError::NotSent)?;
        let Fate::Stopped(obstacle) = fate else { return Ok(()) };
        if asked.answer.is_none() {
            asked.answer = Some(PingAnswer {
                round_trip_ns: now_ns.saturating_sub(asked.sent_ns),
                source: by,
                obstacle: obstacle as u32,
                ..PingAnswer::default()
            });
        }
        Ok(cx.answered.ring()?)
    }

    fn now_ns(cx: &Cx<'_, Self>) -> Result<u64, SystemError> {
        cx.req().clock.now_ns().map_err(|_| SystemError::Lost)
    }

    /// Sends a request back to where it came from.
    fn answer(
        cx: &mut Cx<'_, Self>,
        request: &[Packet],
        between: &Between,
        echo: &Echo,
    ) -> Result<(), PingError> {
        let bad = |Bad| PingError::Unreachable;
        let Between { source, destination } = *between;
        if request[0].flags & TO_SEVERAL != 0 || !is_station(&source) {
            return Ok(());
        }
        let mut answer = Batch::new();
        echo::answer(&cx.packets, &request[0], between, echo).map_err(bad)?;
        answer.push_packet(request).map_err(bad)?;
        if let Some(first) = answer.first_mut() {
            first.flags = 0;
        }
        cx.scope(|cx| {
            let (endpoint, mut way) = ways::route(cx, &cx.req().routing, &source)?;
            way.source = destination;
            Ok(endpoint.send(cx, between.protocol(), &way, answer.as_bytes())?)
        })
    }

    /// Tells whoever waits for an answer that it has come.
    fn answered(
        cx: &mut Cx<'_, Self>,
        message: &[Packet],
        about: &Network,
        echo: &Echo,
    ) -> Result<(), SinkError> {
        let now_ns = Self::now_ns(cx)?;
        let Icmp { packets, waiting, .. } = &mut **cx;
        let asked = waiting
            .iter_mut()
            .find(|asked| (asked.identifier, asked.sequence) == (echo.identifier, echo.sequence));
        let Some(asked) = asked else { return Ok(()) };
        let Network { source, destination, hops_left } = *about;
        let between = Between { source, destination };
        if !echo::is_whole(packets, message, &between) || asked.answer.is_some() {
            return Ok(());
        }
        asked.answer = Some(PingAnswer {
            round_trip_ns: now_ns.saturating_sub(asked.sent_ns),
            source,
            bytes: length(message) as u32,
            hops_left: hops_left.into(),
            unchanged: echo::unchanged(packets, message) as u32,
            obstacle: 0,
        });
        Ok(cx.answered.ring()?)
    }

    /// Sends a question of `data` bytes.
    fn ask(
        cx: &mut Cx<'_, Self>,
        destination: &Address,
        echo: &Echo,
        data: usize,
    ) -> Result<(), PingError> {
        let sent = cx.scope(|cx| {
            let (endpoint, way) = ways::route(cx, &cx.req().routing, destination)?;
            let between = Between { source: way.source, destination: *destination };
            let question = echo::message(echo, &between, data);
            let share = cx.share.clone();
            share.send(
                cx,
                |icmp| &icmp.packets,
                (&[], &question),
                |cx, packet| Ok(endpoint.send(cx, between.protocol(), &way, packet.as_bytes())?),
            )
        });
        match sent {
            // A layer below has died, and may come back.
            Err(PingError::System(SystemError::Lost)) => Err(PingError::Unreachable),
            sent => sent,
        }
    }
}

impl Ping for Icmp {
    fn ping(
        cx: &mut Cx<'_, Self>,
        destination: &Address,
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
        cx.identifier = cx.identifier.wrapping_add(1);
        let identifier = cx.identifier;
        let sent_ns = Self::now_ns(cx)?;
        let (to, answer) = (*destination, None);
        cx.waiting.push(Waiting { identifier, sequence, destination: to, sent_ns, answer });
        let question = Echo { is_request: true, identifier, sequence, checksum: 0 };
        let asked = Self::ask(cx, destination, &question, bytes as usize);
        let answer = asked.and_then(|()| Self::wait(cx, identifier, sent_ns + patience_ns));
        cx.waiting.retain(|waiting| waiting.identifier != identifier);
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
