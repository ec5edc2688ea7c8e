//! A resolver of DNS: asks name servers for the addresses of names.
//!
//! # Shape
//!
//! [`message`] writes questions and reads answers, [`cache`] remembers these; both are tested on the host. [`Dns`] is the server around them. It is a stub: the name
//! servers that IPv4 knows do the work.
//!
//! # Who pays
//!
//! Whoever asks: its thread sends the question and waits for the answer.
//!
//! # What is believed
//!
//! An answer from the server that was asked, to the port that asked, with the number and the name of the question (RFC 5452). Each question has a socket of its own.
//!
//! # State, and what a restart loses
//!
//! What was answered before.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cache;
pub mod message;

use alloc::{vec, vec::Vec};

use warren::{Cx, New, Out, Ref, Req, Required, Server, StartError, SystemError, server};
use warren_idl::{
    Address, Clock, Entropy, Ipv4, Parameters, Resolver, ResolverError, Udp, UdpError, UdpSocket,
};
use warren_packets::unguessable;
use warren_parameters::number;
use warren_waiting::until;

use crate::{
    cache::Cache,
    message::{Answer, Name},
};

/// The port of name servers, unless the parameter `port` says another one.
const PORT: u16 = 53;
/// Bytes of the longest answer (RFC 1035, section 2.3.4).
const ANSWER_BYTES: usize = 512;
/// How long to wait for each server, in each round.
const PATIENCE_NS: [u64; 3] = [1_000_000_000, 2_000_000_000, 4_000_000_000];

/// What the resolver needs.
#[derive(Required)]
pub struct Needs {
    udp: Req<dyn Udp>,
    ipv4: Req<dyn Ipv4>,
    parameters: Req<dyn Parameters>,
    clock: Req<dyn Clock>,
    entropy: Req<dyn Entropy>,
}

/// The resolver.
#[server(provides(Resolver), parameters("port"), stack = 32768, summary = "addresses by names")]
pub struct Dns {
    port: u16,
    cache: Cache,
}

impl Server for Dns {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Dns { port: port(&cx.req().parameters)?, cache: Cache::default() })
    }
}

/// The parameter `port`.
fn port(parameters: &Req<dyn Parameters>) -> Result<u16, StartError> {
    let refusal = "`port` is no number from 1 to 65535";
    Ok(number(parameters, "port", PORT.into(), 1..=u16::MAX.into(), refusal)? as u16)
}

impl Resolver for Dns {
    fn resolve(
        cx: &mut Cx<'_, Self>,
        name: &str,
        mut addresses: Out<'_>,
    ) -> Result<u64, ResolverError> {
        let found = Self::find(cx, name)?;
        let mut at = 0;
        for address in &found {
            at += addresses.write(at, &address.bytes);
        }
        Ok(found.len() as u64)
    }
}

impl Dns {
    fn now_ns(cx: &Cx<'_, Self>) -> Result<u64, SystemError> {
        cx.req().clock.now_ns().map_err(|_| SystemError::Lost)
    }

    fn find(cx: &mut Cx<'_, Self>, text: &str) -> Result<Vec<Address>, ResolverError> {
        if let Some(address) = Address::parse(text) {
            return Ok(vec![address]);
        }
        let name = Name::parse(text).ok_or(ResolverError::BadName)?;
        // This station has this name everywhere (RFC 6761, section 6.3).
        if Name::parse("localhost").as_ref() == Some(&name) {
            return Ok(vec![Address::v4(0x7f00_0001)]);
        }
        let now = Self::now_ns(cx)?;
        if let Some(known) = cx.cache.get(&name, now) {
            return Ok(known.to_vec());
        }
        let settings = cx.req().ipv4.settings(cx).map_err(|_| ResolverError::NoServer)?;
        let servers = settings.name_servers.into_iter().take_while(|server| *server != 0);
        let mut last = ResolverError::NoServer;
        for patience_ns in PATIENCE_NS {
            for server in servers.clone() {
                match Self::ask(cx, Address::v4(server), &name, patience_ns)? {
                    Some(Answer::Addresses(addresses, time)) => {
                        let now = Self::now_ns(cx)?;
                        cx.cache.add(name, addresses.clone(), time, now);
                        return Ok(addresses);
                    }
                    Some(Answer::NotFound) => return Err(ResolverError::NotFound),
                    Some(Answer::Failed) => last = ResolverError::Failed,
                    None => last = ResolverError::TimedOut,
                }
            }
        }
        Err(last)
    }

    /// Asks a server; `None` if it does not answer.
    fn ask(
        cx: &mut Cx<'_, Self>,
        server: Address,
        name: &Name,
        patience_ns: u64,
    ) -> Result<Option<Answer>, SystemError> {
        let now = Self::now_ns(cx)?;
        let identifier = unguessable(cx, &cx.req().entropy, &cx.req().clock);
        let (until_ns, port) = (now.saturating_add(patience_ns), cx.port);
        cx.scope(|cx| {
            let socket = cx.req().udp.open(cx, 0).map_err(system)?;
            let sent = socket.send(cx, &server, port, &message::question(identifier, name));
            // A server that is not reached may be later, or another one.
            if let Err(UdpError::System(error)) = sent {
                return Err(error);
            }
            until(cx, &cx.req().clock, until_ns, |cx| {
                Self::listen(cx, socket, (server, port), identifier, name)
            })
        })
    }

    /// Waits for the answer.
    fn listen<'f>(
        cx: &mut Cx<'f, Self>,
        socket: Ref<'f, dyn UdpSocket>,
        server: (Address, u16),
        identifier: u16,
        name: &Name,
    ) -> Result<Answer, SystemError> {
        let mut bytes = [0; ANSWER_BYTES];
        loop {
            let datagram = socket.receive(cx, &mut bytes).map_err(system)?;
            if (datagram.source, datagram.source_port) != server {
                continue;
            }
            let length = bytes.len().min(datagram.bytes as usize);
            if let Some(answer) = message::answer(&bytes[..length], identifier, name) {
                return Ok(answer);
            }
        }
    }
}

fn system(error: UdpError) -> SystemError {
    match error {
        UdpError::System(error) => error,
        _ => SystemError::Absent,
    }
}
