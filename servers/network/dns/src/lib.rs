//! A resolver of DNS: asks name servers for the addresses of names.
//!
//! # Shape
//!
//! [`message`] writes questions and reads answers, [`answers`] puts these together, [`cache`] remembers them, and [`preference`] says which address is to be tried
//! first; all are tested on the host. [`Dns`] is the server around them. It is a stub: the name servers that IPv4 and IPv6 know do the work.
//!
//! # Who pays
//!
//! Whoever asks: its thread sends the question and waits for the answer.
//!
//! # What is believed
//!
//! An answer from the server that was asked, to the port that asked, with the number, the name and the type of the question (RFC 5452). For
//! each server that is asked there is a new socket.
//!
//! # State, and what a restart loses
//!
//! What was answered before.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answers;
pub mod cache;
pub mod message;
pub mod preference;

use alloc::{vec, vec::Vec};

use warren::{Cx, New, Optional, Out, Ref, Req, Required, Server, StartError, SystemError, server};
use warren_idl::{
    Address, Clock, Entropy, Ipv4, Ipv6, NAME_SERVERS, Parameters, Resolver, ResolverError,
    Routing, Udp, UdpError, UdpSocket,
};
use warren_packets::{unguessable, ways};
use warren_parameters::number;
use warren_waiting::until;

use crate::{
    answers::{Answers, Found},
    cache::Cache,
    message::{Answer, Kind, Name},
    preference::turn,
};

/// The port of name servers, unless the parameter `port` says another one.
const PORT: u16 = 53;
/// Bytes of the longest answer (RFC 1035, section 2.3.4).
const ANSWER_BYTES: usize = 512;
/// How long to wait for each server, in each round.
const PATIENCE_NS: [u64; 3] = [1_000_000_000, 2_000_000_000, 4_000_000_000];
/// How long a server that has said addresses may take to say others. Some never do (RFC 4074, section 4.1).
const REST_NS: u64 = 200_000_000;

/// What the resolver needs.
#[derive(Required)]
pub struct Needs {
    udp: Req<dyn Udp>,
    ipv4: Req<dyn Ipv4>,
    ipv6: Optional<dyn Ipv6>,
    routing: Req<dyn Routing>,
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
        let mut found = Self::find(cx, name)?;
        found.sort_by_cached_key(|address| turn(address, Self::source(cx, address)));
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
        let servers = Self::name_servers(cx);
        let (mut answers, mut last) = (Answers::default(), ResolverError::NoServer);
        for patience_ns in PATIENCE_NS {
            for server in &servers {
                Self::ask(cx, *server, &name, patience_ns, &mut answers)?;
                match answers.result() {
                    Ok(Found { addresses, time }) => {
                        let now = Self::now_ns(cx)?;
                        if let Some(time) = time {
                            cx.cache.add(name, addresses.clone(), time, now);
                        }
                        return Ok(addresses);
                    }
                    Err(ResolverError::NotFound) => return Err(ResolverError::NotFound),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }

    /// Those of IPv4 go first: nobody on the link can put others in their place by a word.
    fn name_servers(cx: &mut Cx<'_, Self>) -> Vec<Address> {
        let Needs { ipv4, ipv6, .. } = cx.req();
        let known = ipv4.settings(cx).map(|settings| settings.name_servers).unwrap_or_default();
        let known = known.into_iter().take_while(|server| *server != 0).map(Address::v4);
        let mut servers: Vec<Address> = known.collect();
        if let Some(ipv6) = ipv6.get() {
            let known = (0..NAME_SERVERS as u32).map_while(|at| ipv6.name_server(cx, at).ok());
            servers.extend(known.take_while(|server| *server != Address::NONE));
        }
        servers
    }

    /// The address from which the stack would send to another one, if it knows a way.
    fn source(cx: &mut Cx<'_, Self>, address: &Address) -> Option<Address> {
        cx.scope(|cx| ways::route(cx, &cx.req().routing, address).ok().map(|(_, way)| way.source))
    }

    /// Asks a server what is not known yet.
    fn ask(
        cx: &mut Cx<'_, Self>,
        server: Address,
        name: &Name,
        patience_ns: u64,
        answers: &mut Answers,
    ) -> Result<(), SystemError> {
        let port = cx.port;
        let mut until_ns = Self::now_ns(cx)?.saturating_add(patience_ns);
        cx.scope(|cx| {
            let socket = cx.req().udp.open(cx, 0).map_err(system)?;
            let mut asked = Vec::new();
            for kind in answers.open() {
                let identifier = unguessable(cx, &cx.req().entropy, &cx.req().clock);
                let question = message::question(identifier, name, kind);
                // A server that is not reached may be later, or another one.
                if let Err(UdpError::System(error)) = socket.send(cx, &server, port, &question) {
                    return Err(error);
                }
                asked.push((identifier, kind));
            }
            while !answers.are_all() {
                let heard = until(cx, &cx.req().clock, until_ns, |cx| {
                    Self::listen(cx, socket, (server, port), &asked, name)
                })?;
                let Some((kind, answer)) = heard else { break };
                answers.hear(kind, answer);
                if answers.result().is_ok() {
                    until_ns = until_ns.min(Self::now_ns(cx)?.saturating_add(REST_NS));
                }
            }
            Ok(())
        })
    }

    /// Waits for the answer to one of the questions that were asked: their numbers, and what they are for.
    fn listen<'f>(
        cx: &mut Cx<'f, Self>,
        socket: Ref<'f, dyn UdpSocket>,
        server: (Address, u16),
        asked: &[(u16, Kind)],
        name: &Name,
    ) -> Result<(Kind, Answer), SystemError> {
        let mut bytes = [0; ANSWER_BYTES];
        loop {
            let datagram = socket.receive(cx, &mut bytes).map_err(system)?;
            if (datagram.source, datagram.source_port) != server {
                continue;
            }
            let length = bytes.len().min(datagram.bytes as usize);
            let answer = |(identifier, kind): &(u16, Kind)| {
                Some((*kind, message::answer(&bytes[..length], *identifier, name, *kind)?))
            };
            if let Some(answer) = asked.iter().find_map(answer) {
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
