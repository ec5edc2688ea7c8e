//! The IPv4 layer.
//!
//! # Shape
//!
//! [`header`] takes headers off and puts them on, [`message`] reads what others say of packets, [`routes`] says where the layer leads, [`settings`] reads parameters; they are
//! pure and tested on the host, as is what the library `packets` has of fragments. [`Ipv4Server`] is the server around them, an endpoint. It knows nothing of links: packets go to neighbours by
//! a neighbourhood.
//!
//! # What it does not do
//!
//! It forwards nothing: a packet that is for another station is dropped. Options of packets that arrive are ignored.
//!
//! # State, and what a restart loses
//!
//! Who is delivered which protocol, which it is told again; whoever has configured it, who comes again; and fragments of datagrams that are not complete.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod header;
pub mod message;
pub mod routes;
pub mod settings;

use alloc::vec::Vec;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    AddressSpace, CHECKSUM_FILL, Clock, Endpoint, EndpointError, Ipv4, Ipv4Configuration,
    Ipv4Counts, Ipv4Error, Ipv4Settings, NAME_SERVERS, Neighbourhood, NeighbourhoodDescription,
    Packet, PacketMemory, Parameters, Routing, Signals, Sink, SinkError, TO_SEVERAL, Task,
    ThreadError, ThreadFactory, Timer, WHOLE, Way,
};
use warren_packets::{
    Bad, Batch, Buffers, OwnShare,
    batch::{length, whole},
    distribution::{self, Distributor, Sinks, distribute},
    fragments::{self, Fragment, Reassembly},
    ready::{self, Ready},
    refusals::{Refusals, Refuser, SETTLING_NS, refuse_protocol},
    returned, ways,
};
use warren_waiting::{Bell, wait_until};

use crate::{
    header::{HEADER_BYTES, Header, Outgoing, PROTOCOL},
    message::ICMP,
    routes::Routes,
};

/// Buffers of fragments that wait for others, of the headers of fragments that are sent, and of messages.
const MOST_BUFFERS: u32 = 256;

/// What the layer needs.
#[derive(Required)]
pub struct Needs {
    neighbourhood: Req<dyn Neighbourhood>,
    routing: Req<dyn Routing>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// The IPv4 layer.
#[server(
    provides(Endpoint, Ipv4, Ipv4Configuration, Sink),
    locals(Receiving, Attending),
    parameters("address", "gateway", "name-servers"),
    stack = 32768,
    summary = "packets of IPv4, to any address and from there"
)]
pub struct Ipv4Server {
    ready: Ready,
    packets: Buffers,
    share: OwnShare,
    below: NeighbourhoodDescription,
    settings: Ipv4Settings,
    /// Name servers that the system file names. They stay, whoever configures the layer.
    name_servers: Option<[u32; NAME_SERVERS]>,
    /// How often it was configured.
    configured: u64,
    /// Rings when it is configured.
    superseded: Bell,
    routes: Routes,
    reassembly: Reassembly<Name>,
    /// Identification of the next datagram.
    identification: u16,
    sinks: Sinks,
    refusals: Refusals,
    counts: Ipv4Counts,
}

/// What the fragments of one datagram have in common: source, destination, protocol, identification (RFC 791).
type Name = (u32, u32, u8, u16);

/// What one of this server's threads runs: the neighbourhood serves it.
#[local(provides = Task, parent = Ipv4Server)]
pub struct Receiving {}

/// What the other one runs: it tells `routing` where this endpoint leads.
#[local(provides = Task, parent = Ipv4Server)]
pub struct Attending {}

impl Server for Ipv4Server {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let settings = settings::read(&needs.parameters)?;
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = OwnShare::new(needs.packets.share(cx, MOST_BUFFERS)?)?;
        let below = needs.neighbourhood.description(cx)?;
        if below.mtu < 68 {
            return Err(StartError::new("the link's packets are shorter than IPv4 allows"));
        }
        let superseded = Bell::new(cx, &needs.signals)?;
        let ready = Ready::new(cx, &needs.signals)?;
        let now_ns = needs.clock.now_ns().map_err(|_| SystemError::Lost)?;
        Ok(Ipv4Server {
            ready,
            packets,
            refusals: Refusals::new(share.clone(), now_ns + SETTLING_NS),
            share,
            below,
            settings,
            name_servers: (settings.name_servers[0] != 0).then_some(settings.name_servers),
            configured: 0,
            superseded,
            routes: Routes::new(&settings),
            reassembly: Reassembly::default(),
            identification: 0,
            sinks: Sinks::default(),
            counts: Ipv4Counts::default(),
        })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving {})?;
        cx.req().threads.start(cx, "ipv4", task)?;
        ready::wait(cx, &cx.req().clock)?;
        Self::announce(cx)?;
        let task = cx.spawn(Attending {})?;
        cx.req().threads.start(cx, "ipv4-routes", task)?;
        Ok(())
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        // `routing` knows the endpoint as long as somebody has a reference to it.
        let _endpoint = cx.root::<dyn Endpoint>()?;
        let serve = |cx: &mut Cx<'_, Self>, sink| cx.req().neighbourhood.serve(cx, sink);
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl Task for Attending {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        match ways::attend(cx, &cx.req().routing, &cx.req().timer, |cx| cx.parent().leads())? {}
    }
}

impl ready::Served for Ipv4Server {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for Ipv4Server {
    /// Packets that have arrived.
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        if packets.is_empty() {
            // The neighbourhood may have been restarted, and has forgotten its address then.
            Self::assign(cx);
        }
        let packets = ready::receive(cx, packets)?;
        Self::arrived(cx, packets);
        Ok(())
    }
}

impl Distributor for Ipv4Server {
    fn sinks(&self) -> &Sinks {
        &self.sinks
    }
}

impl Refuser for Ipv4Server {
    fn refusals(&mut self) -> &mut Refusals {
        &mut self.refusals
    }

    fn packets(&self) -> &Buffers {
        &self.packets
    }
}

impl Ipv4Server {
    /// Tells the neighbourhood which address this station has. One that is being restarted is told when it serves again.
    fn assign(cx: &mut Cx<'_, Self>) {
        loop {
            let Ipv4Settings { address, prefix, .. } = cx.settings;
            cx.req().neighbourhood.assign(cx, address, prefix).ok();
            // Another thread may have said so meanwhile of what there is now, but before this one.
            if (cx.settings.address, cx.settings.prefix) == (address, prefix) {
                return;
            }
        }
    }

    /// Where this endpoint leads.
    fn leads(&self) -> Vec<warren_idl::Route> {
        self.routes.leads(self.below.mtu, self.below.offloads)
    }

    /// Tells `routing` so.
    fn announce(cx: &mut Cx<'_, Self>) -> Result<(), SystemError> {
        let routes = cx.leads();
        ways::announce(cx, &cx.req().routing, &routes)
    }

    /// Hands on what is in packets that have arrived.
    fn arrived(cx: &mut Cx<'_, Self>, mut packets: Batch) {
        let (mut fragments, mut messages) = (Vec::new(), Vec::new());
        let Ipv4Server { packets: memory, routes, counts, .. } = &mut **cx;
        let protocols = packets.sort(|first, others| {
            counts.received += 1;
            let header = header::arrived(memory, first, others);
            // Nothing comes from several stations.
            let is_good =
                |it: &Header| routes.is_own(it.destination) && !routes.is_for_several(it.source);
            let Some(header) = header.ok().filter(is_good) else {
                counts.bad += 1;
                return None;
            };
            if routes.is_for_several(header.destination) {
                first.flags |= TO_SEVERAL;
            }
            if header.is_fragment() {
                fragments.push((header, whole(first, others)));
                return None;
            }
            let is_own = header.protocol == ICMP
                && memory.header::<1>(first).is_ok_and(|[kind]| message::is_own(kind));
            if is_own {
                messages.push(whole(first, others));
                return None;
            }
            Some(header.protocol.into())
        });
        for (protocol, packets) in distribute(cx, &packets, &protocols) {
            Self::refuse(cx, protocol, &packets);
        }
        for (header, pieces) in fragments {
            // What is lost of a datagram is the same as if a fragment had been.
            Self::put_together(cx, &header, &pieces).ok();
        }
        for message in messages {
            let own = cx.settings.address;
            match message::returned(&cx.packets, &message, own) {
                Ok((first, protocol)) => {
                    // How much ways carry is not remembered here.
                    returned::hand_back(cx, first, protocol);
                }
                Err(Bad) => cx.counts.bad += 1,
            }
        }
    }

    /// Counts packets of a protocol that nobody is served, and tells whoever has sent them so.
    fn refuse(cx: &mut Cx<'_, Self>, protocol: u16, packets: &Batch) {
        cx.counts.unknown += packets.packets().count() as u64;
        if protocol != ICMP.into() {
            let needs = cx.req();
            let needs = (&needs.routing, &needs.clock);
            refuse_protocol(cx, needs, (protocol, packets), |_, _| Ok(PROTOCOL as u16));
        }
    }

    /// Keeps a fragment, and hands the datagram on if it is complete.
    fn put_together(
        cx: &mut Cx<'_, Self>,
        header: &Header,
        pieces: &[Packet],
    ) -> Result<(), EndpointError> {
        let share = cx.share.clone();
        let now = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
        let Header { source, destination, protocol, identification, .. } = *header;
        let name = (source, destination, protocol, identification);
        let place = (header.fragment_offset.into(), header.more_fragments);
        let reassembly: fn(&mut Self) -> &mut Reassembly<_> = |layer| &mut layer.reassembly;
        let whose = |_: &Self, _: &mut Packet| Some(protocol);
        Ok(fragments::take(cx, &share, reassembly, (name, place), pieces, now, whose)?)
    }

    /// Sends packets whose headers are on to a neighbour.
    fn leave(cx: &mut Cx<'_, Self>, neighbour: u32, packets: &Batch) -> Result<(), EndpointError> {
        cx.counts.sent += packets.packets().count() as u64;
        Ok(cx.req().neighbourhood.send(cx, neighbour, packets.as_bytes())?)
    }

    /// Sends a datagram that is too long for the link, in fragments with headers in buffers of their own.
    fn send_fragments(
        cx: &mut Cx<'_, Self>,
        neighbour: u32,
        header: Header,
        datagram: &[Packet],
    ) -> Result<(), EndpointError> {
        if datagram.first().is_none_or(|first| first.flags & CHECKSUM_FILL != 0) {
            return Err(EndpointError::BadRecord);
        }
        let most = cx.below.mtu as usize - HEADER_BYTES;
        let fragments = fragments::cut(datagram, most);
        let headers = |fragment: &Fragment| {
            let header = Header {
                fragment_offset: fragment.offset,
                more_fragments: fragment.more,
                ..header
            };
            header::sent(&Outgoing { header, may_fragment: true }, length(&fragment.pieces))
        };
        let share = cx.share.clone();
        fragments::send(
            cx,
            &share,
            |layer| &layer.packets,
            &fragments,
            headers,
            |cx, batch| Self::leave(cx, neighbour, batch),
        )
    }
}

impl Endpoint for Ipv4Server {
    fn send(
        cx: &mut Cx<'_, Self>,
        protocol: u8,
        way: &Way,
        packets: &[u8],
    ) -> Result<(), EndpointError> {
        let mut packets = Batch::read(packets)?;
        let [source, destination, neighbour] =
            [way.source, way.destination, way.neighbour].map(|address| address.as_v4());
        let source = source.filter(|source| *source == cx.settings.address);
        let (Some(source), Some(destination), Some(neighbour)) = (source, destination, neighbour)
        else {
            return Err(EndpointError::Unreachable);
        };
        let most = cx.below.mtu as usize - HEADER_BYTES;
        let mut header = Header {
            source,
            destination,
            protocol,
            identification: 0,
            fragment_offset: 0,
            more_fragments: false,
        };
        let mut long = Vec::new();
        let Ipv4Server { packets: memory, identification, .. } = &mut **cx;
        packets.try_retain(|first, others| {
            let bytes = usize::from(first.bytes) + length(others);
            *identification = identification.wrapping_add(1);
            header.identification = *identification;
            if bytes > most && first.segment_bytes == 0 {
                long.push((header, whole(first, others)));
                return Ok(false);
            }
            // A header with more options leaves less room than whoever measured the segments has seen.
            let room = most.saturating_sub(first.bytes.into()) as u16;
            first.segment_bytes = first.segment_bytes.min(room);
            let may_fragment = first.flags & WHOLE == 0;
            first.flags &= !WHOLE;
            let header = header::sent(&Outgoing { header, may_fragment }, bytes);
            memory.prepend(first, &header.map_err(|Bad| EndpointError::TooLong)?)?;
            Ok::<_, EndpointError>(true)
        })?;
        if !packets.is_empty() {
            Self::leave(cx, neighbour, &packets)?;
        }
        for (header, datagram) in long {
            Self::send_fragments(cx, neighbour, header, &datagram)?;
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

impl Ipv4 for Ipv4Server {
    fn counts(cx: &mut Cx<'_, Self>) -> Result<Ipv4Counts, Ipv4Error> {
        let fragments::Counts { came, dropped, reassembled, unknown } = cx.reassembly.counts();
        Ok(Ipv4Counts {
            fragments: came,
            fragments_dropped: dropped,
            reassembled,
            unknown: cx.counts.unknown + unknown,
            ..cx.counts
        })
    }

    fn settings(cx: &mut Cx<'_, Self>) -> Result<Ipv4Settings, Ipv4Error> {
        Ok(cx.settings)
    }
}

fn superseded(layer: &Ipv4Server) -> &Bell {
    &layer.superseded
}

impl Ipv4Configuration for Ipv4Server {
    fn configure(cx: &mut Cx<'_, Self>, settings: &Ipv4Settings) -> Result<u64, Ipv4Error> {
        if settings.prefix > 32 {
            return Err(Ipv4Error::BadSettings);
        }
        let name_servers = cx.name_servers.unwrap_or(settings.name_servers);
        cx.settings = Ipv4Settings { name_servers, ..*settings };
        cx.routes = Routes::new(settings);
        cx.configured += 1;
        let number = cx.configured;
        cx.superseded.ring()?;
        Self::assign(cx);
        Self::announce(cx)?;
        Ok(number)
    }

    fn stay(cx: &mut Cx<'_, Self>, number: u64) -> Result<(), Ipv4Error> {
        if number > cx.configured {
            // The instance before this one has said so.
            return Err(SystemError::Lost.into());
        }
        wait_until(cx, superseded, |layer| (layer.configured != number).then_some(()))?;
        Err(Ipv4Error::Superseded)
    }
}
