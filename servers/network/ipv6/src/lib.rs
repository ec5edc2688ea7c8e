//! The IPv6 layer on Ethernet, with neighbour discovery.
//!
//! # Shape
//!
//! [`header`] takes headers off and puts them on, [`message`] reads and writes what stations and routers say to each other, [`addresses`] knows where this station is, [`claims`] when others hear of it; all are
//! pure and tested on the host, as is what the library `packets` has of neighbours and fragments. [`Ipv6Server`] is the server around them, an endpoint.
//!
//! Neighbours are found by messages that are packets of IPv6 themselves (RFC 4861), so this server does what `arp` and `ipv4` do together.
//!
//! # What it does not do
//!
//! It forwards nothing, follows no redirections, and tells no routers of groups (MLD). It sends no errors for headers and options that it does not understand.
//! It uses an address at once, asks whether another station has it, and gives it up if that says so (RFC 4429 allows as much).
//!
//! # State, and what a restart loses
//!
//! What routers have said, who are asked again; what is known of neighbours; fragments of datagrams that are not complete; who is delivered which protocol, which it is told again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod addresses;
pub mod claims;
pub mod header;
pub mod message;
pub mod settings;

use alloc::vec::Vec;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    Address, AddressSpace, CHECKSUM_FILL, Clock, Endpoint, EndpointError, Entropy, Ethernet, Ipv6,
    Ipv6Address, Ipv6Counts, Ipv6Error, LinkDescription, Log, LogRecord, Neighbour,
    OFFLOAD_CHECKSUM, OFFLOAD_ONLY_IPV4, Packet, PacketMemory, Parameters, Route, Routing, Signals,
    Sink, SinkError, TO_SEVERAL, Task, ThreadError, ThreadFactory, Timer, Way,
};
use warren_packets::{
    Bad, Batch, Buffers, OwnShare,
    batch::{length, whole},
    distribution::{self, Distributor, Sinks, distribute},
    fragments::{self, Fragment, Reassembly},
    held::{self, Held, Holder},
    neighbours::{LinkAddress, number},
    ready::{self, Ready},
    refusals::{Refusals, Refuser, SETTLING_NS, refuse_protocol},
    returned::{self, Fate},
    unguessable, ways,
};
use warren_waiting::{Bell, wait_at_until};

use crate::{
    addresses::{ALL, Addresses, LEAST_MTU, Network, ROUTERS, Step, is_group},
    claims::{Claims, Due},
    header::{FRAGMENT_BYTES, HEADER_BYTES, Header, Part},
    message::{Contents, ICMP, MOST_BYTES, Message, NEAR, PACKET, solicited},
};

/// IPv6's number among the protocols on Ethernet (RFC 2464).
const IPV6: u16 = 0x86dd;
/// Where the link addresses of IPv6's groups start (RFC 2464, section 7).
const GROUPS: u64 = 0x3333_0000_0000;

/// Datagrams that were sent in fragments and are told by their identification, which begins where nobody knows.
const RECENT_DATAGRAMS: u32 = 64;
/// Buffers of packets that wait for neighbours, of fragments, and of messages.
const MOST_BUFFERS: u32 = 256;

/// What the layer needs.
#[derive(Required)]
pub struct Needs {
    ethernet: Req<dyn Ethernet>,
    routing: Req<dyn Routing>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
    entropy: Req<dyn Entropy>,
    log: Req<dyn Log>,
}

/// The IPv6 layer on one Ethernet.
#[server(
    provides(Endpoint, Ipv6, Sink, Task),
    locals(Receiving, Attending),
    parameters("address", "gateway", "name-servers"),
    stack = 32768,
    summary = "datagrams to any address of IPv6, neighbours by discovery"
)]
pub struct Ipv6Server {
    ready: Ready,
    packets: Buffers,
    held: Held<Address>,
    link: LinkDescription,
    addresses: Addresses,
    /// Rings when that has changed.
    changed: Bell,
    /// How often it has.
    changes: u64,
    reassembly: Reassembly<Name>,
    /// Identification of the next datagram that is sent in fragments.
    identification: u32,
    sinks: Sinks,
    refusals: Refusals,
    counts: Ipv6Counts,
}

/// What the fragments of one datagram have in common.
type Name = (Address, Address, u32);

/// What one of this server's threads runs: Ethernet serves it.
#[local(provides = Task, parent = Ipv6Server)]
pub struct Receiving {}

/// What another one runs: it tells `routing` where this endpoint leads. A third one runs the server itself, and watches the clock.
#[local(provides = Task, parent = Ipv6Server)]
pub struct Attending {}

impl Server for Ipv6Server {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let settings = settings::read(&needs.parameters)?;
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = OwnShare::new(needs.packets.share(cx, MOST_BUFFERS)?)?;
        let link = needs.ethernet.description(cx)?;
        if link.mtu < LEAST_MTU {
            return Err(StartError::new("the link's packets are shorter than IPv6 allows"));
        }
        let ready = Ready::new(cx, &needs.signals)?;
        let now_ns = needs.clock.now_ns().map_err(|_| SystemError::Lost)?;
        let changed = Bell::new(cx, &needs.signals)?;
        let mut unguessable = || unguessable(cx, &needs.entropy, &needs.clock);
        let [high, low] = core::array::from_fn(|_| unguessable());
        Ok(Ipv6Server {
            ready,
            packets,
            refusals: Refusals::new(share.clone(), now_ns + SETTLING_NS),
            held: Held::new(share),
            link,
            addresses: Addresses::new(link.address, link.mtu, settings),
            changed,
            changes: 0,
            reassembly: Reassembly::default(),
            identification: u32::from(high) << 16 | u32::from(low),
            sinks: Sinks::default(),
            counts: Ipv6Counts::default(),
        })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving {})?;
        cx.req().threads.start(cx, "ipv6", task)?;
        ready::wait(cx, &cx.req().clock)?;
        Self::announce(cx)?;
        let task = cx.spawn(Attending {})?;
        cx.req().threads.start(cx, "ipv6-routes", task)?;
        let task = cx.root::<dyn Task>()?;
        cx.req().threads.start(cx, "ipv6-clock", task)?;
        Ok(())
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        // `routing` knows the endpoint as long as somebody has a reference to it.
        let _endpoint = cx.root::<dyn Endpoint>()?;
        let serve = |cx: &mut Cx<'_, Self>, sink| cx.req().ethernet.serve(cx, IPV6, sink);
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl Task for Attending {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        match ways::attend(cx, &cx.req().routing, &cx.req().timer, |cx| cx.parent().leads())? {}
    }
}

impl Task for Ipv6Server {
    /// Asks for routers and for who has this station's addresses, and gives up what is over.
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let mut claims = Claims::default();
        loop {
            let known = cx.changes;
            let now = Self::now_ns(cx)?;
            let Step { ask, changed: is_changed, until_ns } = cx.addresses.step(now);
            if is_changed {
                Self::announce(cx)?;
            }
            if ask {
                let message = message::router_solicitation(cx.link.address);
                let source = cx.addresses.near();
                cx.scope(|cx| Self::say(cx, source, &ROUTERS, message, None)).ok();
            }
            let own: Vec<Address> =
                (0..).map_while(|at| cx.addresses.get(at)).map(|own| own.address).collect();
            for due in claims.step(&own, now) {
                let (source, destination, message) = match due {
                    Due::Ask(address) => {
                        let message = message::solicitation(&address, None);
                        (Address::NONE, solicited(&address), message)
                    }
                    Due::Announce(address) => {
                        (address, ALL, message::advertisement(&address, cx.link.address, false))
                    }
                };
                cx.scope(|cx| Self::say(cx, Some(source), &destination, message, None)).ok();
            }
            let until_ns = until_ns.min(claims.next_ns());
            let (changed, look) =
                (cx.changed.clone(), |layer: &Self| (layer.changes != known).then_some(()));
            wait_at_until(cx, &changed, until_ns, look)?;
        }
    }
}

impl ready::Served for Ipv6Server {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for Ipv6Server {
    /// Packets that have arrived.
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        let packets = ready::receive(cx, packets)?;
        Self::arrived(cx, packets);
        Ok(())
    }
}

impl Distributor for Ipv6Server {
    fn sinks(&self) -> &Sinks {
        &self.sinks
    }
}

impl Refuser for Ipv6Server {
    fn refusals(&mut self) -> &mut Refusals {
        &mut self.refusals
    }

    fn packets(&self) -> &Buffers {
        &self.packets
    }
}

impl Holder for Ipv6Server {
    type Address = Address;
    type Error = EndpointError;

    fn held(&mut self) -> &mut Held<Address> {
        &mut self.held
    }

    fn put_out(cx: &mut Cx<'_, Self>, link: u64, packets: &Batch) -> Result<(), EndpointError> {
        cx.req().ethernet.send(cx, IPV6, link, packets.as_bytes())?;
        Ok(())
    }
}

/// A packet that has to be looked at alone: a message for this layer, or a part of a datagram.
type Alone = (Header, u8, Option<Part>, Vec<Packet>);

impl Ipv6Server {
    fn now_ns(cx: &Cx<'_, Self>) -> Result<u64, SystemError> {
        cx.req().clock.now_ns().map_err(|_| SystemError::Lost)
    }

    /// Where this endpoint leads.
    fn leads(&self) -> Vec<Route> {
        // Some links look for headers of IPv4 by themselves.
        let without =
            if self.link.offloads & OFFLOAD_ONLY_IPV4 != 0 { OFFLOAD_CHECKSUM } else { 0 };
        self.addresses.leads(self.link.offloads & !without)
    }

    /// Tells `routing` so, and this server's own thread that something has changed.
    fn announce(cx: &mut Cx<'_, Self>) -> Result<(), SystemError> {
        let routes = cx.leads();
        cx.changes += 1;
        cx.changed.ring()?;
        ways::announce(cx, &cx.req().routing, &routes)
    }

    /// Hands on what is in packets that have arrived.
    fn arrived(cx: &mut Cx<'_, Self>, mut packets: Batch) {
        let mut all_alone: Vec<Alone> = Vec::new();
        let Ipv6Server { packets: memory, addresses, counts, .. } = &mut **cx;
        let protocols = packets.sort(|first, others| {
            counts.received += 1;
            let arrived = header::arrived(memory, first, others);
            let arrived = arrived.ok().filter(|(it, _)| addresses.is_for_here(&it.destination));
            let contents = arrived
                .and_then(|(it, next)| Some((it, header::unwrap(memory, first, next).ok()?)));
            let Some((header, (protocol, part))) = contents else {
                counts.bad += 1;
                return None;
            };
            if is_group(&header.destination) {
                first.flags |= TO_SEVERAL;
            }
            let is_own = protocol == ICMP
                && memory.header::<1>(first).is_ok_and(|[kind]| message::is_own(kind));
            if part.is_some() || is_own {
                all_alone.push((header, protocol, part, whole(first, others)));
                return None;
            }
            Some(protocol.into())
        });
        for (protocol, packets) in distribute(cx, &packets, &protocols) {
            Self::refuse(cx, protocol, &packets);
        }
        for (header, protocol, part, pieces) in all_alone {
            // What is lost here is the same as if it had been on its way.
            cx.scope(|cx| match part {
                Some(part) => Self::put_together(cx, &header, protocol, &part, &pieces).ok(),
                None => Self::heard(cx, &header, &pieces).ok(),
            });
        }
    }

    /// Counts packets of a protocol that nobody is served, and tells whoever has sent them so.
    fn refuse(cx: &mut Cx<'_, Self>, protocol: u16, packets: &Batch) {
        cx.counts.unknown += packets.packets().count() as u64;
        if protocol != ICMP.into() {
            let needs = cx.req();
            let needs = (&needs.routing, &needs.clock);
            refuse_protocol(cx, needs, (protocol, packets), header::names_protocol);
        }
    }

    /// Keeps a fragment, and hands the datagram on if it is complete.
    fn put_together(
        cx: &mut Cx<'_, Self>,
        header: &Header,
        next: u8,
        part: &Part,
        pieces: &[Packet],
    ) -> Result<(), EndpointError> {
        let share = cx.held.share.clone();
        let now = Self::now_ns(cx)?;
        let name = (header.source, header.destination, part.identification);
        let place = (part.offset.into(), part.more);
        let reassembly: fn(&mut Self) -> &mut Reassembly<_> = |layer| &mut layer.reassembly;
        // All fragments say what follows, and the last one to come is as good as the first.
        let whose = |layer: &Self, first: &mut Packet| {
            // No neighbour says what it has to say in pieces (RFC 6980).
            let contents = header::unwrap(&layer.packets, first, next).ok();
            contents.and_then(|(protocol, part)| part.is_none().then_some(protocol))
        };
        Ok(fragments::take(cx, &share, reassembly, (name, place), pieces, now, whose)?)
    }

    /// Takes note of what a station says.
    fn heard(
        cx: &mut Cx<'_, Self>,
        header: &Header,
        pieces: &[Packet],
    ) -> Result<(), EndpointError> {
        let bytes = length(pieces);
        let mut read = alloc::vec![0; bytes.min(MOST_BYTES)];
        let whole = cx.packets.gather(pieces, 0, &mut read).is_ok() && bytes <= MOST_BYTES;
        let Some(message) = message::read(header, &read).filter(|_| whole) else {
            cx.counts.bad += 1;
            return Ok(());
        };
        cx.counts.discovery += 1;
        let now = Self::now_ns(cx)?;
        match message {
            Message::Solicitation { target, source_link } if cx.addresses.is_own(&target) => {
                Self::answer(cx, header, &target, source_link, now)
            }
            Message::Solicitation { .. } => Ok(()),
            Message::Advertisement { target, link, overrides } => {
                if cx.addresses.conflict(&target) {
                    let line = alloc::format!("another station has {target}");
                    cx.req().log.write(LogRecord::WARNING, &line).ok();
                    return Ok(Self::announce(cx)?);
                }
                let known = cx.held.neighbours.link(target);
                match link {
                    Some(link) if overrides || known.is_none_or(|known| known == link) => {
                        held::heard(cx, target, link, false, now)
                    }
                    _ => Ok(()),
                }
            }
            Message::Router(router) => {
                if cx.addresses.heard(&header.source, &router, now) {
                    Self::announce(cx)?;
                }
                match router.link {
                    Some(link) => held::heard(cx, header.source, link, true, now),
                    None => Ok(()),
                }
            }
            // Any station can say it: it counts only if such a packet was sent.
            Message::Returned { source, .. } if !cx.addresses.is_own(&source) => Ok(()),
            Message::Returned { contents, destination, fate, .. } => {
                let was_sent = match contents {
                    Contents::Whole(protocol) => {
                        let beginning = returned::beginning(&pieces[0], PACKET, HEADER_BYTES, fate);
                        beginning.is_ok_and(|first| returned::hand_back(cx, first, protocol))
                    }
                    Contents::Fragment(identification) => {
                        cx.identification.wrapping_sub(identification) < RECENT_DATAGRAMS
                    }
                };
                if let Fate::TooBig(mtu) = fate
                    && was_sent
                    && cx.addresses.too_big(&destination, mtu.into(), now)
                {
                    Self::announce(cx)?;
                }
                Ok(())
            }
        }
    }

    /// Answers a question for an address of this station's.
    fn answer(
        cx: &mut Cx<'_, Self>,
        header: &Header,
        target: &Address,
        source_link: Option<LinkAddress>,
        now: u64,
    ) -> Result<(), EndpointError> {
        let own = cx.link.address;
        if header.source == Address::NONE {
            let message = message::advertisement(target, own, false);
            return Self::say(cx, Some(*target), &ALL, message, None);
        }
        if let Some(link) = source_link {
            held::heard(cx, header.source, link, true, now)?;
        }
        let message = message::advertisement(target, own, true);
        Self::say(cx, Some(*target), &header.source, message, source_link)
    }

    /// Sends a message of this layer's own, to where whoever it is for is said to be, or else is known to be.
    fn say(
        cx: &mut Cx<'_, Self>,
        source: Option<Address>,
        destination: &Address,
        mut message: Vec<u8>,
        link: Option<LinkAddress>,
    ) -> Result<(), EndpointError> {
        let source = source.ok_or(EndpointError::Unreachable)?;
        let header = Header { source, destination: *destination, hops: NEAR };
        message::finish(&header, &mut message);
        let headers = header::sent(&header, ICMP, message.len());
        let headers = headers.map_err(|Bad| EndpointError::TooLong)?;
        let share = cx.held.share.clone();
        share.send(
            cx,
            |layer| &layer.packets,
            (&headers, &message),
            |cx, packet| match link {
                Some(link) => {
                    cx.counts.sent += 1;
                    Self::put_out(cx, number(link), packet)
                }
                None => Self::leave(cx, destination, packet),
            },
        )
    }

    /// Sends packets whose headers are on to a neighbour, or to a group.
    fn leave(
        cx: &mut Cx<'_, Self>,
        neighbour: &Address,
        packets: &Batch,
    ) -> Result<(), EndpointError> {
        cx.counts.sent += packets.packets().count() as u64;
        if is_group(neighbour) {
            let group = GROUPS | neighbour.number() as u64 & 0xffff_ffff;
            return Self::put_out(cx, group, packets);
        }
        let now = Self::now_ns(cx)?;
        let way = cx.held.neighbours.way(*neighbour, now);
        match way.link {
            Some(link) => Self::put_out(cx, number(link), packets)?,
            None => held::keep(cx, *neighbour, packets, now)?,
        }
        if !way.ask {
            return Ok(());
        }
        // The answer finds what waits for it. Who is known is asked alone whether it is still there (RFC 4861, section 7.3).
        let message = message::solicitation(neighbour, Some(cx.link.address));
        let destination = if way.link.is_some() { *neighbour } else { solicited(neighbour) };
        let source = cx.addresses.near();
        match way.link {
            None => cx.scope(|cx| Self::ask_group(cx, source, &destination, message)),
            link => cx.scope(|cx| Self::say(cx, source, &destination, message, link)),
        }
    }

    /// Asks a group, which has a link address that is known always.
    fn ask_group(
        cx: &mut Cx<'_, Self>,
        source: Option<Address>,
        group: &Address,
        message: Vec<u8>,
    ) -> Result<(), EndpointError> {
        let [.., a, b, c, d] = group.bytes;
        Self::say(cx, source, group, message, Some([0x33, 0x33, a, b, c, d]))
    }

    /// Sends a datagram that is too long for its way, in fragments with headers in buffers of their own.
    fn send_fragments(
        cx: &mut Cx<'_, Self>,
        way: &Way,
        (protocol, most): (u8, usize),
        datagram: &mut [Packet],
    ) -> Result<(), EndpointError> {
        fill_checksum(&cx.packets, datagram)?;
        let fragments = fragments::cut(datagram, most - FRAGMENT_BYTES);
        cx.identification = cx.identification.wrapping_add(1);
        let Way { source, destination, neighbour, .. } = *way;
        let header = Header { source, destination, hops: cx.addresses.hops };
        let identification = cx.identification;
        let headers = |fragment: &Fragment| {
            let part = Part { identification, offset: fragment.offset, more: fragment.more };
            header::sent_part(&header, protocol, &part, length(&fragment.pieces))
        };
        let share = cx.held.share.clone();
        fragments::send(
            cx,
            &share,
            |layer| &layer.packets,
            &fragments,
            headers,
            |cx, batch| Self::leave(cx, &neighbour, batch),
        )
    }
}

/// Fills the checksum of a datagram in that the link was to fill in, which cannot see all of it.
fn fill_checksum(memory: &Buffers, datagram: &mut [Packet]) -> Result<(), Bad> {
    let first = *datagram.first().ok_or(Bad)?;
    if first.flags & CHECKSUM_FILL == 0 {
        return Ok(());
    }
    if first.checksum_start != first.offset {
        return Err(Bad);
    }
    let sum = memory.sum(datagram)?.finish();
    memory.write(&first, first.checksum_offset.into(), &sum.to_be_bytes())?;
    datagram[0].flags &= !CHECKSUM_FILL;
    Ok(())
}

impl Endpoint for Ipv6Server {
    fn send(
        cx: &mut Cx<'_, Self>,
        protocol: u8,
        way: &Way,
        packets: &[u8],
    ) -> Result<(), EndpointError> {
        let mut packets = Batch::read(packets)?;
        let Way { source, destination, neighbour, mtu, .. } = *way;
        if !cx.addresses.is_own(&source) || neighbour.as_v4().is_some() {
            return Err(EndpointError::Unreachable);
        }
        let most = mtu.clamp(LEAST_MTU, cx.addresses.mtu()) as usize - HEADER_BYTES;
        let header = Header { source, destination, hops: cx.addresses.hops };
        let mut long = Vec::new();
        let memory = &cx.packets;
        packets.try_retain(|first, others| {
            let bytes = usize::from(first.bytes) + length(others);
            if bytes > most && first.segment_bytes == 0 {
                long.push(whole(first, others));
                return Ok(false);
            }
            // The way may carry less than it did when the segments were measured.
            let room = most.saturating_sub(first.bytes.into()) as u16;
            first.segment_bytes = first.segment_bytes.min(room);
            let header = header::sent(&header, protocol, bytes);
            memory.prepend(first, &header.map_err(|Bad| EndpointError::TooLong)?)?;
            Ok::<_, EndpointError>(true)
        })?;
        if !packets.is_empty() {
            Self::leave(cx, &neighbour, &packets)?;
        }
        for mut datagram in long {
            Self::send_fragments(cx, way, (protocol, most), &mut datagram)?;
        }
        Ok(())
    }

    fn accept<'f>(
        cx: &mut Cx<'f, Self>,
        protocol: u8,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), EndpointError> {
        distribution::accept(cx, protocol, sink)
    }
}

impl Ipv6 for Ipv6Server {
    fn counts(cx: &mut Cx<'_, Self>) -> Result<Ipv6Counts, Ipv6Error> {
        let fragments::Counts { came, dropped, reassembled, unknown } = cx.reassembly.counts();
        Ok(Ipv6Counts {
            fragments: came,
            fragments_dropped: dropped,
            reassembled,
            unknown: cx.counts.unknown + unknown,
            ..cx.counts
        })
    }

    fn address(cx: &mut Cx<'_, Self>, index: u32) -> Result<Ipv6Address, Ipv6Error> {
        let own = cx.addresses.get(index as usize);
        let shown = |Network { address, bits }| Ipv6Address { address, prefix: bits };
        Ok(own.map(shown).unwrap_or_default())
    }

    fn router(cx: &mut Cx<'_, Self>) -> Result<Address, Ipv6Error> {
        Ok(cx.addresses.router().unwrap_or_default())
    }

    fn neighbour(cx: &mut Cx<'_, Self>, index: u32) -> Result<Neighbour, Ipv6Error> {
        let now = Self::now_ns(cx).map_err(|_| Ipv6Error::NoClock)?;
        Ok(cx.held.neighbours.shown(index as usize, |address| address, now))
    }

    fn name_server(cx: &mut Cx<'_, Self>, index: u32) -> Result<Address, Ipv6Error> {
        let now = Self::now_ns(cx).map_err(|_| Ipv6Error::NoClock)?;
        Ok(cx.addresses.name_servers(now).nth(index as usize).unwrap_or_default())
    }
}
