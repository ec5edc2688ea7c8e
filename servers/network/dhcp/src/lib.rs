//! A client of DHCP: asks the network for an address, and configures IPv4 with it.
//!
//! # Shape
//!
//! [`client`] says what to send when, and is tested on the host. [`DhcpServer`] has a thread that does what it says: it asks by UDP, or stays in IPv4's
//! `configure` as long as the answer holds, and so learns when IPv4 was restarted and is to be configured again.
//!
//! # State, and what a restart loses
//!
//! The lease. IPv4 keeps its settings, and the next instance is lent the same address by most servers, because they know the link's address.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod client;

use alloc::{rc::Rc, vec};
use core::{cell::RefCell, ops::ControlFlow};

use warren::{Cx, New, Ref, Req, Required, Server, StartError, SystemError, local, server};
use warren_idl::{
    Address, Clock, Dhcp, DhcpError, DhcpLease, Ipv4Configuration, Ipv4Error, Ipv4Settings, Log,
    LogRecord, Neighbourhood, Signals, Task, ThreadError, ThreadFactory, Timer, Udp, UdpError,
    UdpSocket,
};
use warren_packets::ready::{self, Ready};
use warren_waiting::{pause, until};

use crate::client::{CLIENT_PORT, Client, Lease, SERVER_PORT, Step};

/// Bytes of the longest answer: what a link carries at least, and more than any server sends.
const ANSWER_BYTES: usize = 1500;

/// What the client needs.
#[derive(Required)]
pub struct Needs {
    udp: Req<dyn Udp>,
    ipv4: Req<dyn Ipv4Configuration>,
    neighbourhood: Req<dyn Neighbourhood>,
    log: Req<dyn Log>,
    threads: Req<dyn ThreadFactory>,
    signals: Req<dyn Signals>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// The client.
#[server(
    provides(Dhcp),
    locals(Asking),
    stack = 32768,
    summary = "asks the network for an address"
)]
pub struct DhcpServer {
    ready: Rc<Ready>,
    lease: Rc<RefCell<Option<Lease>>>,
}

/// What this server's thread runs.
#[local(provides = Task, parent = DhcpServer)]
pub struct Asking {
    client: Client,
    /// The address that a person was told.
    told: u32,
    ready: Rc<Ready>,
    lease: Rc<RefCell<Option<Lease>>>,
}

impl Server for DhcpServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let ready = Rc::new(Ready::new(cx, &cx.req().signals)?);
        Ok(DhcpServer { ready, lease: Rc::default() })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let address = cx.req().neighbourhood.link(cx)?.address;
        // Two exchanges of one station differ by when they began, and two stations by their addresses.
        let now = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
        let [.., a, b, c, d] = address;
        let client = Client::new(address, u32::from_be_bytes([a, b, c, d]) ^ (now >> 10) as u32);
        let (ready, lease) = (cx.ready.clone(), cx.lease.clone());
        let task = cx.spawn(Asking { client, told: 0, ready, lease })?;
        cx.req().threads.start(cx, "dhcp", task)?;
        Ok(ready::wait(cx, &cx.req().clock)?)
    }
}

impl ready::Served for DhcpServer {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl ready::Served for Asking {
    fn ready(&self) -> &Ready {
        &self.ready
    }
}

impl Dhcp for DhcpServer {
    fn lease(cx: &mut Cx<'_, Self>) -> Result<DhcpLease, DhcpError> {
        let now = cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?;
        let lease = (*cx.lease.borrow()).ok_or(DhcpError::NoLease)?;
        let left = |end_ns: u64| (end_ns.saturating_sub(now) / 1_000_000_000) as u32;
        Ok(DhcpLease {
            address: lease.settings.address,
            server: lease.server,
            left_s: lease.end_ns.map_or(u32::MAX, left),
            renewed: lease.renewed,
        })
    }
}

impl Task for Asking {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        loop {
            let now = Self::now_ns(cx)?;
            let step = cx.client.step(now);
            Self::show(cx);
            let done = match step {
                Step::Ask { destination, message, until_ns } => {
                    Self::ask(cx, destination, &message, until_ns)
                        .map(|()| ControlFlow::Continue(()))
                }
                Step::Use { settings, until_ns } => Self::configure(cx, &settings, until_ns),
            };
            match done {
                Ok(ControlFlow::Continue(())) => (),
                // Somebody else says where this station is.
                Ok(ControlFlow::Break(())) => return Ok(0),
                failed => pause(cx, &cx.req().timer, failed)?,
            }
        }
    }
}

impl Asking {
    fn now_ns(cx: &Cx<'_, Self>) -> Result<u64, SystemError> {
        cx.req().clock.now_ns().map_err(|_| SystemError::Lost)
    }

    /// Lets others see the lease.
    fn show(cx: &mut Cx<'_, Self>) {
        let lease = cx.client.lease().copied();
        *cx.lease.borrow_mut() = lease;
    }

    /// Asks, and listens until something is heard that changes what is to be done.
    fn ask(
        cx: &mut Cx<'_, Self>,
        destination: u32,
        message: &[u8],
        until_ns: u64,
    ) -> Result<(), SystemError> {
        cx.scope(|cx| {
            let socket = cx.req().udp.open(cx, CLIENT_PORT).map_err(system)?;
            // A message that is not sent is as good as one that is lost, unless the layer below has died.
            let sent = socket.send(cx, &Address::v4(destination), SERVER_PORT, message);
            if let Err(UdpError::System(error)) = sent {
                return Err(error);
            }
            let mut bytes = vec![0; ANSWER_BYTES];
            loop {
                let heard = until(cx, &cx.req().clock, until_ns, |cx| {
                    Self::receive(cx, socket, &mut bytes)
                })?;
                let Some(length) = heard else { return Ok(()) };
                let now = Self::now_ns(cx)?;
                if cx.client.heard(now, &bytes[..length]) {
                    return Ok(());
                }
            }
        })
    }

    fn receive<'f>(
        cx: &mut Cx<'f, Self>,
        socket: Ref<'f, dyn UdpSocket>,
        bytes: &mut [u8],
    ) -> Result<usize, SystemError> {
        let room = bytes.len();
        let datagram = socket.receive(cx, bytes).map_err(system)?;
        Ok(room.min(datagram.bytes as usize))
    }

    /// Uses settings until their time is over, or somebody else configures IPv4.
    fn configure(
        cx: &mut Cx<'_, Self>,
        settings: &Ipv4Settings,
        until_ns: u64,
    ) -> Result<ControlFlow<()>, SystemError> {
        let ipv4 = &cx.req().ipv4;
        let stayed = ipv4.configure(cx, settings).and_then(|number| {
            Self::tell(cx, settings)?;
            until(cx, &cx.req().clock, until_ns, |cx| ipv4.stay(cx, number))
        });
        match stayed {
            Ok(_) => Ok(ControlFlow::Continue(())),
            Err(Ipv4Error::System(error)) => Err(error),
            Err(_) => Ok(ControlFlow::Break(())),
        }
    }

    /// Tells a person, and whoever waits for the network.
    fn tell(cx: &mut Cx<'_, Self>, settings: &Ipv4Settings) -> Result<(), SystemError> {
        let told = core::mem::replace(&mut cx.told, settings.address);
        let lease = cx.client.lease().copied();
        match lease {
            Some(lease) if told != settings.address => {
                let [address, server] = [settings.address, lease.server].map(Address::v4);
                let line = alloc::format!("{address}/{} is lent by {server}", settings.prefix);
                cx.req().log.write(LogRecord::INFO, &line).ok();
            }
            Some(_) => (),
            None => drop(cx.req().log.write(LogRecord::WARNING, "the lease is over")),
        }
        ready::tell(cx)
    }
}

fn system(error: UdpError) -> SystemError {
    match error {
        UdpError::System(error) => error,
        _ => SystemError::Absent,
    }
}
