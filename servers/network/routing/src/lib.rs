//! Routing: which endpoint leads where, and who is served what arrives there.
//!
//! # Shape
//!
//! [`table`] knows where endpoints lead, and is tested on the host. [`RoutingServer`] is the server around it. It introduces endpoints and the layers above to each other: whoever
//! sends is given an endpoint's reference, and endpoints the sink of whoever is served a protocol. No packet comes here.
//!
//! # State, and what a restart loses
//!
//! What was announced, and who is served, all of whom come again. Packets go on meanwhile, between those who know each other.
//!
//! # Why weak references
//!
//! Endpoints require this server. If it held them, none could ever end.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod table;

use alloc::vec::Vec;

use warren::{Cx, New, Out, Ref, Req, Required, Server, StartError, SystemError, Weak, server};
use warren_idl::{Address, Endpoint, Route, Routing, RoutingError, Signals, Sink};
use warren_packets::distribution::{self, Distributor, NotServed, Served, Serving};
use warren_waiting::{Bell, wait_until};
use zerocopy::{FromBytes, IntoBytes};

use crate::table::{Refused, Table};

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    signals: Req<dyn Signals>,
}

/// Which endpoint leads where.
#[server(provides(Routing), stack = 32768, summary = "which endpoint leads where")]
pub struct RoutingServer {
    served: Served,
    table: Table<Weak<dyn Endpoint>>,
    /// Never rings.
    end: Bell,
}

impl Server for RoutingServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let signals = &cx.req().signals;
        let (served, end) = (Served::new(cx, signals)?, Bell::new(cx, signals)?);
        Ok(RoutingServer { served, table: Table::default(), end })
    }
}

impl Serving for RoutingServer {
    fn served(&self) -> &Served {
        &self.served
    }
}

fn end(server: &RoutingServer) -> &Bell {
    &server.end
}

fn refused(error: NotServed) -> RoutingError {
    match error {
        NotServed::Superseded => RoutingError::Superseded,
        NotServed::TooMany => RoutingError::TooMany,
        NotServed::System(error) => error.into(),
    }
}

impl RoutingServer {
    /// Endpoints that are there. The others are forgotten.
    fn endpoints<'f>(cx: &mut Cx<'f, Self>) -> Vec<Ref<'f, dyn Endpoint>> {
        let all = cx.table.endpoints();
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for (name, endpoint) in all {
            match endpoint.upgrade(cx) {
                Ok(endpoint) => there.push(endpoint),
                Err(_) => gone.push(name),
            }
        }
        gone.into_iter().for_each(|name| cx.table.forget(name));
        there
    }
}

impl Routing for RoutingServer {
    fn route<'f>(
        cx: &mut Cx<'f, Self>,
        destination: &Address,
        mut way: Out<'_>,
    ) -> Result<Ref<'f, dyn Endpoint>, RoutingError> {
        loop {
            let found = cx.table.way(*destination).ok_or(RoutingError::Unreachable)?;
            let (leads, name, endpoint) = found;
            match endpoint.upgrade(cx) {
                Ok(endpoint) => {
                    way.write(0, leads.as_bytes());
                    return Ok(endpoint);
                }
                Err(SystemError::Gone) => cx.table.forget(name),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        protocol: u8,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), RoutingError> {
        let number = distribution::enter(cx, protocol.into(), sink).map_err(refused)?;
        for endpoint in Self::endpoints(cx) {
            // One that does not work announces itself again when it does.
            endpoint.accept(cx, protocol, sink).ok();
        }
        distribution::stay(cx, number, sink).map_err(refused)?;
        Err(RoutingError::Superseded)
    }

    fn announce<'f>(
        cx: &mut Cx<'f, Self>,
        endpoint: Ref<'f, dyn Endpoint>,
        routes: &[u8],
    ) -> Result<(), RoutingError> {
        let bytes = routes.chunks_exact(size_of::<Route>());
        if !bytes.remainder().is_empty() {
            return Err(RoutingError::BadRoute);
        }
        let routes: Vec<Route> = bytes.filter_map(|it| Route::read_from_bytes(it).ok()).collect();
        let weak = endpoint.weak()?;
        Self::endpoints(cx);
        let changed = cx.table.announce(endpoint.word(), weak, &routes);
        let changed = changed.map_err(|refused| match refused {
            Refused::TooMany => RoutingError::TooMany,
            Refused::BadRoute => RoutingError::BadRoute,
        })?;
        for (protocol, sink) in cx.sinks().each(cx) {
            // What one of them cannot use is its own matter.
            endpoint.accept(cx, protocol as u8, sink).ok();
            if changed {
                sink.deliver(cx, &[]).ok();
            }
        }
        Ok(())
    }

    fn attend<'f>(
        cx: &mut Cx<'f, Self>,
        endpoint: Ref<'f, dyn Endpoint>,
    ) -> Result<(), RoutingError> {
        // What was announced to the instance before this one is not known here.
        let name = endpoint.word();
        if !cx.table.endpoints().any(|(other, _)| other == name) {
            return Err(RoutingError::NotAnnounced);
        }
        Ok(wait_until(cx, end, |_| None)?)
    }

    fn entry(cx: &mut Cx<'_, Self>, index: u32) -> Result<Route, RoutingError> {
        Ok(cx.table.routes().nth(index as usize).copied().unwrap_or_default())
    }
}
