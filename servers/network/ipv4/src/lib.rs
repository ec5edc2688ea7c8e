//! The IPv4 layer.
//!
//! # Shape
//!
//! [`header`] takes headers off and puts them on, [`routes`] says where packets go, [`fragment`] cuts datagrams, [`reassembly`] puts them together,
//! [`settings`] reads parameters; all are pure and tested on the host. [`Ipv4Server`] is the server around them. It knows nothing of links: packets go to neighbours by
//! an endpoint.
//!
//! # What it does not do
//!
//! It forwards nothing: a packet that is for another station is dropped. Options of packets that arrive are ignored.
//!
//! # State, and what a restart loses
//!
//! Who is served which protocol, and whoever has configured it, all of whom come again, and fragments of datagrams that are not complete.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod fragment;
pub mod header;
pub mod reassembly;
pub mod routes;
pub mod settings;

use alloc::vec::Vec;

use warren::{Cx, Kept, New, Ref, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    AddressSpace, BATCH, CHECKSUM_FILL, CHECKSUM_GOOD, Clock, Endpoint, EndpointDescription,
    HEADROOM, Ipv4, Ipv4Configuration, Ipv4Counts, Ipv4Error, Ipv4Route, Ipv4Settings,
    NAME_SERVERS, Packet, PacketMemory, Parameters, Share, Signals, Sink, SinkError, Task,
    ThreadError, ThreadFactory, Timer,
};
use warren_packets::{
    Bad, Batch, Buffers, Indices,
    batch::length,
    distribution::{self, Distributor, NotServed, Served, distribute, hand_on},
    ready::{self, Ready},
};
use warren_waiting::{Bell, listeners, pause, wait_until};

use crate::{
    fragment::Fragment,
    header::{HEADER_BYTES, Header, Outgoing},
    reassembly::{Came, Reassembly},
    routes::{Routes, Way},
};

/// Buffers of fragments that wait for others, and of the headers of fragments that are sent.
const MOST_BUFFERS: u32 = 256;
/// Most bytes of a packet that stays here.
const MOST_BYTES: u32 = 65_535;

/// What the layer needs.
#[derive(Required)]
pub struct Needs {
    endpoint: Req<dyn Endpoint>,
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
    provides(Ipv4, Ipv4Configuration, Sink),
    locals(Receiving),
    parameters("address", "gateway", "name-servers"),
    stack = 32768,
    summary = "packets of IPv4, to any address and from there"
)]
pub struct Ipv4Server {
    ready: Ready,
    packets: Buffers,
    share: Kept<dyn Share>,
    endpoint: EndpointDescription,
    settings: Ipv4Settings,
    /// Name servers that the system file names. They stay, whoever configures the layer.
    name_servers: Option<[u32; NAME_SERVERS]>,
    /// How often it was configured.
    configured: u64,
    /// Rings when it is configured.
    superseded: Bell,
    routes: Routes,
    reassembly: Reassembly,
    /// Identification of the next datagram.
    identification: u16,
    served: Served,
    counts: Ipv4Counts,
}

/// What this server's thread runs: the endpoint serves it.
#[local(provides = Task, parent = Ipv4Server)]
pub struct Receiving {}

impl Server for Ipv4Server {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let settings = settings::read(&needs.parameters)?;
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = needs.packets.share(cx, MOST_BUFFERS)?.keep()?;
        let endpoint = needs.endpoint.description(cx)?;
        if endpoint.mtu < 68 {
            return Err(StartError::new("the endpoint's packets are shorter than IPv4 allows"));
        }
        let served = Served::new(cx, &needs.signals)?;
        let superseded = Bell::new(cx, &needs.signals)?;
        let ready = Ready::new(cx, &needs.signals)?;
        Ok(Ipv4Server {
            ready,
            packets,
            share,
            endpoint,
            settings,
            name_servers: (settings.name_servers[0] != 0).then_some(settings.name_servers),
            configured: 0,
            superseded,
            routes: Routes::new(&settings),
            reassembly: Reassembly::default(),
            identification: 0,
            served,
            counts: Ipv4Counts::default(),
        })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving {})?;
        cx.req().threads.start(cx, "ipv4", task)?;
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let (packets, layer) = (cx.root::<dyn Sink>()?, cx.root::<dyn Ipv4>()?);
        loop {
            // An endpoint that was restarted has forgotten its address.
            if let Ok(Ipv4Settings { address, prefix, .. }) = layer.settings(cx) {
                cx.req().endpoint.assign(cx, address, prefix).ok();
            }
            let returned = cx.req().endpoint.serve(cx, packets);
            pause(cx, &cx.req().timer, returned)?;
        }
    }
}

impl ready::Served for Ipv4Server {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Sink for Ipv4Server {
    /// Packets that have arrived at the endpoint.
    fn deliver(cx: &mut Cx<'_, Self>, packets: &[u8]) -> Result<(), SinkError> {
        if packets.is_empty() {
            return Ok(ready::tell(cx)?);
        }
        let packets = Batch::read(packets).map_err(|Bad| SinkError::BadRecord)?;
        Self::arrived(cx, packets, false);
        Ok(())
    }
}

impl Distributor for Ipv4Server {
    fn served(&self) -> &Served {
        &self.served
    }

    fn served_mut(&mut self) -> &mut Served {
        &mut self.served
    }
}

impl Ipv4Server {
    /// Hands on what is in packets that have arrived, or that never left.
    fn arrived(cx: &mut Cx<'_, Self>, mut packets: Batch, from_here: bool) {
        let mut protocols = [0; BATCH];
        let mut count = 0;
        let mut fragments = Vec::new();
        let Ipv4Server { packets: memory, routes, counts, .. } = &mut **cx;
        packets.retain(|first, others| {
            counts.received += 1;
            let header = header::arrived(memory, first, others);
            let header = header.ok().filter(|it| from_here || routes.is_own(it.destination));
            let Some(header) = header else {
                counts.bad += 1;
                return false;
            };
            if header.is_fragment() {
                let mut pieces = Vec::from([*first]);
                pieces.extend_from_slice(others);
                fragments.push((header, pieces));
                return false;
            }
            protocols[count] = header.protocol.into();
            count += 1;
            true
        });
        let unknown = distribute(cx, &packets, &protocols[..count]);
        cx.counts.unknown += unknown;
        for (header, pieces) in fragments {
            // What is lost of a datagram is the same as if a fragment had been.
            Self::put_together(cx, &header, &pieces).ok();
        }
    }

    /// Keeps a fragment, and hands the datagram on if it is complete.
    fn put_together(
        cx: &mut Cx<'_, Self>,
        header: &Header,
        pieces: &[Packet],
    ) -> Result<(), Ipv4Error> {
        let share = cx.share.get(cx)?;
        let now = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
        cx.counts.fragments += 1;
        if share.hold(cx, Indices::of(pieces).as_bytes()).is_err() {
            cx.counts.fragments_dropped += 1;
            return Err(Ipv4Error::Exhausted);
        }
        let Came { complete, mut dropped } = cx.reassembly.add(header, pieces, now);
        cx.counts.fragments_dropped += dropped.len() as u64;
        let mut batch = Batch::new();
        if !complete.is_empty() && batch.push_packet(&complete).is_ok() {
            cx.counts.reassembled += 1;
            if !hand_on(cx, header.protocol.into(), &batch) {
                cx.counts.unknown += 1;
            }
        }
        dropped.extend(complete);
        match dropped.is_empty() {
            true => Ok(()),
            false => Ok(share.give(cx, Indices::of(&dropped).as_bytes())?),
        }
    }

    /// Sends datagrams whose headers are on to a neighbour, or lets them arrive here.
    fn leave(cx: &mut Cx<'_, Self>, way: Way, mut packets: Batch) -> Result<(), Ipv4Error> {
        cx.counts.sent += packets.packets().count() as u64;
        match way {
            Way::Out { neighbour, .. } => {
                Ok(cx.req().endpoint.send(cx, neighbour, packets.as_bytes())?)
            }
            Way::Here { .. } => {
                packets.retain(|first, _| {
                    // What is to be summed before it leaves has nowhere to change.
                    let good = first.flags & (CHECKSUM_FILL | CHECKSUM_GOOD) != 0;
                    first.flags = if good { CHECKSUM_GOOD } else { 0 };
                    first.segment_bytes = 0;
                    true
                });
                Self::arrived(cx, packets, true);
                Ok(())
            }
        }
    }

    /// Most bytes of a packet on a way.
    fn mtu(&self, way: Way) -> u32 {
        match way {
            Way::Here { .. } => MOST_BYTES,
            Way::Out { .. } => self.endpoint.mtu,
        }
    }

    /// Sends a datagram that is too long for its way, in fragments with headers in buffers of their own.
    fn send_fragments(
        cx: &mut Cx<'_, Self>,
        way: Way,
        header: Header,
        datagram: &[Packet],
    ) -> Result<(), Ipv4Error> {
        if datagram.first().is_none_or(|first| first.flags & CHECKSUM_FILL != 0) {
            return Err(Ipv4Error::BadRecord);
        }
        let most = cx.mtu(way) as usize - HEADER_BYTES;
        let fragments = fragment::cut(datagram, most);
        let share = cx.share.get(cx)?;
        let mut buffers = Indices::zeroed(fragments.len());
        let taken = share.take(cx, buffers.as_mut_bytes())? as usize;
        buffers.truncate(taken);
        let result = match taken == fragments.len() {
            true => Self::send_each(cx, way, header, &fragments, &buffers),
            false => Err(Ipv4Error::Exhausted),
        };
        share.give(cx, buffers.as_bytes())?;
        result
    }

    fn send_each(
        cx: &mut Cx<'_, Self>,
        way: Way,
        header: Header,
        fragments: &[Fragment],
        buffers: &Indices,
    ) -> Result<(), Ipv4Error> {
        let mut batch = Batch::new();
        for (fragment, buffer) in fragments.iter().zip(buffers.as_slice()) {
            let header = Header {
                fragment_offset: fragment.offset,
                more_fragments: fragment.more,
                ..header
            };
            let bytes =
                header::sent(&Outgoing { header, may_fragment: true }, length(&fragment.pieces));
            let bytes = bytes.map_err(|Bad| Ipv4Error::TooLong)?;
            let more = fragment.pieces.len() as u16;
            let mut first =
                Packet { buffer: *buffer, offset: HEADROOM as u16, more, ..Packet::default() };
            let ready = cx.packets.prepend(&mut first, &bytes);
            ready.map_err(|Bad| Ipv4Error::BadRecord)?;
            if batch.room() <= fragment.pieces.len() {
                Self::leave(cx, way, core::mem::take(&mut batch))?;
            }
            let pieces = batch.push(first).and_then(|()| batch.push_packet(&fragment.pieces));
            pieces.map_err(|Bad| Ipv4Error::BadRecord)?;
        }
        Self::leave(cx, way, batch)
    }
}

impl Ipv4 for Ipv4Server {
    fn route(cx: &mut Cx<'_, Self>, destination: u32) -> Result<Ipv4Route, Ipv4Error> {
        let way = cx.routes.way(destination).ok_or(Ipv4Error::Unreachable)?;
        let mtu = cx.mtu(way);
        let offloads = cx.endpoint.offloads;
        Ok(match way {
            Way::Here { source } => Ipv4Route { source, neighbour: source, mtu, offloads },
            Way::Out { source, neighbour } => Ipv4Route { source, neighbour, mtu, offloads },
        })
    }

    fn send(
        cx: &mut Cx<'_, Self>,
        protocol: u8,
        destination: u32,
        packets: &[u8],
    ) -> Result<(), Ipv4Error> {
        let mut packets = Batch::read(packets).map_err(|Bad| Ipv4Error::BadRecord)?;
        let way = cx.routes.way(destination).ok_or(Ipv4Error::Unreachable)?;
        let (Way::Here { source } | Way::Out { source, .. }) = way;
        let most = cx.mtu(way) as usize - HEADER_BYTES;
        let mut header = Header {
            source,
            destination,
            protocol,
            identification: 0,
            fragment_offset: 0,
            more_fragments: false,
        };
        let mut long = Vec::new();
        let mut refused = None;
        let Ipv4Server { packets: memory, identification, .. } = &mut **cx;
        packets.retain(|first, others| {
            let bytes = usize::from(first.bytes) + length(others);
            *identification = identification.wrapping_add(1);
            header.identification = *identification;
            if bytes > most && first.segment_bytes == 0 {
                let mut datagram = Vec::from([*first]);
                datagram.extend_from_slice(others);
                long.push((header, datagram));
                return false;
            }
            match header::sent(&Outgoing { header, may_fragment: true }, bytes) {
                Ok(bytes) if memory.prepend(first, &bytes).is_ok() => return true,
                Ok(_) => refused = Some(Ipv4Error::BadRecord),
                Err(Bad) => refused = Some(Ipv4Error::TooLong),
            }
            false
        });
        if let Some(error) = refused {
            return Err(error);
        }
        if !packets.is_empty() {
            Self::leave(cx, way, packets)?;
        }
        for (header, datagram) in long {
            Self::send_fragments(cx, way, header, &datagram)?;
        }
        Ok(())
    }

    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        protocol: u8,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), Ipv4Error> {
        Err(match distribution::serve(cx, protocol.into(), sink) {
            NotServed::Superseded => Ipv4Error::Superseded,
            NotServed::TooMany => Ipv4Error::TooMany,
            NotServed::System(error) => error.into(),
        })
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<Ipv4Counts, Ipv4Error> {
        Ok(cx.counts)
    }

    fn endpoint(cx: &mut Cx<'_, Self>, index: u32) -> Result<EndpointDescription, Ipv4Error> {
        let Ipv4Settings { address, prefix, .. } = cx.settings;
        let only = EndpointDescription { address, prefix, ..cx.endpoint };
        Ok(if index == 0 { only } else { EndpointDescription::default() })
    }

    fn settings(cx: &mut Cx<'_, Self>) -> Result<Ipv4Settings, Ipv4Error> {
        Ok(cx.settings)
    }
}

fn superseded(layer: &Ipv4Server) -> &Bell {
    &layer.superseded
}

impl Ipv4Configuration for Ipv4Server {
    fn configure(cx: &mut Cx<'_, Self>, settings: &Ipv4Settings) -> Result<(), Ipv4Error> {
        let Ipv4Settings { address, prefix, .. } = *settings;
        if prefix > 32 {
            return Err(Ipv4Error::BadRecord);
        }
        let others = listeners(cx, superseded)?;
        let name_servers = cx.name_servers.unwrap_or(settings.name_servers);
        cx.settings = Ipv4Settings { name_servers, ..*settings };
        cx.routes = Routes::new(settings);
        cx.configured += 1;
        let number = cx.configured;
        others.tell()?;
        // One that is being restarted is told when it serves again.
        cx.req().endpoint.assign(cx, address, prefix).ok();
        wait_until(cx, superseded, |layer| (layer.configured != number).then_some(()))?;
        Err(Ipv4Error::Superseded)
    }
}
