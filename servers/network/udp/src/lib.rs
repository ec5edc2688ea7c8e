//! UDP.
//!
//! # Shape
//!
//! [`header`] takes headers off and puts them on, [`ports`] keeps what waits; both are tested on the host. [`UdpServer`] is the server around them,
//! and [`Socket`] a port of it.
//!
//! # Who pays
//!
//! The thread that brings a datagram finds its port, checks it, and leaves it there, where a few can wait. All else is done by the thread that takes it. So whoever is
//! flooded loses its own datagrams, and nobody else's. Whoever sends to a port that nobody has is told so by that thread, but only so often.
//!
//! # State, and what a restart loses
//!
//! All sockets with what waits at them: references to them are `Lost`, and whoever had one opens another.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod header;
pub mod ports;

use alloc::{rc::Rc, vec::Vec};
use core::cell::RefCell;

use warren::{Cx, New, Out, Ref, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    Address, AddressSpace, Clock, DATAGRAM_BYTES, Datagram, Entropy, Packet, PacketMemory, Routing,
    Signals, Sink, SinkError, Task, ThreadError, ThreadFactory, Timer, Udp, UdpCounts, UdpError,
    UdpSocket, UdpSocketStatus,
};
use warren_packets::{
    Bad, Batch, Buffers, Indices, OwnShare,
    batch::length,
    network::is_station,
    ready::{self, Ready},
    refusals::{Refusal, Refusals, Refuser, refuse},
    returned::{self, Fate, Returned},
    unguessable, ways,
};
use warren_waiting::{Bell, wait_until};

use crate::{
    header::{Header, UDP},
    ports::{Arrived, NoPort, Ports, Waiting},
};

/// Buffers of one socket: of datagrams that wait, or are being sent.
const MOST_BUFFERS: u32 = 128;
/// Datagrams that can be refused at the same time.
const MOST_REFUSED: u32 = 16;
/// Bytes of a header of IPv6. What is sent over IPv4 is not asked for.
const IPV6_BYTES: usize = 40;
/// Bytes that are copied at a time.
const CHUNK: usize = 2048;

/// What the layer needs.
#[derive(Required)]
pub struct Needs {
    routing: Req<dyn Routing>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
    entropy: Req<dyn Entropy>,
}

/// The layer.
#[server(
    provides(Udp, Sink),
    locals(Receiving, Socket),
    stack = 32768,
    summary = "datagrams of UDP between ports"
)]
pub struct UdpServer {
    ready: Ready,
    packets: Rc<Buffers>,
    ports: Rc<RefCell<Ports<Rc<Port>>>>,
    counts: UdpCounts,
    refusals: Refusals,
}

/// A port.
struct Port {
    waiting: RefCell<Waiting>,
    /// Of the packet memory. What waits is given back with it.
    share: OwnShare,
    /// Rings when there is more.
    more: Bell,
}

impl AsRef<RefCell<Waiting>> for Port {
    fn as_ref(&self) -> &RefCell<Waiting> {
        &self.waiting
    }
}

/// What this server's thread runs: it is served UDP.
#[local(provides = Task, parent = UdpServer)]
pub struct Receiving {}

/// Whoever has a port.
#[local(provides = UdpSocket, parent = UdpServer)]
pub struct Socket {
    number: u16,
    port: Rc<Port>,
    packets: Rc<Buffers>,
    ports: Rc<RefCell<Ports<Rc<Port>>>>,
}

impl Server for UdpServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let ready = Ready::new(cx, &needs.signals)?;
        let packets = Rc::new(packets);
        let share = OwnShare::new(needs.packets.share(cx, MOST_REFUSED)?)?;
        let (ports, counts) = (Rc::default(), UdpCounts::default());
        Ok(UdpServer { ready, packets, ports, counts, refusals: Refusals::new(share, 0) })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving {})?;
        cx.req().threads.start(cx, "udp", task)?;
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let serve = |cx: &mut Cx<'_, Self>, sink| cx.req().routing.serve(cx, UDP, sink);
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl ready::Served for UdpServer {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Refuser for UdpServer {
    fn refusals(&mut self) -> &mut Refusals {
        &mut self.refusals
    }

    fn packets(&self) -> &Buffers {
        &self.packets
    }
}

impl Sink for UdpServer {
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        let datagrams = ready::receive(cx, packets)?;
        if let Some(first) = returned::only(&datagrams) {
            return if cx.has_sent(first) { Ok(()) } else { Err(SinkError::NotSent) };
        }
        let (wanted, unknown) = Self::sort(cx, &datagrams);
        for (number, arrived) in wanted {
            if !Self::leave(cx, number, arrived)? {
                cx.counts.dropped += 1;
            }
        }
        for datagram in unknown.packets() {
            let needs = cx.req();
            refuse(cx, (&needs.routing, &needs.clock), datagram, Refusal::Port);
        }
        Ok(())
    }
}

impl UdpServer {
    /// Whether a datagram with this beginning was sent lately.
    fn has_sent(&self, first: &Packet) -> bool {
        let read = returned::read(&self.packets, first);
        let (Ok(Returned { network, fate, .. }), Ok([a, b, c, d])) =
            (read, self.packets.header(first))
        else {
            return false;
        };
        // A socket sends to many, and is not told that one of them is not there.
        let Fate::TooBig(mtu) = fate else { return false };
        let [source, port] = [[a, b], [c, d]].map(u16::from_be_bytes);
        let ports = self.ports.borrow();
        let destination = (network.destination, port);
        ports.get(source).is_some_and(|it| it.waiting.borrow().has_sent(destination, mtu))
    }

    /// Leaves a datagram at its port; whether there was room.
    fn leave(cx: &mut Cx<'_, Self>, number: u16, arrived: Arrived) -> Result<bool, SystemError> {
        let Some(port) = cx.ports.borrow().get(number).cloned() else { return Ok(false) };
        let has_room = port.waiting.borrow_mut().has_room();
        if !has_room || port.share.hold(cx, &Indices::of(&arrived.pieces)).is_err() {
            return Ok(false);
        }
        port.waiting.borrow_mut().add(arrived);
        port.more.ring()?;
        Ok(true)
    }

    /// Those of the datagrams that are whole and for a port that somebody has; and those for other ports, as they have arrived.
    fn sort(cx: &mut Cx<'_, Self>, datagrams: &Batch) -> (Vec<(u16, Arrived)>, Batch) {
        let (mut wanted, mut unknown) = (Vec::new(), Batch::new());
        let UdpServer { packets, ports, counts, .. } = &mut **cx;
        let ports = ports.borrow();
        for datagram in datagrams.packets() {
            counts.received += 1;
            let mut pieces = Vec::from(datagram);
            let Some((first, others)) = pieces.split_first_mut() else { continue };
            let header = header::arrived(packets, first, others);
            let Some(header) = header.ok().filter(|it| is_station(&it.source.0)) else {
                counts.bad += 1;
                continue;
            };
            let (destination, number) = header.destination;
            if ports.get(number).is_none() {
                counts.unknown += 1;
                // There is room: it was in a batch before.
                unknown.push_packet(datagram).ok();
                continue;
            }
            let (source, source_port) = header.source;
            let bytes = length(&pieces) as u32;
            let about = Datagram { source, source_port, bytes, destination, reserved: 0 };
            wanted.push((number, Arrived { about, pieces }));
        }
        (wanted, unknown)
    }
}

impl Udp for UdpServer {
    fn open<'f>(cx: &mut Cx<'f, Self>, port: u16) -> Result<Ref<'f, dyn UdpSocket>, UdpError> {
        let more = Bell::new(cx, &cx.req().signals)?;
        let share = OwnShare::new(cx.req().packets.share(cx, MOST_BUFFERS)?)?;
        let start = if port == 0 { unguessable(cx, &cx.req().entropy, &cx.req().clock) } else { 0 };
        let number = cx.ports.borrow().choose(port, start).map_err(|error| match error {
            NoPort::InUse => UdpError::InUse,
            NoPort::TooMany => UdpError::TooMany,
        })?;
        let port = Rc::new(Port { waiting: RefCell::default(), share, more });
        cx.ports.borrow_mut().insert(number, port.clone());
        // A socket that is refused gives its port up when it is dropped.
        let socket = Socket { number, port, packets: cx.packets.clone(), ports: cx.ports.clone() };
        Ok(cx.spawn(socket)?)
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<UdpCounts, UdpError> {
        Ok(cx.counts)
    }

    fn socket(cx: &mut Cx<'_, Self>, index: u32) -> Result<UdpSocketStatus, UdpError> {
        Ok(cx.ports.borrow().status(index as usize))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.ports.borrow_mut().remove(self.number);
    }
}

impl Socket {
    fn more(&self) -> &Bell {
        &self.port.more
    }
}

impl UdpSocket for Socket {
    fn port(cx: &mut Cx<'_, Self>) -> Result<u16, UdpError> {
        Ok(cx.number)
    }

    fn send(
        cx: &mut Cx<'_, Self>,
        destination: &Address,
        port: u16,
        data: &[u8],
    ) -> Result<(), UdpError> {
        if data.len() > DATAGRAM_BYTES {
            return Err(UdpError::TooLong);
        }
        if port == 0 {
            return Err(UdpError::BadPort);
        }
        let (endpoint, way) = ways::route(cx, &cx.req().routing, destination)?;
        let header = Header { source: (way.source, cx.number), destination: (*destination, port) };
        let headers = header::sent(&header, data).map_err(|Bad| UdpError::TooLong)?;
        let share = cx.port.share.clone();
        share.send(
            cx,
            |socket| &socket.packets,
            (&headers, data),
            |cx, datagram| {
                endpoint.send(cx, UDP, &way, datagram.as_bytes()).map_err(UdpError::from)
            },
        )?;
        let bytes = IPV6_BYTES + headers.len() + data.len();
        cx.port.waiting.borrow_mut().sent((*destination, port), bytes);
        Ok(())
    }

    fn receive(cx: &mut Cx<'_, Self>, mut data: Out<'_>) -> Result<Datagram, UdpError> {
        wait_until(cx, Self::more, |socket| {
            (!socket.port.waiting.borrow().is_empty()).then_some(())
        })?;
        let first = cx.port.waiting.borrow_mut().take();
        let Arrived { about, pieces } = first.ok_or(SystemError::BadAnswer)?;
        let (bytes, mut at) = (length(&pieces).min(data.len()), 0);
        let mut chunk = [0; CHUNK];
        while at < bytes {
            let count = CHUNK.min(bytes - at);
            let read = cx.packets.gather(&pieces, at, &mut chunk[..count]);
            read.map_err(|Bad| SystemError::BadAnswer)?;
            data.write(at, &chunk[..count]);
            at += count;
        }
        let share = cx.port.share.clone();
        share.give(cx, &Indices::of(&pieces)).ok();
        Ok(about)
    }
}
