//! Headers of IPv4 (RFC 791), taken off and put on.

use core::net::Ipv4Addr;

use smoltcp::wire::{IPV4_HEADER_LEN, IpProtocol, Ipv4Packet};
use warren_idl::Packet;
use warren_packets::{Bad, Buffers, Bytes, batch::length, buffers::strip, checksum::Sum};

/// Bytes of a header without options.
pub const HEADER_BYTES: usize = IPV4_HEADER_LEN;
/// Where in a header the protocol stands.
pub(super) const PROTOCOL: usize = 9;
/// Most bytes of a header's options.
const MOST_OPTION_BYTES: usize = 40;
/// Routers that a packet may pass (RFC 1122, section 3.2.1.7).
const HOPS: u8 = 64;

/// What the header of a packet says that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it.
    pub source: u32,
    /// Whom it is for.
    pub destination: u32,
    /// What is in it.
    pub protocol: u8,
    /// What its fragments have in common.
    pub identification: u16,
    /// Where in the datagram this fragment starts.
    pub fragment_offset: u16,
    /// Whether more fragments follow.
    pub more_fragments: bool,
}

impl Header {
    /// Whether the packet is a part of a datagram.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }
}

/// Takes the header off a packet, and what is behind its end. The packet is `first` and `others`.
///
/// # Errors
///
/// It is no packet of IPv4, or it was cut off.
pub fn arrived<M: Bytes>(
    memory: &Buffers<M>,
    first: &mut Packet,
    others: &[Packet],
) -> Result<Header, Bad> {
    let bytes = memory.header::<HEADER_BYTES>(first)?;
    let packet = Ipv4Packet::new_unchecked(&bytes[..]);
    let (header_bytes, total) = (usize::from(packet.header_len()), usize::from(packet.total_len()));
    if packet.version() != 4 || header_bytes < HEADER_BYTES || total < header_bytes {
        return Err(Bad);
    }
    let mut sum = Sum::default();
    sum.add(&bytes);
    if header_bytes > HEADER_BYTES {
        let mut options = [0; MOST_OPTION_BYTES];
        let options = &mut options[..header_bytes - HEADER_BYTES];
        memory.read(first, HEADER_BYTES, options)?;
        sum.add(options);
    }
    if sum.finish() != 0 {
        return Err(Bad);
    }
    let there = usize::from(first.bytes) + length(others);
    let surplus = there.checked_sub(total).ok_or(Bad)?;
    if surplus > 0 && !others.is_empty() {
        return Err(Bad);
    }
    let header = Header {
        source: u32::from(packet.src_addr()),
        destination: u32::from(packet.dst_addr()),
        protocol: bytes[PROTOCOL],
        identification: packet.ident(),
        fragment_offset: packet.frag_offset(),
        more_fragments: packet.more_frags(),
    };
    // No packet comes from a group, or from all.
    if header.source >= 0xe000_0000 {
        return Err(Bad);
    }
    let mut stripped = *first;
    stripped.bytes -= surplus as u16;
    stripped.network = first.offset;
    strip(&mut stripped, header_bytes)?;
    *first = stripped;
    Ok(header)
}

/// What stands in the header of a packet that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What the layer above says, and who sends it to whom.
    pub header: Header,
    /// Whether routers may cut the packet.
    pub may_fragment: bool,
}

/// The header of a packet with so many bytes behind it.
///
/// # Errors
///
/// It would be longer than a packet can be.
pub fn sent(outgoing: &Outgoing, data_bytes: usize) -> Result<[u8; HEADER_BYTES], Bad> {
    let Outgoing { header, may_fragment } = outgoing;
    let total = u16::try_from(HEADER_BYTES + data_bytes).map_err(|_| Bad)?;
    let mut bytes = [0; HEADER_BYTES];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    packet.set_version(4);
    packet.set_header_len(HEADER_BYTES as u8);
    packet.set_total_len(total);
    packet.set_ident(header.identification);
    packet.clear_flags();
    packet.set_dont_frag(!may_fragment);
    packet.set_more_frags(header.more_fragments);
    packet.set_frag_offset(header.fragment_offset);
    packet.set_hop_limit(HOPS);
    packet.set_next_header(IpProtocol::from(header.protocol));
    packet.set_src_addr(Ipv4Addr::from(header.source));
    packet.set_dst_addr(Ipv4Addr::from(header.destination));
    packet.fill_checksum();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    const HEADER: Header = Header {
        source: 0x0a00_0202,
        destination: 0x0a00_020f,
        protocol: 1,
        identification: 0x1234,
        fragment_offset: 0,
        more_fragments: false,
    };

    fn packet(bytes: u16) -> Packet {
        Packet { offset: 200, bytes, ..Packet::default() }
    }

    fn put(memory: &Buffers<Plain>, header: Header, data: usize) -> Packet {
        let mut first = packet(data as u16);
        let bytes = sent(&Outgoing { header, may_fragment: true }, data).unwrap();
        memory.prepend(&mut first, &bytes).unwrap();
        first
    }

    #[test]
    fn a_packet_arrives_as_it_was_sent() {
        let memory = Buffers::new(Plain::new(1));
        for header in [
            HEADER,
            Header { more_fragments: true, ..HEADER },
            Header { fragment_offset: 1480, ..HEADER },
        ] {
            let mut first = put(&memory, header, 100);
            assert_eq!(arrived(&memory, &mut first, &[]), Ok(header));
            assert_eq!(first, Packet { network: 180, ..packet(100) });
        }
    }

    #[test]
    fn what_is_behind_the_end_is_cut_off() {
        let memory = Buffers::new(Plain::new(1));
        let mut first = put(&memory, HEADER, 10);
        first.bytes += 16;
        arrived(&memory, &mut first, &[]).unwrap();
        assert_eq!(first.bytes, 10);
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let memory = Buffers::new(Plain::new(2));
        let refused = |at: usize, byte: u8| {
            let mut first = put(&memory, HEADER, 10);
            memory.write(&first, at, &[byte]).unwrap();
            arrived(&memory, &mut first, &[]) == Err(Bad)
        };
        assert!(refused(0, 0x65), "version 6");
        assert!(refused(0, 0x44), "a header of 16 bytes");
        assert!(refused(15, 3), "the checksum is wrong");
        let mut first = put(&memory, HEADER, 10);
        first.bytes -= 1;
        assert_eq!(arrived(&memory, &mut first, &[]), Err(Bad), "cut off");
        let mut first = put(&memory, HEADER, 10);
        assert_eq!(arrived(&memory, &mut first, &[packet(5)]), Err(Bad), "a piece too many");
        let mut first = put(&memory, Header { source: 0xe000_0001, ..HEADER }, 10);
        assert_eq!(arrived(&memory, &mut first, &[]), Err(Bad), "from a group");
        assert_eq!(sent(&Outgoing { header: HEADER, may_fragment: false }, 65_516), Err(Bad));
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_record_are_looked_at_in_bounds(
            mut bytes in prop::collection::vec(any::<u8>(), 64..=64),
            right: bool,
            buffer in 0u32..3,
            offset in 0u16..100,
            length in 0u16..100,
        ) {
            let memory = Buffers::new(Plain::new(2));
            if right {
                bytes[0] = 0x40 | (5 + bytes[0] % 11);
                bytes[2] = 0;
                let header = usize::from(bytes[0] & 15) * 4;
                let (at, behind) = bytes[..header].split_at_mut(10);
                behind[..2].fill(0);
                let mut sum = Sum::default();
                sum.add(at);
                sum.add(behind);
                behind[..2].copy_from_slice(&sum.finish().to_be_bytes());
            }
            let place = Packet { buffer: buffer.min(1), offset, bytes: 64, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            let before = Packet { buffer, offset, bytes: length, ..Packet::default() };
            let mut first = before;
            if arrived(&memory, &mut first, &[]).is_ok() {
                prop_assert!(memory.check(&[first]).is_ok());
                prop_assert!(first.offset >= offset + 20 && first.offset + first.bytes <= offset + length);
                prop_assert_eq!(first.network, offset);
            } else {
                prop_assert_eq!(first, before);
            }
        }
    }
}
