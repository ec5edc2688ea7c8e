//! The header of a datagram that never leaves: one of IPv6, whatever its addresses are, so that those of IPv4 stand in it in their longer form.

use core::net::Ipv6Addr;

use smoltcp::wire::{IPV6_HEADER_LEN, IpProtocol, Ipv6Packet};
use warren_idl::{CHECKSUM_GOOD, Packet, Way};
use warren_packets::{Bad, Buffers, Bytes, buffers::strip};

/// Bytes of the header.
pub const HEADER_BYTES: usize = IPV6_HEADER_LEN;
/// Routers that a packet may pass, of which there is none.
const HOPS: u8 = 64;

/// The header of a datagram with so many bytes behind it.
///
/// # Errors
///
/// It would be longer than a datagram can be.
pub fn header(way: &Way, protocol: u8, bytes: usize) -> Result<[u8; HEADER_BYTES], Bad> {
    let mut header = [0; HEADER_BYTES];
    let mut packet = Ipv6Packet::new_unchecked(&mut header[..]);
    packet.set_version(6);
    packet.set_payload_len(u16::try_from(bytes).map_err(|_| Bad)?);
    packet.set_next_header(IpProtocol::from(protocol));
    packet.set_hop_limit(HOPS);
    packet.set_src_addr(Ipv6Addr::from(way.source.bytes));
    packet.set_dst_addr(Ipv6Addr::from(way.destination.bytes));
    Ok(header)
}

/// Makes a datagram that is sent one that has arrived: with the header in front of it, which its record has lost.
///
/// # Errors
///
/// There is no room in front, or the record is wrong.
pub fn arrives<M: Bytes>(
    memory: &Buffers<M>,
    first: &mut Packet,
    header: &[u8; HEADER_BYTES],
) -> Result<(), Bad> {
    let mut packet = *first;
    memory.prepend(&mut packet, header)?;
    packet.network = packet.offset;
    strip(&mut packet, HEADER_BYTES)?;
    // What was to be summed before it leaves, or cut, has nowhere to change.
    packet.flags = CHECKSUM_GOOD;
    packet.segment_bytes = 0;
    *first = packet;
    Ok(())
}

#[cfg(test)]
mod tests {
    use warren_idl::{Address, CHECKSUM_FILL};
    use warren_packets::{
        network::{Network, network},
        testing::Plain,
    };

    use super::*;

    #[test]
    fn a_datagram_arrives_as_it_was_sent() {
        let memory = Buffers::new(Plain::new(1));
        for text in ["127.0.0.1", "10.0.2.15", "::1", "fec0::15"] {
            let address = Address::parse(text).unwrap();
            let way = Way { source: address, destination: address, ..Way::default() };
            let sent = Packet {
                offset: 128,
                bytes: 30,
                flags: CHECKSUM_FILL,
                segment_bytes: 10,
                ..Packet::default()
            };
            let mut first = sent;
            arrives(&memory, &mut first, &header(&way, 17, 30).unwrap()).unwrap();
            let expected = Packet { flags: CHECKSUM_GOOD, segment_bytes: 0, network: 88, ..sent };
            assert_eq!(first, expected);
            let about = Network { source: address, destination: address, hops_left: HOPS };
            assert_eq!(network(&memory, &first), Ok(about));
        }
    }

    #[test]
    fn what_cannot_have_a_header_is_refused() {
        let memory = Buffers::new(Plain::new(1));
        assert_eq!(header(&Way::default(), 6, 65_536), Err(Bad));
        let mut first = Packet { offset: 39, bytes: 1, ..Packet::default() };
        assert_eq!(arrives(&memory, &mut first, &[0; HEADER_BYTES]), Err(Bad));
    }
}
