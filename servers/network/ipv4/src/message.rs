//! Messages of ICMP (RFC 792) that say what has become of a packet.

use smoltcp::wire::Ipv4Packet;
use warren_idl::{Obstacle, Packet};
use warren_packets::{
    Bad, Buffers, Bytes,
    returned::{Fate, beginning},
};

use super::header::{HEADER_BYTES, PROTOCOL};

/// ICMP's number among the protocols.
pub const ICMP: u8 = 1;
/// Bytes of a message in front of the packet.
const MESSAGE_BYTES: usize = 8;
/// What a message begins with that a packet did not get to whom it was for, and one that it had been under way for too long.
const UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;

/// Whether a message, by its first byte, says what has become of a packet.
pub fn is_own(kind: u8) -> bool {
    matches!(kind, UNREACHABLE | TIME_EXCEEDED)
}

/// What a message says that begins with these bytes; `None` if it is of no use to whoever has sent the packet.
fn fate([kind, code, _, _, _, _, high, low]: [u8; MESSAGE_BYTES]) -> Option<Fate> {
    let obstacle = match (kind, code) {
        (UNREACHABLE, 4) => return Some(Fate::TooBig(u16::from_be_bytes([high, low]))),
        (UNREACHABLE, 0 | 6 | 8 | 11) => Obstacle::Network,
        (UNREACHABLE, 1 | 5 | 7 | 12) => Obstacle::Host,
        (UNREACHABLE, 2) => Obstacle::Protocol,
        (UNREACHABLE, 3) => Obstacle::Port,
        (UNREACHABLE, 9 | 10 | 13..=15) => Obstacle::Prohibited,
        (TIME_EXCEEDED, 0) => Obstacle::Hops,
        _ => return None,
    };
    Some(Fate::Stopped(obstacle))
}

/// The beginning of a packet that was sent from `own`, as a message tells of it (RFC 792; RFC 1191, section 4), and its protocol.
///
/// # Errors
///
/// The message is damaged, or tells of no such packet.
pub fn returned<M: Bytes>(
    memory: &Buffers<M>,
    message: &[Packet],
    own: u32,
) -> Result<(Packet, u8), Bad> {
    let first = message.first().ok_or(Bad)?;
    let bytes = memory.header::<{ MESSAGE_BYTES + HEADER_BYTES }>(first)?;
    let (head, sent) = bytes.split_first_chunk::<MESSAGE_BYTES>().ok_or(Bad)?;
    let packet = Ipv4Packet::new_unchecked(sent);
    let header_bytes = usize::from(packet.header_len());
    let is_own = packet.version() == 4 && u32::from(packet.src_addr()) == own;
    let is_whole = header_bytes >= HEADER_BYTES && packet.frag_offset() == 0;
    if !is_own || !is_whole || memory.sum(message)?.finish() != 0 {
        return Err(Bad);
    }
    let fate = fate(*head).ok_or(Bad)?;
    Ok((beginning(first, MESSAGE_BYTES, header_bytes, fate)?, sent[PROTOCOL]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use warren_idl::{STOPPED, TOO_BIG};
    use warren_packets::{checksum::Sum, testing::Plain};

    use super::*;
    use crate::header::{Header, Outgoing, sent};

    const HEADER: Header = Header {
        source: 0x0a00_0202,
        destination: 0x0a00_020f,
        protocol: 17,
        identification: 0x1234,
        fragment_offset: 0,
        more_fragments: false,
    };

    /// A message of this kind of a packet, of which it has so many bytes behind the header.
    fn message(memory: &Buffers<Plain>, kind: [u8; 2], header: Header, bytes: usize) -> Packet {
        let sent = sent(&Outgoing { header, may_fragment: false }, 1480).unwrap();
        let head = [kind[0], kind[1], 0, 0, 0, 0, 5, 120];
        let mut text = [&head, &sent[..], &[7; 8][..bytes]].concat();
        let mut sum = Sum::default();
        sum.add(&text);
        text[2..4].copy_from_slice(&sum.finish().to_be_bytes());
        let bytes = text.len() as u16;
        let message = Packet { offset: 200, bytes, network: 180, ..Packet::default() };
        memory.write(&message, 0, &text).unwrap();
        message
    }

    #[test]
    fn what_comes_back_is_known_if_it_was_sent_from_here() {
        let memory = Buffers::new(Plain::new(1));
        let read = |message, own| returned(&memory, &[message], own);
        let whole = message(&memory, [3, 4], HEADER, 8);
        let (first, protocol) = read(whole, HEADER.source).unwrap();
        assert_eq!((first.offset, first.bytes, first.network, protocol), (228, 8, 208, 17));
        assert_eq!((first.flags, first.segment_bytes, first.checksum_start), (TOO_BIG, 1400, 180));
        assert_eq!(read(whole, HEADER.destination), Err(Bad), "not from here");
        memory.write(&whole, 7, &[121]).unwrap();
        assert_eq!(read(whole, HEADER.source), Err(Bad), "damaged");
        let part = message(&memory, [3, 1], Header { fragment_offset: 1480, ..HEADER }, 8);
        assert_eq!(read(part, HEADER.source), Err(Bad), "not the beginning");
        let short = Packet { bytes: 27, ..message(&memory, [3, 1], HEADER, 0) };
        assert_eq!(read(short, HEADER.source), Err(Bad), "cut off");
    }

    #[test]
    fn what_was_in_the_way_is_known() {
        let memory = Buffers::new(Plain::new(1));
        let obstacle = |kind| {
            let (first, _) = returned(&memory, &[message(&memory, kind, HEADER, 8)], 0x0a00_0202)?;
            assert_eq!(first.flags, STOPPED);
            Ok(Obstacle::from_number(first.segment_bytes).expect("it has a number"))
        };
        for (code, expected) in [
            (0, Obstacle::Network),
            (1, Obstacle::Host),
            (2, Obstacle::Protocol),
            (3, Obstacle::Port),
            (13, Obstacle::Prohibited),
        ] {
            assert_eq!(obstacle([3, code]), Ok(expected), "{code}");
        }
        assert_eq!(obstacle([11, 0]), Ok(Obstacle::Hops));
        for kind in [[3, 16], [11, 1], [5, 0], [8, 0]] {
            assert_eq!(obstacle(kind), Err(Bad), "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read_in_bounds(
            mut bytes in prop::collection::vec(any::<u8>(), 64..=64),
            kind in prop_oneof![Just(3u8), Just(11)], code in 0u8..17,
            offset in 0u16..100, length in 0u16..100,
        ) {
            let memory = Buffers::new(Plain::new(1));
            (bytes[0], bytes[1], bytes[8]) = (kind, code, 0x40 | bytes[8] & 15);
            let place = Packet { offset, bytes: 64, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            let message = Packet { bytes: length, ..place };
            let own = u32::from_be_bytes(*bytes[20..].first_chunk().unwrap());
            if let Ok((first, _)) = returned(&memory, &[message], own) {
                prop_assert!(memory.check(&[first]).is_ok());
                prop_assert!(first.offset + first.bytes == offset + length);
            }
        }
    }
}
