//! IP packets with TCP in them, as bytes.

use core::net::{IpAddr, Ipv4Addr};

use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket},
};
use warren_tcp::{Flow, HEADER_BYTES, Segment};

/// Bytes of the header in front of TCP's.
pub const IP_BYTES: usize = 20;

fn address(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => panic!("the tests' network is an IPv4 one"),
    }
}

/// The packet of a segment.
pub fn encode(flow: &Flow, segment: &Segment, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; HEADER_BYTES];
    let header_bytes = segment.encode(&mut header);
    let (source, destination) = (address(flow.local), address(flow.remote));
    let ip = Ipv4Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Tcp,
        payload_len: header_bytes + payload.len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; IP_BYTES];
    bytes.extend_from_slice(&header[..header_bytes]);
    bytes.extend_from_slice(payload);
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[..]), &ChecksumCapabilities::default());
    TcpPacket::new_unchecked(&mut bytes[IP_BYTES..])
        .fill_checksum(&IpAddress::from(source), &IpAddress::from(destination));
    bytes
}

/// A segment that arrived, from whom, to whom, and where its payload begins in the packet; nothing if it is damaged or something else.
pub fn decode(bytes: &[u8]) -> Option<(Segment, IpAddr, IpAddr, usize)> {
    let ip = Ipv4Packet::new_checked(bytes).ok()?;
    if !ip.verify_checksum() || ip.next_header() != IpProtocol::Tcp {
        return None;
    }
    let (source, destination) = (ip.src_addr(), ip.dst_addr());
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    if !tcp.verify_checksum(&IpAddress::from(source), &IpAddress::from(destination)) {
        return None;
    }
    let (segment, length) = Segment::decode(ip.payload()).ok()?;
    Some((segment, source.into(), destination.into(), usize::from(ip.header_len()) + length))
}
