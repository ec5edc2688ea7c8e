//! The loopback: an endpoint that leads to this station itself.
//!
//! # Shape
//!
//! [`header`] puts on what the layers above look at, and is tested on the host. [`Loopback`] is the server around it. A datagram arrives on the thread that sends it,
//! in the buffers in which it was sent.
//!
//! # State, and what a restart loses
//!
//! Who is delivered which protocol, which it is told again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod header;

use alloc::rc::Rc;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{
    Address, AddressSpace, Clock, Endpoint, EndpointError, OFFLOAD_CHECKSUM, PacketMemory,
    ROUTE_LOCAL, Route, Routing, Signals, Sink, Task, ThreadError, ThreadFactory, Timer, Way,
};
use warren_packets::{
    Bad, Batch, Buffers,
    batch::length,
    distribution::{self, Distributor, Sinks, hand_on},
    ready::{self, Ready},
    ways,
};

/// Most bytes of a packet: a datagram as long as one of IPv6 can be without extensions, less its header.
const MTU: u32 = 65_535;

/// What the endpoint needs.
#[derive(Required)]
pub struct Needs {
    routing: Req<dyn Routing>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    clock: Req<dyn Clock>,
    timer: Req<dyn Timer>,
}

/// The endpoint.
#[server(
    provides(Endpoint),
    locals(Attending),
    stack = 32768,
    summary = "datagrams from this station to itself"
)]
pub struct Loopback {
    ready: Rc<Ready>,
    packets: Buffers,
    sinks: Sinks,
}

/// What this server's thread runs: it tells `routing` where this endpoint leads.
#[local(provides = Task, parent = Loopback)]
pub struct Attending {
    ready: Rc<Ready>,
}

/// Where it leads (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3).
fn routes() -> [Route; 2] {
    let leads = |destination, prefix| Route {
        destination,
        prefix,
        mtu: MTU,
        offloads: OFFLOAD_CHECKSUM,
        flags: ROUTE_LOCAL,
        ..Route::default()
    };
    [leads(Address::v4(0x7f00_0000), 96 + 8), leads(Address::new(1), 128)]
}

impl Server for Loopback {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let ready = Rc::new(Ready::new(cx, &needs.signals)?);
        Ok(Loopback { ready, packets, sinks: Sinks::default() })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Attending { ready: cx.ready.clone() })?;
        cx.req().threads.start(cx, "loopback", task)?;
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl Task for Attending {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        // `routing` knows the endpoint as long as somebody has a reference to it.
        let _endpoint = cx.root::<dyn Endpoint>()?;
        ways::announce(cx, &cx.req().routing, &routes())?;
        ready::tell(cx)?;
        match ways::attend(cx, &cx.req().routing, &cx.req().timer, |_| routes().into())? {}
    }
}

impl ready::Served for Loopback {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl ready::Served for Attending {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Distributor for Loopback {
    fn sinks(&self) -> &Sinks {
        &self.sinks
    }
}

impl Endpoint for Loopback {
    fn send(
        cx: &mut Cx<'_, Self>,
        protocol: u8,
        way: &Way,
        packets: &[u8],
    ) -> Result<(), EndpointError> {
        let mut packets = Batch::read(packets)?;
        packets.try_retain(|first, others| {
            let bytes = usize::from(first.bytes) + length(others);
            let header = header::header(way, protocol, bytes);
            let header = header.map_err(|Bad| EndpointError::TooLong)?;
            header::arrives(&cx.packets, first, &header)?;
            Ok::<_, EndpointError>(true)
        })?;
        // What nobody is delivered is lost, as it would be anywhere.
        hand_on(cx, protocol.into(), &packets);
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
