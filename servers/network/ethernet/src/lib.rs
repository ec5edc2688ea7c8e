//! The Ethernet layer: several protocols on one link.
//!
//! # Shape
//!
//! [`frame`] puts headers on and takes them off, and is tested on the host. [`EthernetServer`] is the server around it;
//! who is served which protocol is a matter of the library `packets`. Its threads are those on which frames arrive, one for each of the link's pairs of queues: each serves as the link's receiver, and
//! goes from here through the layers above.
//!
//! # How many threads
//!
//! The first pair's thread asks how many pairs there are whenever it begins to serve, because a driver that was restarted may have more of them; it starts the threads of the others. The
//! thread of a pair that is gone asks for it again and again, as that of a driver that is gone does.
//!
//! # State, and what a restart loses
//!
//! The table. All who are in it come again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod frame;

use alloc::format;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{
    AddressSpace, Ethernet, EthernetError, Link, LinkCounts, LinkDescription, LinkError,
    PacketMemory, Signals, Sink, SinkError, Task, ThreadError, ThreadFactory, Timer,
};
use warren_packets::{
    Batch, Buffers,
    distribution::{self, NotServed, Served, Serving, distribute},
    ready,
};

/// What the layer needs.
#[derive(Required)]
pub struct Needs {
    link: Req<dyn Link>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
}

/// The Ethernet layer over one link.
#[server(
    provides(Ethernet, Sink),
    locals(Receiving, ReceivingBeside),
    stack = 32768,
    summary = "protocols on one Ethernet link"
)]
pub struct EthernetServer {
    packets: Buffers,
    link: LinkDescription,
    served: Served,
}

/// What the thread of the link's first pair of queues runs.
#[local(provides = Task, parent = EthernetServer)]
pub struct Receiving {
    /// Pairs that have a thread.
    threads: u32,
}

/// What the thread of another pair runs.
#[local(provides = Task, parent = Receiving)]
pub struct ReceivingBeside {
    pair: u32,
}

impl Server for EthernetServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let link = needs.link.description(cx)?;
        let served = Served::new(cx, &needs.signals)?;
        Ok(EthernetServer { packets, link, served })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Receiving { threads: 1 })?;
        cx.req().threads.start(cx, "ethernet", task)?;
        Ok(())
    }
}

impl Receiving {
    /// Starts threads, so that so many pairs have one.
    fn start_threads(cx: &mut Cx<'_, Self>, pairs: u32) -> Result<(), ThreadError> {
        while cx.threads < pairs {
            let pair = cx.threads;
            let task = cx.spawn(ReceivingBeside { pair })?;
            cx.req().threads.start(cx, &format!("ethernet-{pair}"), task)?;
            cx.threads += 1;
        }
        Ok(())
    }
}

impl Task for Receiving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let serve = |cx: &mut Cx<'_, Self>, sink| {
            let pairs = cx.req().link.description(cx)?.pairs;
            Self::start_threads(cx, pairs).map_err(|error| match error {
                ThreadError::System(error) => error.into(),
                _ => LinkError::Exhausted,
            })?;
            cx.req().link.serve(cx, 0, sink)
        };
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl Task for ReceivingBeside {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let pair = cx.pair;
        let serve = |cx: &mut Cx<'_, Self>, sink| cx.req().link.serve(cx, pair, sink);
        match ready::be_served(cx, &cx.req().timer, serve)? {}
    }
}

impl Sink for EthernetServer {
    fn deliver(cx: &mut Cx<'_, Self>, frames: &[u8]) -> Result<(), SinkError> {
        let mut frames = Batch::read(frames)?;
        let own = cx.link.address;
        let kinds = frames.sort(|first, _| frame::arrived(&cx.packets, first, own));
        distribute(cx, &frames, &kinds);
        Ok(())
    }
}

impl Serving for EthernetServer {
    fn served(&self) -> &Served {
        &self.served
    }
}

impl Ethernet for EthernetServer {
    fn description(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, EthernetError> {
        Ok(cx.link)
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, EthernetError> {
        Ok(cx.req().link.counts(cx)?)
    }

    fn send(
        cx: &mut Cx<'_, Self>,
        kind: u16,
        destination: u64,
        packets: &[u8],
    ) -> Result<u64, EthernetError> {
        let mut frames = Batch::read(packets)?;
        let header = frame::header(cx.link.address, destination, kind);
        frames.try_retain(|first, _| frame::sent(&cx.packets, first, &header).map(|()| true))?;
        Ok(cx.req().link.send(cx, frames.as_bytes())?)
    }

    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        kind: u16,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), EthernetError> {
        Err(match distribution::serve(cx, kind, sink) {
            NotServed::Superseded => EthernetError::Superseded,
            NotServed::TooMany => EthernetError::TooMany,
            NotServed::System(error) => error.into(),
        })
    }
}
