//! The four numbers that tell one connection from all others.

use core::net::{IpAddr, SocketAddr};

use crate::segment::Segment;

/// An address and a port of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// This side's address.
    pub local: IpAddr,
    /// The other side's address.
    pub remote: IpAddr,
    /// This side's port.
    pub local_port: u16,
    /// The other side's port.
    pub remote_port: u16,
}

impl Flow {
    /// The flow between two sockets.
    pub fn between(local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow {
            local: local.ip(),
            remote: remote.ip(),
            local_port: local.port(),
            remote_port: remote.port(),
        }
    }

    /// The flow that a segment from `remote` to `local` belongs to.
    pub fn of(segment: &Segment, local: IpAddr, remote: IpAddr) -> Flow {
        Flow {
            local,
            remote,
            local_port: segment.destination_port,
            remote_port: segment.source_port,
        }
    }

    /// Bytes of the IP header in front of its segments, without options.
    pub(crate) fn network_header_bytes(&self) -> u16 {
        if self.remote.is_ipv4() { 20 } else { 40 }
    }
}
