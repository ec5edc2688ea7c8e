//! Ports of this host that are to lead into a system: whether they can be had is found out before QEMU is started, which says it worse.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
};

use super::machine::{Forward, Transport};
use crate::failure::{Failure, Outcome};

/// Ports below it are for root only.
const LEAST: u16 = 1024;

/// Each of these ports must be forwarded once, and free.
pub fn check(forwards: &[Forward]) -> Outcome {
    let reason = |at| said_twice(forwards, at).or_else(|| not_free(forwards[at]));
    match (0..forwards.len()).find_map(|at| Some((at, reason(at)?))) {
        Some((at, reason)) => Err(Failure::new(reason).maybe_remedy(another(forwards, at))),
        None => Ok(()),
    }
}

/// That a port stands before already.
fn said_twice(forwards: &[Forward], at: usize) -> Option<String> {
    let is_twice = forwards[..at].iter().any(|other| other.is_same_port(forwards[at]));
    is_twice.then(|| format!("{} is forwarded twice", forwards[at].address()))
}

/// Why a port cannot be had.
fn not_free(forward: Forward) -> Option<String> {
    let (address, error) = (forward.address(), bind(forward).err()?);
    Some(match error.kind() {
        io::ErrorKind::AddrInUse => format!("{address} is in use on this host"),
        _ => format!("{address} cannot be used on this host: {error}"),
    })
}

/// Takes the port as QEMU will, and gives it back at once.
fn bind(forward: Forward) -> io::Result<()> {
    let address = (Ipv4Addr::LOCALHOST, forward.host);
    match forward.transport {
        Transport::Tcp => TcpListener::bind(address).map(drop),
        Transport::Udp => UdpSocket::bind(address).map(drop),
    }
}

/// What to say on the command line for the same with another port in the place of one. All are said: they replace those of the system file.
fn another(forwards: &[Forward], at: usize) -> Option<String> {
    let first = forwards[at].host.max(LEAST).saturating_add(1);
    let is_free = |other: &Forward| {
        !forwards.iter().any(|forward| forward.is_same_port(*other)) && bind(*other).is_ok()
    };
    let mut others = (first..=u16::MAX).map(|host| Forward { host, ..forwards[at] });
    let mut words = forwards.to_vec();
    words[at] = others.find(is_free)?;
    let words: String = words.iter().map(|forward| format!(" --forward {forward}")).collect();
    Some(format!("choose another port:{words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The failure of these forwards.
    fn refused(forwards: &[Forward]) -> String {
        check(forwards).expect_err("it cannot be had").to_string()
    }

    fn forward(host: u16, transport: Transport) -> Forward {
        Forward { host, system: 80, network: 0, transport }
    }

    #[test]
    fn a_port_that_somebody_has_is_refused_with_one_that_nobody_has() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let tcp = forward(listener.local_addr().unwrap().port(), Transport::Tcp);
        let udp = forward(socket.local_addr().unwrap().port(), Transport::Udp);
        for taken in [tcp, udp] {
            let text = refused(&[taken]);
            let said = format!("error: {} is in use on this host\n", taken.address());
            assert!(text.starts_with(&said), "{text}");
            assert!(text.contains("  help: choose another port: --forward "), "{text}");
        }
        // Port 0 stands for any that is free.
        assert!(check(&[forward(0, Transport::Tcp), forward(0, Transport::Udp)]).is_ok());
    }

    #[test]
    fn no_port_is_forwarded_twice_but_one_of_each_protocol() {
        // Port 0 stands for any that is free.
        let (tcp, udp) = (forward(0, Transport::Tcp), forward(0, Transport::Udp));
        let text = refused(&[tcp, udp, Forward { network: 1, ..tcp }]);
        assert!(text.contains("127.0.0.1:0 is forwarded twice"), "{text}");
        let kept = "--forward 0:80 --forward 0:80/udp --forward ";
        assert!(text.contains(kept) && text.ends_with(":80@1\n"), "{text}");
    }
}
