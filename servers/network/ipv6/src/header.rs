//! Headers of IPv6 and what may stand between them and the layer above (RFC 8200), taken off and put on.

use core::net::Ipv6Addr;

use smoltcp::wire::{IPV6_HEADER_LEN, IpProtocol, Ipv6Packet};
use warren_idl::{Address, Packet};
use warren_packets::{Bad, Buffers, Bytes, batch::length, buffers::strip};

use super::addresses::is_group;

/// Bytes of the header.
pub const HEADER_BYTES: usize = IPV6_HEADER_LEN;
/// Bytes of a fragment's header.
pub const FRAGMENT_BYTES: usize = 8;

/// Where in the header it stands what follows.
const NEXT: usize = 6;

/// Numbers of the headers that may stand in between.
const OPTIONS_FOR_ALL: u8 = 0;
const ROUTE: u8 = 43;
/// The header of a fragment.
pub const FRAGMENT: u8 = 44;
const OPTIONS: u8 = 60;
/// What says that nothing follows.
const NOTHING: u8 = 59;
/// Most headers in between, and bytes of one.
const MOST_BETWEEN: usize = 8;
const MOST_BYTES: usize = 256;

/// What the header of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it.
    pub source: Address,
    /// Whom it is for.
    pub destination: Address,
    /// How many more routers it may pass.
    pub hops: u8,
}

/// What a fragment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What all fragments of a datagram have in common.
    pub identification: u32,
    /// Where in the datagram it starts.
    pub offset: u16,
    /// Whether more follow.
    pub more: bool,
}

/// Takes the header off a packet, and what is behind its end. The packet is `first` and `others`. Also returns what follows.
///
/// # Errors
///
/// It is no packet of IPv6, or it was cut off.
pub fn arrived<M: Bytes>(
    memory: &Buffers<M>,
    first: &mut Packet,
    others: &[Packet],
) -> Result<(Header, u8), Bad> {
    let bytes = memory.header::<HEADER_BYTES>(first)?;
    let packet = Ipv6Packet::new_unchecked(&bytes[..]);
    let there = usize::from(first.bytes) + length(others);
    let total = HEADER_BYTES + usize::from(packet.payload_len());
    let surplus = there.checked_sub(total).ok_or(Bad)?;
    if packet.version() != 6 || surplus > 0 && !others.is_empty() {
        return Err(Bad);
    }
    let header = Header {
        source: Address { bytes: packet.src_addr().octets() },
        destination: Address { bytes: packet.dst_addr().octets() },
        hops: packet.hop_limit(),
    };
    // No packet comes from a group, nor travels with an address of IPv4.
    let [source, destination] = [header.source, header.destination];
    let mapped = source.as_v4().is_some() || destination.as_v4().is_some();
    if is_group(&source) || mapped {
        return Err(Bad);
    }
    let mut stripped = *first;
    stripped.bytes = stripped.bytes.checked_sub(surplus as u16).ok_or(Bad)?;
    stripped.network = first.offset;
    strip(&mut stripped, HEADER_BYTES)?;
    *first = stripped;
    Ok((header, bytes[NEXT]))
}

/// Takes off what stands in between. Returns the protocol above, or that the packet is a part of a datagram, and what follows in that.
///
/// # Errors
///
/// Something is wrong with it, or is to be understood and is not (section 4.2), or is a route that goes on (RFC 5095).
pub fn unwrap<M: Bytes>(
    memory: &Buffers<M>,
    first: &mut Packet,
    mut next: u8,
) -> Result<(u8, Option<Part>), Bad> {
    for number in 0..=MOST_BETWEEN {
        match next {
            // It stands at the start only.
            OPTIONS_FOR_ALL if number == 0 => (),
            OPTIONS_FOR_ALL => return Err(Bad),
            OPTIONS | ROUTE => (),
            FRAGMENT => {
                let [follows, _, high, low, identification @ ..] =
                    memory.header::<FRAGMENT_BYTES>(first)?;
                strip(first, FRAGMENT_BYTES)?;
                let place = u16::from_be_bytes([high, low]);
                let identification = u32::from_be_bytes(identification);
                let part = Part { identification, offset: place & !7, more: place & 1 != 0 };
                if part.offset != 0 || part.more {
                    return Ok((follows, Some(part)));
                }
                // All of it is here (RFC 6946).
                next = follows;
                continue;
            }
            NOTHING => return Err(Bad),
            protocol => return Ok((protocol, None)),
        }
        let [follows, units] = memory.header(first)?;
        let bytes = (usize::from(units) + 1) * 8;
        let mut header = [0; MOST_BYTES];
        let header = header.get_mut(..bytes).ok_or(Bad)?;
        memory.read(first, 0, header)?;
        let understood = match next {
            ROUTE => header[3] == 0,
            _ => options(&header[2..]),
        };
        if !understood {
            return Err(Bad);
        }
        strip(first, bytes)?;
        next = follows;
    }
    Err(Bad)
}

/// Where in a packet that has lost its headers the protocol is named that follows them: in the last one.
///
/// # Errors
///
/// They are not there any more.
pub fn names_protocol<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Result<u16, Bad> {
    let end = first.offset.checked_sub(first.network).ok_or(Bad)?;
    let mut fixed = [0; HEADER_BYTES];
    memory.read_buffer(first.buffer, first.network.into(), &mut fixed)?;
    let (mut at, mut named, mut next) = (HEADER_BYTES as u16, NEXT as u16, fixed[NEXT]);
    while at < end {
        let mut header = [0; 2];
        memory.read_buffer(first.buffer, (first.network + at).into(), &mut header)?;
        let [follows, units] = header;
        named = at;
        let bytes =
            if next == FRAGMENT { FRAGMENT_BYTES as u16 } else { (u16::from(units) + 1) * 8 };
        at = at.saturating_add(bytes);
        next = follows;
    }
    Ok(named)
}

/// Whether nothing in these options must be understood to go on (section 4.2).
fn options(mut bytes: &[u8]) -> bool {
    while let [kind, rest @ ..] = bytes {
        bytes = match (kind, rest) {
            (0, rest) => rest,
            (kind, [length, rest @ ..]) if kind >> 6 == 0 => {
                let Some(rest) = rest.get(usize::from(*length)..) else { return false };
                rest
            }
            _ => return false,
        };
    }
    true
}

/// The header of a packet with so many bytes behind it, of which the first are of `next`.
///
/// # Errors
///
/// It would be longer than a packet can be.
pub fn sent(header: &Header, next: u8, bytes: usize) -> Result<[u8; HEADER_BYTES], Bad> {
    let mut written = [0; HEADER_BYTES];
    let mut packet = Ipv6Packet::new_unchecked(&mut written[..]);
    packet.set_version(6);
    packet.set_payload_len(u16::try_from(bytes).map_err(|_| Bad)?);
    packet.set_next_header(IpProtocol::from(next));
    packet.set_hop_limit(header.hops);
    packet.set_src_addr(Ipv6Addr::from(header.source.bytes));
    packet.set_dst_addr(Ipv6Addr::from(header.destination.bytes));
    Ok(written)
}

/// The headers of a fragment with so many bytes behind them.
///
/// # Errors
///
/// They would be more than there can be.
pub fn sent_part(
    header: &Header,
    protocol: u8,
    part: &Part,
    bytes: usize,
) -> Result<[u8; HEADER_BYTES + FRAGMENT_BYTES], Bad> {
    let mut written = [0; HEADER_BYTES + FRAGMENT_BYTES];
    let (front, behind) = written.split_at_mut(HEADER_BYTES);
    front.copy_from_slice(&sent(header, FRAGMENT, FRAGMENT_BYTES + bytes)?);
    let [high, low] = (part.offset | u16::from(part.more)).to_be_bytes();
    let [a, b, c, d] = part.identification.to_be_bytes();
    behind.copy_from_slice(&[protocol, 0, high, low, a, b, c, d]);
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    const HEADER: Header = Header {
        source: Address::new(0xfe80 << 112 | 2),
        destination: Address::new(0xfe80 << 112 | 15),
        hops: 64,
    };

    fn put(memory: &Buffers<Plain>, next: u8, payload: &[u8]) -> Packet {
        let bytes = payload.len() as u16;
        let mut first = Packet { offset: 200, bytes, ..Packet::default() };
        memory.write(&first, 0, payload).unwrap();
        memory.prepend(&mut first, &sent(&HEADER, next, payload.len()).unwrap()).unwrap();
        first
    }

    fn read(memory: &Buffers<Plain>, mut first: Packet) -> Result<(u8, Option<Part>, Packet), Bad> {
        let (header, next) = arrived(memory, &mut first, &[])?;
        assert_eq!(header, HEADER);
        let (protocol, part) = unwrap(memory, &mut first, next)?;
        Ok((protocol, part, first))
    }

    #[test]
    fn a_packet_arrives_as_it_was_sent() {
        let memory = Buffers::new(Plain::new(1));
        let mut sent = put(&memory, 17, &[7; 100]);
        sent.bytes += 6;
        let (protocol, part, first) = read(&memory, sent).unwrap();
        assert_eq!((protocol, part), (17, None));
        assert_eq!(first, Packet { offset: 200, bytes: 100, network: 160, ..first });
    }

    #[test]
    fn a_fragment_arrives_as_it_was_sent() {
        let memory = Buffers::new(Plain::new(1));
        let part = Part { identification: 0x1234_5678, offset: 1448, more: true };
        let mut first = Packet { offset: 200, bytes: 16, ..Packet::default() };
        let headers = sent_part(&HEADER, 58, &part, 16).unwrap();
        memory.prepend(&mut first, &headers).unwrap();
        let (protocol, found, first) = read(&memory, first).unwrap();
        assert_eq!((protocol, found, first.bytes), (58, Some(part), 16));
    }

    #[test]
    fn what_stands_in_between_is_taken_off() {
        let memory = Buffers::new(Plain::new(1));
        let whole = |payload: &[&[u8]], next| {
            let payload: Vec<u8> = payload.concat();
            read(&memory, put(&memory, next, &payload)).map(|(protocol, part, first)| {
                assert_eq!((part, first.bytes), (None, 5));
                protocol
            })
        };
        let padding = |next| [next, 0, 1, 4, 0, 0, 0, 0];
        let alert = |next| [next, 0, 5, 2, 0, 0, 1, 0];
        let data = &[9; 5][..];
        assert_eq!(whole(&[&alert(60), &padding(17), data], 0), Ok(17));
        assert_eq!(whole(&[&[6, 0, 0, 0, 0, 0, 0, 0], data], 43), Ok(6), "a route that is over");
        assert_eq!(whole(&[&[6, 0, 0, 0, 0, 0, 0, 9], data], 44), Ok(6), "a fragment that is all");
        assert_eq!(whole(&[&[6, 0, 0, 1, 0, 0, 0, 0], data], 43), Err(Bad), "a route goes on");
        assert_eq!(whole(&[&padding(0), &padding(17), data], 60), Err(Bad), "not at the start");
        assert_eq!(whole(&[&[17, 0, 0x41, 4, 0, 0, 0, 0], data], 60), Err(Bad), "not understood");
        assert_eq!(whole(&[&[17, 0, 1, 5, 0, 0, 0, 0], data], 60), Err(Bad), "beyond its end");
        assert_eq!(whole(&[&[17, 200, 1, 4, 0, 0, 0, 0], data], 60), Err(Bad), "too long");
        assert_eq!(whole(&[data], 59), Err(Bad), "nothing");
        let many: Vec<u8> = (0..9).flat_map(|_| padding(60)).collect();
        assert_eq!(whole(&[&many, data], 60), Err(Bad), "too many");
    }

    #[test]
    fn the_last_header_names_the_protocol() {
        let memory = Buffers::new(Plain::new(1));
        let named = |payload: &[u8], next| {
            let (protocol, _, first) = read(&memory, put(&memory, next, payload)).unwrap();
            (protocol, names_protocol(&memory, &first))
        };
        assert_eq!(named(&[9; 5], 99), (99, Ok(6)));
        assert_eq!(named(&[99, 0, 1, 4, 0, 0, 0, 0], 60), (99, Ok(40)));
        let two = [44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 9, 1];
        assert_eq!(named(&two, 60), (99, Ok(56)));
        let nothing = Packet { offset: 20, network: 30, ..Packet::default() };
        assert_eq!(names_protocol(&memory, &nothing), Err(Bad));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let memory = Buffers::new(Plain::new(1));
        let refused = |at: usize, byte: u8| {
            let mut first = put(&memory, 17, &[0; 10]);
            memory.write(&first, at, &[byte]).unwrap();
            arrived(&memory, &mut first, &[]) == Err(Bad)
        };
        assert!(refused(0, 0x45), "version 4");
        assert!(refused(5, 11), "cut off");
        assert!(refused(8, 0xff), "from a group");
        let mapped = Header { source: Address::v4(1), ..HEADER };
        let mut first = Packet { offset: 200, ..Packet::default() };
        memory.prepend(&mut first, &sent(&mapped, 17, 0).unwrap()).unwrap();
        assert_eq!(arrived(&memory, &mut first, &[]), Err(Bad), "an address of IPv4");
        assert_eq!(sent(&HEADER, 6, 65_536), Err(Bad));
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_record_are_looked_at_in_bounds(
            mut bytes in prop::collection::vec(any::<u8>(), 120..=120),
            kinds in prop::collection::vec(prop_oneof![Just(0u8), Just(43), Just(44), Just(60), any::<u8>()], 4..=4),
            buffer in 0u32..3, offset in 0u16..100, length in 0u16..130,
        ) {
            let memory = Buffers::new(Plain::new(2));
            (bytes[0], bytes[4], bytes[5], bytes[6]) = (0x60, 0, bytes[5] % 80, kinds[0]);
            for (at, kind) in [40, 48, 56].into_iter().zip(&kinds[1..]) {
                (bytes[at], bytes[at + 1]) = (*kind, bytes[at + 1] % 3);
            }
            let place = Packet { buffer: buffer.min(1), offset, bytes: 120, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            let mut first = Packet { buffer, offset, bytes: length, ..Packet::default() };
            if let Ok((_, next)) = arrived(&memory, &mut first, &[]) {
                prop_assert!(memory.check(&[first]).is_ok());
                if unwrap(&memory, &mut first, next).is_ok() {
                    prop_assert!(memory.check(&[first]).is_ok());
                    prop_assert!(names_protocol(&memory, &first).is_ok());
                    prop_assert!(first.offset + first.bytes <= offset + length);
                }
            }
        }
    }
}
