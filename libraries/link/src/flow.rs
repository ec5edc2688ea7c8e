//! Which pair of queues a frame is sent by.
//!
//! All frames of a flow take the same pair, so that they stay in order; and the device delivers what comes back by the pair by which the flow was sent (virtio 1.2, section 5.1.6.5.6). A
//! flow is what has the same addresses and protocol of IP and, with TCP and UDP, the same ports. Fragments have no ports, but for the first one: they all count as
//! what has none. What is not of IP takes the first pair.
//!
//! Whoever chooses its ports can choose the pair. That harms those who share it no more than if there was only one.

use warren_idl::Packet;
use warren_packets::{Buffers, Bytes};

use crate::segments::{
    ADDRESSES, ETHERNET_BYTES as PACKET, IPV4, IPV4_BYTES, KIND, PROTOCOL, TCP, VERSION,
};

const IPV6: u16 = 0x86dd;

/// In the header of IPv4 (RFC 791), the place among fragments.
const FRAGMENT: usize = PACKET + 6;
/// There: more fragments follow, and how far this one is from the beginning.
const IS_FRAGMENT: u16 = 0x3fff;

/// In the header of IPv6 (RFC 8200): what follows it, the addresses, and its bytes.
const NEXT: usize = PACKET + 6;
const LONG_ADDRESSES: usize = PACKET + 8;
const LONG_HEADER: usize = 40;

/// The other protocol than TCP whose header begins with ports, and their bytes.
const UDP: u8 = 17;
const PORTS_BYTES: usize = 4;

/// The bytes that are looked at, but for ports behind options of IPv4.
const BYTES: usize = PACKET + LONG_HEADER + PORTS_BYTES;

/// The pair by which a frame is sent, of so many.
pub fn pair<M: Bytes>(packets: &Buffers<M>, frame: &[Packet], pairs: usize) -> usize {
    let hash = frame.first().and_then(|first| hash(packets, first)).unwrap_or(0);
    ((u64::from(hash) * pairs as u64) >> u32::BITS) as usize
}

/// A number for a frame's flow, if it has one.
fn hash<M: Bytes>(packets: &Buffers<M>, first: &Packet) -> Option<u32> {
    let mut bytes = [0; BYTES];
    let count = BYTES.min(first.bytes.into());
    packets.read(first, 0, &mut bytes[..count]).ok()?;
    let half = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (protocol, addresses, ports_at) = match half(KIND) {
        IPV4 if count >= PACKET + IPV4_BYTES => {
            let header = usize::from(bytes[VERSION] & 0xf) * 4;
            let is_whole = half(FRAGMENT) & IS_FRAGMENT == 0;
            let ports_at = (is_whole && header >= IPV4_BYTES).then_some(PACKET + header);
            (bytes[PROTOCOL], ADDRESSES..PACKET + IPV4_BYTES, ports_at)
        }
        IPV6 if count >= PACKET + LONG_HEADER => {
            let end = PACKET + LONG_HEADER;
            (bytes[NEXT], LONG_ADDRESSES..end, Some(end))
        }
        _ => return None,
    };
    let has_ports = matches!(protocol, TCP | UDP);
    let ports = ports_at.filter(|_| has_ports).and_then(|at| {
        let mut ports = [0; PORTS_BYTES];
        packets.read(first, at, &mut ports).ok()?;
        Some(u32::from_be_bytes(ports))
    });
    let (words, _) = bytes[addresses].as_chunks::<4>();
    let words = words.iter().map(|word| u32::from_be_bytes(*word));
    let all = words.chain(ports).fold(protocol.into(), mixed);
    Some(finished(all))
}

/// Mixes a word into a hash, as MurmurHash3 does it (Austin Appleby, in the public domain).
fn mixed(hash: u32, word: u32) -> u32 {
    let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

/// The end of a hash, by which each bit of it depends on all that was mixed in.
fn finished(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    const PAIRS: usize = 4;
    const ICMP: u8 = 1;

    /// A packet of IPv4 between two ports, whose header has so many words.
    fn ipv4(protocol: u8, words: u8, ports: [u16; 2], bytes: usize) -> Vec<u8> {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        // What is another one in each packet of a flow.
        packet[4] = bytes as u8;
        packet[9] = protocol;
        packet[12..16].copy_from_slice(&[10, 0, 0, 1]);
        packet[16..20].copy_from_slice(&[10, 0, 0, 2]);
        framed(IPV4, packet, ports, bytes)
    }

    /// The same of IPv6, to the address that ends with this number.
    fn ipv6(protocol: u8, last: u8, ports: [u16; 2], bytes: usize) -> Vec<u8> {
        let mut packet = vec![0; LONG_HEADER];
        packet[0] = 0x60;
        packet[5] = bytes as u8;
        packet[6] = protocol;
        packet[8] = 0xfe;
        packet[39] = last;
        framed(IPV6, packet, ports, bytes)
    }

    fn framed(kind: u16, packet: Vec<u8>, ports: [u16; 2], bytes: usize) -> Vec<u8> {
        let mut frame = vec![0; KIND];
        frame.extend(kind.to_be_bytes());
        frame.extend(packet);
        frame.extend(ports.into_iter().flat_map(u16::to_be_bytes));
        frame.extend((0..bytes).map(|at| (at * 3) as u8));
        frame
    }

    fn pair_of(frame: &[u8], pairs: usize) -> usize {
        let packets = Buffers::new(Plain::new(1));
        let piece = Packet { offset: 40, bytes: frame.len() as u16, ..Packet::default() };
        packets.write(&piece, 0, frame).unwrap();
        pair(&packets, &[piece], pairs)
    }

    #[test]
    fn frames_of_a_flow_take_the_same_pair() {
        for protocol in [TCP, UDP] {
            for port in 0..64 {
                let short = pair_of(&ipv4(protocol, 5, [port, 80], 0), PAIRS);
                for bytes in [1, 99, 1400] {
                    assert_eq!(pair_of(&ipv4(protocol, 5, [port, 80], bytes), PAIRS), short);
                }
                assert_eq!(pair_of(&ipv4(protocol, 15, [port, 80], 9), PAIRS), short, "options");
                let short = pair_of(&ipv6(protocol, 1, [port, 80], 0), PAIRS);
                assert_eq!(pair_of(&ipv6(protocol, 1, [port, 80], 1400), PAIRS), short);
            }
        }
    }

    /// Checks that each pair gets about as many frames as the others.
    #[track_caller]
    fn are_spread(frames: impl Iterator<Item = Vec<u8>> + Clone) {
        for pairs in 1..=8 {
            let mut counts = vec![0; pairs];
            frames.clone().for_each(|frame| counts[pair_of(&frame, pairs)] += 1);
            let fair = counts.iter().sum::<usize>() / pairs;
            let is_fair = |count: &usize| (fair * 2 / 3..=fair * 3 / 2).contains(count);
            assert!(counts.iter().all(is_fair), "{counts:?}");
        }
    }

    #[test]
    fn flows_are_spread_over_the_pairs() {
        are_spread((0..1000).map(|port| ipv4(TCP, 5, [80, 32_768 + port], 0)));
        are_spread((0..1000).map(|port| ipv4(UDP, 5, [32_768 + 2 * port, 53], 0)));
        are_spread((0..1000).map(|port| ipv6(TCP, 1, [80, 40_000 + port], 0)));
        // By their addresses, where there are no ports.
        are_spread((0..1000).map(|number: u16| {
            let mut frame = ipv4(ICMP, 5, [0; 2], 40);
            frame[ADDRESSES + 6..][..2].copy_from_slice(&number.to_be_bytes());
            frame
        }));
    }

    #[test]
    fn what_has_no_ports_takes_one_pair() {
        let of = |frame: &[u8]| pair_of(frame, 64);
        let echo = |ports| of(&ipv4(ICMP, 5, ports, 40));
        assert_eq!(echo([0, 1]), echo([7, 8]));
        let fragment = |place: u16, ports| {
            let mut frame = ipv4(UDP, 5, ports, 40);
            frame[FRAGMENT..][..2].copy_from_slice(&place.to_be_bytes());
            of(&frame)
        };
        // The first one, one in the middle, and the last one.
        let first = fragment(0x2000, [7, 8]);
        assert_eq!([fragment(0x2003, [9, 1]), fragment(6, [2, 2])], [first; 2]);
        assert_ne!(fragment(0x4000, [7, 8]), first, "a datagram that is not to be cut is whole");
        let behind = |ports| of(&ipv6(0, 1, ports, 40));
        assert_eq!(behind([1, 2]), behind([3, 4]), "headers that are not looked at");
    }

    #[test]
    fn what_is_no_packet_takes_the_first_pair() {
        let whole = [ipv4(TCP, 5, [1, 2], 0), ipv6(TCP, 1, [1, 2], 0)];
        assert_eq!(pair_of(&framed(0x0806, vec![7; 28], [1, 2], 0), 64), 0);
        for (frame, header) in whole.iter().zip([IPV4_BYTES, LONG_HEADER]) {
            assert_ne!(pair_of(frame, 64), 0);
            assert_ne!(pair_of(&frame[..PACKET + header], 64), 0, "only ports are missing");
            for bytes in 0..PACKET + header {
                assert_eq!(pair_of(&frame[..bytes], 64), 0);
            }
        }
        let packets = Buffers::new(Plain::new(1));
        assert_eq!(pair(&packets, &[], 64), 0);
        assert_eq!(pair(&packets, &[Packet { buffer: 9, bytes: 60, ..Packet::default() }], 64), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_take_a_pair_that_is_there(
            kind in prop::sample::select(vec![IPV4, IPV6, 0]),
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            pairs in 1usize..65,
        ) {
            let frame = framed(kind, bytes, [1, 2], 0);
            prop_assert!(pair_of(&frame, pairs) < pairs);
        }
    }
}
