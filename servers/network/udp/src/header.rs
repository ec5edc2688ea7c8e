//! Headers of UDP (RFC 768), taken off and put on.

use smoltcp::wire::UdpPacket;
use warren_idl::{Address, CHECKSUM_GOOD, Packet};
use warren_packets::{
    Bad, Buffers, Bytes, batch::length, buffers::strip, network, network::Network, pseudo_header,
};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 8;
/// UDP's number among the protocols of IP.
pub const UDP: u8 = 17;

/// Where the checksum is in the header.
const CHECKSUM: usize = 6;

/// Who sends a datagram to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Address and port of who sends it.
    pub source: (Address, u16),
    /// Address and port of whom it is for.
    pub destination: (Address, u16),
}

/// Takes the header off a datagram that has lost that of the network layer, and what is behind its end. The datagram is `first` and `others`.
///
/// # Errors
///
/// It is no datagram of UDP, or it was cut off, or damaged.
pub fn arrived<M: Bytes>(
    memory: &Buffers<M>,
    first: &mut Packet,
    others: &[Packet],
) -> Result<Header, Bad> {
    let Network { source, destination, .. } = network(memory, first)?;
    let bytes = memory.header::<HEADER_BYTES>(first)?;
    let header = UdpPacket::new_unchecked(&bytes[..]);
    let total = usize::from(header.len());
    let there = usize::from(first.bytes) + length(others);
    let surplus = there.checked_sub(total).ok_or(Bad)?;
    if total < HEADER_BYTES || header.dst_port() == 0 || surplus > 0 && !others.is_empty() {
        return Err(Bad);
    }
    let mut whole = Packet { bytes: first.bytes - surplus as u16, ..*first };
    // A checksum of 0 says that there is none, which over IPv6 it may not (RFC 8200, section 8.1).
    let has_none = header.checksum() == 0 && source.as_v4().is_some();
    if first.flags & CHECKSUM_GOOD == 0 && !has_none {
        let mut sum = pseudo_header(&source, &destination, UDP, total);
        memory.add_to(&mut sum, &[whole])?;
        memory.add_to(&mut sum, others)?;
        if sum.finish() != 0 {
            return Err(Bad);
        }
    }
    strip(&mut whole, HEADER_BYTES)?;
    *first = whole;
    Ok(Header {
        source: (source, header.src_port()),
        destination: (destination, header.dst_port()),
    })
}

/// The header of a datagram with this data.
///
/// # Errors
///
/// It would be longer than a datagram can be.
pub fn sent(header: &Header, data: &[u8]) -> Result<[u8; HEADER_BYTES], Bad> {
    let total = u16::try_from(HEADER_BYTES + data.len()).map_err(|_| Bad)?;
    let mut bytes = [0; HEADER_BYTES];
    let mut packet = UdpPacket::new_unchecked(&mut bytes[..]);
    packet.set_src_port(header.source.1);
    packet.set_dst_port(header.destination.1);
    packet.set_len(total);
    let mut sum = pseudo_header(&header.source.0, &header.destination.0, UDP, total.into());
    sum.add(&bytes);
    sum.add(data);
    // What would be 0 is sent as its other form: 0 says that there is no checksum.
    let checksum = match sum.finish() {
        0 => u16::MAX,
        checksum => checksum,
    };
    bytes[CHECKSUM..].copy_from_slice(&checksum.to_be_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    const IPV6_BYTES: u16 = 40;
    const HEADER: Header =
        Header { source: (v4(0x0a00_0202), 53), destination: (v4(0x0a00_020f), 50_000) };
    const HEADER6: Header = Header {
        source: (Address::new(0xfec0 << 112 | 2), 53),
        destination: (Address::new(0xfec0 << 112 | 15), 50_000),
    };

    const fn v4(number: u32) -> Address {
        Address::v4(number)
    }

    /// A datagram behind a header of IPv4, or IPv6, in pieces cut at `cut` of the data.
    fn put(memory: &Buffers<Plain>, header: &Header, data: &[u8], cut: usize) -> [Packet; 2] {
        let mut below = [0; IPV6_BYTES as usize];
        let [from, to] = [header.source.0, header.destination.0];
        match (from.as_v4(), to.as_v4()) {
            (Some(from), Some(to)) => {
                below[0] = 0x45;
                below[12..16].copy_from_slice(&from.to_be_bytes());
                below[16..20].copy_from_slice(&to.to_be_bytes());
            }
            _ => {
                below[0] = 0x60;
                below[8..24].copy_from_slice(&from.bytes);
                below[24..].copy_from_slice(&to.bytes);
            }
        }
        let bytes = (HEADER_BYTES + cut) as u16;
        let network = Packet { offset: 60, bytes: IPV6_BYTES, ..Packet::default() };
        memory.write(&network, 0, &below).unwrap();
        let first = Packet { offset: 100, bytes, more: 1, network: 60, ..Packet::default() };
        memory.write(&first, 0, &sent(header, data).unwrap()).unwrap();
        memory.write(&first, HEADER_BYTES, &data[..cut]).unwrap();
        let rest = (data.len() - cut) as u16;
        let second = Packet { buffer: 1, offset: 7, bytes: rest, ..Packet::default() };
        memory.write(&second, 0, &data[cut..]).unwrap();
        [first, second]
    }

    #[test]
    fn what_is_no_datagram_is_refused() {
        let memory = Buffers::new(Plain::new(2));
        let refused = |at: usize, byte: u8| {
            let [mut first, second] = put(&memory, &HEADER, b"some data", 9);
            memory.write(&first, at, &[byte]).unwrap();
            arrived(&memory, &mut first, &[second]) == Err(Bad)
        };
        assert!(refused(5, 7), "shorter than its header");
        assert!(refused(5, 200), "cut off");
        assert!(refused(6, 1), "its checksum is wrong");
        assert!(refused(10, b'x'), "its data has changed");
        let header = Header { destination: (HEADER.destination.0, 0), ..HEADER };
        let [mut first, second] = put(&memory, &header, b"", 0);
        assert_eq!(arrived(&memory, &mut first, &[second]), Err(Bad), "to no port");
        assert_eq!(sent(&HEADER, &[0; 65_528]), Err(Bad), "too long");
    }

    #[test]
    fn a_datagram_without_a_checksum_is_taken_and_a_surplus_cut_off() {
        let memory = Buffers::new(Plain::new(2));
        let [mut first, _] = put(&memory, &HEADER, b"data", 4);
        memory.write(&first, CHECKSUM, &[0, 0]).unwrap();
        first.bytes += 10;
        assert_eq!(arrived(&memory, &mut first, &[]), Ok(HEADER));
        assert_eq!((first.offset, first.bytes), (108, 4));
        let [mut first, _] = put(&memory, &HEADER6, b"data", 4);
        memory.write(&first, CHECKSUM, &[0, 0]).unwrap();
        assert_eq!(arrived(&memory, &mut first, &[]), Err(Bad), "over IPv6 it has one");
    }

    proptest! {
        #[test]
        fn a_datagram_arrives_as_it_was_sent(
            data in prop::collection::vec(any::<u8>(), 0..600), cut in 0usize..600, six: bool,
        ) {
            let header = if six { HEADER6 } else { HEADER };
            let memory = Buffers::new(Plain::new(2));
            let cut = cut.min(data.len());
            let [mut first, second] = put(&memory, &header, &data, cut);
            prop_assert_eq!(arrived(&memory, &mut first, &[second]), Ok(header));
            let mut read = std::vec![0; data.len()];
            memory.gather(&[first, second], 0, &mut read).unwrap();
            prop_assert_eq!(read, data);
        }

        #[test]
        fn any_bytes_and_any_record_are_looked_at_in_bounds(
            bytes in prop::collection::vec(any::<u8>(), 64..=64),
            buffer in 0u32..3, offset in 0u16..100, length in 0u16..100, network: u16, flags in 0u16..2,
        ) {
            let memory = Buffers::new(Plain::new(2));
            let place = Packet { buffer: buffer.min(1), offset, bytes: 64, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            let before = Packet { buffer, offset, bytes: length, network, flags, ..Packet::default() };
            let mut first = before;
            match arrived(&memory, &mut first, &[]) {
                Ok(_) => {
                    prop_assert!(memory.check(&[first]).is_ok());
                    prop_assert!(first.offset == offset + 8 && first.bytes <= length - 8);
                }
                Err(Bad) => prop_assert_eq!(first, before),
            }
        }
    }
}
