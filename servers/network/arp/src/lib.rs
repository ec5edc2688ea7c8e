//! IPv4 on Ethernet: a neighbourhood whose neighbours are found by ARP.
//!
//! # Shape
//!
//! [`message`] reads and writes ARP, the library `packets` remembers what was heard and what waits; both are tested on the host. [`Arp`] is the server
//! around them. Packets that are sent pass through it. Those that arrive do not: Ethernet hands them straight to whoever is served IPv4.
//!
//! # Who asks again
//!
//! Whoever sends. A question or an answer that is lost costs the packets that waited for it a second at most, and the next packet asks again; so no thread
//! has to watch a clock.
//!
//! # What is believed
//!
//! Any station can claim any address, as ever in ARP. What it says changes where packets go to an address that somebody here has asked for, or
//! that has asked for this station; it cannot fill the table.
//!
//! # State, and what a restart loses
//!
//! What is known of neighbours, who are asked again, and what waits for them.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod message;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{
    Address, AddressSpace, Clock, Ethernet, LinkCounts, LinkDescription, Neighbour, Neighbourhood,
    NeighbourhoodDescription, NeighbourhoodError, Packet, PacketMemory, Signals, Sink, SinkError,
    Task, ThreadError, ThreadFactory, Timer,
};
use warren_packets::{
    Batch, Buffers, OwnShare,
    address::Ipv4Network,
    held::{self, Held, Holder},
    neighbours::number,
    ready::{self, Ready},
};

use crate::message::{MESSAGE_BYTES, Message};

/// Numbers of the protocols (EtherTypes).
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;

const BROADCAST: u64 = 0xffff_ffff_ffff;
/// Where the link addresses of IPv4's groups start (RFC 1112, section 6.4), and the bits of a group that they have.
const GROUPS: u64 = 0x0100_5e00_0000;
const GROUP_BITS: u32 = 0x007f_ffff;

/// Buffers of packets that wait for neighbours, and of questions.
const MOST_BUFFERS: u32 = 256;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    ethernet: Req<dyn Ethernet>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// IPv4 on Ethernet.
#[server(
    provides(Neighbourhood, Sink),
    locals(Listening),
    stack = 32768,
    summary = "IPv4 on Ethernet, neighbours by ARP"
)]
pub struct Arp {
    ready: Ready,
    packets: Buffers,
    held: Held<u32>,
    link: LinkDescription,
    /// The address of this station and its neighbours', once it has one.
    network: Option<Ipv4Network>,
}

/// What this server's thread runs: it is served ARP.
#[local(provides = Task, parent = Arp)]
pub struct Listening {}

impl Server for Arp {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let held = Held::new(OwnShare::new(needs.packets.share(cx, MOST_BUFFERS)?)?);
        let link = needs.ethernet.description(cx)?;
        let ready = Ready::new(cx, &needs.signals)?;
        Ok(Arp { ready, packets, held, link, network: None })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Listening {})?;
        cx.req().threads.start(cx, "arp", task)?;
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl Task for Listening {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let serve = |cx: &mut Cx<'_, Self>, sink| cx.req().ethernet.serve(cx, ARP, sink);
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl ready::Served for Arp {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for Arp {
    /// Messages of ARP.
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        let messages = ready::receive(cx, packets)?;
        for packet in messages.packets() {
            let bytes = cx.packets.header::<MESSAGE_BYTES>(&packet[0]);
            if let Some(message) = bytes.ok().and_then(|bytes| message::read(&bytes)) {
                // What is lost is asked for again.
                Self::heard(cx, &packet[0], &message).ok();
            }
        }
        Ok(())
    }
}

impl Holder for Arp {
    type Address = u32;
    type Error = NeighbourhoodError;

    fn held(&mut self) -> &mut Held<u32> {
        &mut self.held
    }

    fn put_out(
        cx: &mut Cx<'_, Self>,
        link: u64,
        packets: &Batch,
    ) -> Result<(), NeighbourhoodError> {
        cx.req().ethernet.send(cx, IPV4, link, packets.as_bytes())?;
        Ok(())
    }
}

impl Arp {
    fn now_ns(cx: &Cx<'_, Self>) -> Result<u64, NeighbourhoodError> {
        cx.req().clock.now_ns().map_err(|_| NeighbourhoodError::Link)
    }

    /// Takes note of what a station says of itself, and answers it in its own message's place.
    fn heard(
        cx: &mut Cx<'_, Self>,
        packet: &Packet,
        message: &Message,
    ) -> Result<(), NeighbourhoodError> {
        let now = Self::now_ns(cx)?;
        let Message { asks, source: (address, link), target } = *message;
        let Some(Ipv4Network { address: own, .. }) = cx.network else { return Ok(()) };
        let asks = asks && target.0 == own;
        let sent = held::heard(cx, address, link, asks, now);
        if asks {
            let source = (own, cx.link.address);
            let answer = Message { asks: false, source, target: message.source };
            let record = Packet { bytes: MESSAGE_BYTES as u16, more: 0, flags: 0, ..*packet };
            cx.packets.write(&record, 0, &message::write(&answer))?;
            let mut batch = Batch::new();
            batch.push(record)?;
            cx.req().ethernet.send(cx, ARP, number(link), batch.as_bytes())?;
        }
        sent
    }

    /// Asks all stations for a neighbour.
    fn ask(cx: &mut Cx<'_, Self>, neighbour: u32) -> Result<(), NeighbourhoodError> {
        let own = cx.network.ok_or(NeighbourhoodError::NoAddress)?.address;
        let source = (own, cx.link.address);
        let question = Message { asks: true, source, target: (neighbour, [0; 6]) };
        let (message, share) = (message::write(&question), cx.held.share.clone());
        share.send(
            cx,
            |arp| &arp.packets,
            (&[], &message),
            |cx, packet| {
                cx.req().ethernet.send(cx, ARP, BROADCAST, packet.as_bytes())?;
                Ok(())
            },
        )
    }

    /// The link address of packets for more than one station.
    fn group(&self, address: u32) -> Option<u64> {
        let is_group = address >> 28 == 0xe;
        match address {
            _ if is_group => Some(GROUPS | u64::from(address & GROUP_BITS)),
            u32::MAX => Some(BROADCAST),
            _ => (Some(address) == self.network?.broadcast()).then_some(BROADCAST),
        }
    }
}

impl Neighbourhood for Arp {
    fn description(cx: &mut Cx<'_, Self>) -> Result<NeighbourhoodDescription, NeighbourhoodError> {
        let LinkDescription { mtu, offloads, .. } = cx.link;
        let none = Ipv4Network { address: 0, prefix: 0 };
        let Ipv4Network { address, prefix } = cx.network.unwrap_or(none);
        Ok(NeighbourhoodDescription { address, prefix, mtu, offloads })
    }

    fn assign(cx: &mut Cx<'_, Self>, address: u32, prefix: u32) -> Result<(), NeighbourhoodError> {
        let prefix = prefix.min(32);
        cx.network = (address != 0).then_some(Ipv4Network { address, prefix });
        Ok(())
    }

    fn link(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, NeighbourhoodError> {
        Ok(cx.req().ethernet.description(cx)?)
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, NeighbourhoodError> {
        Ok(cx.req().ethernet.counts(cx)?)
    }

    fn send(
        cx: &mut Cx<'_, Self>,
        neighbour: u32,
        packets: &[u8],
    ) -> Result<(), NeighbourhoodError> {
        if let Some(group) = cx.group(neighbour) {
            cx.req().ethernet.send(cx, IPV4, group, packets)?;
            return Ok(());
        }
        cx.network.ok_or(NeighbourhoodError::NoAddress)?;
        let now = Self::now_ns(cx)?;
        let way = cx.held.neighbours.way(neighbour, now);
        match way.link {
            Some(link) => drop(cx.req().ethernet.send(cx, IPV4, number(link), packets)?),
            None => held::keep(cx, neighbour, &Batch::read(packets)?, now)?,
        }
        // The answer finds what waits for it.
        if way.ask { Self::ask(cx, neighbour) } else { Ok(()) }
    }

    fn serve<'f>(cx: &mut Cx<'f, Self>, sink: Ref<'f, dyn Sink>) -> Result<(), NeighbourhoodError> {
        Ok(cx.req().ethernet.serve(cx, IPV4, sink)?)
    }

    fn neighbour(cx: &mut Cx<'_, Self>, index: u32) -> Result<Neighbour, NeighbourhoodError> {
        let now = Self::now_ns(cx)?;
        Ok(cx.held.neighbours.shown(index as usize, Address::v4, now))
    }
}
