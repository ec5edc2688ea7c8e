//! Headers of Ethernet II frames (RFC 894), put on and taken off.

use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol};
use warren_idl::{Packet, TO_SEVERAL};
use warren_packets::{Bad, Buffers, Bytes, buffers::strip};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 14;

/// Numbers below this are lengths of frames of another kind (IEEE 802.3), which nobody here speaks.
const LEAST_KIND: u16 = 0x600;

/// Takes the header off a frame that has arrived at the station `own`, and returns the protocol that it is of; `None` if it is not for this
/// station, or of no protocol.
pub fn arrived<M: Bytes>(memory: &Buffers<M>, first: &mut Packet, own: [u8; 6]) -> Option<u16> {
    let header = memory.header::<HEADER_BYTES>(first).ok()?;
    let frame = EthernetFrame::new_checked(&header[..]).ok()?;
    let destination = frame.dst_addr();
    let is_to_several = destination.is_broadcast() || destination.is_multicast();
    let kind = u16::from(frame.ethertype());
    if destination.0 != own && !is_to_several || kind < LEAST_KIND {
        return None;
    }
    strip(first, HEADER_BYTES).ok()?;
    if is_to_several {
        first.flags |= TO_SEVERAL;
    }
    Some(kind)
}

/// Puts the header on a packet that is sent.
pub fn sent<M: Bytes>(
    memory: &Buffers<M>,
    first: &mut Packet,
    header: &[u8; HEADER_BYTES],
) -> Result<(), Bad> {
    memory.prepend(first, header)
}

/// The header of frames from one station to another.
pub fn header(source: [u8; 6], destination: u64, kind: u16) -> [u8; HEADER_BYTES] {
    let [_, _, destination @ ..] = destination.to_be_bytes();
    let mut header = [0; HEADER_BYTES];
    let mut frame = EthernetFrame::new_unchecked(&mut header[..]);
    frame.set_src_addr(EthernetAddress(source));
    frame.set_dst_addr(EthernetAddress(destination));
    frame.set_ethertype(EthernetProtocol::from(kind));
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn packet() -> Packet {
        Packet { offset: 100, bytes: 50, ..Packet::default() }
    }

    #[test]
    fn a_frame_arrives_as_it_was_sent() {
        let memory = Buffers::new(Plain::new(1));
        let mut first = packet();
        sent(&memory, &mut first, &header([2; 6], 0x0200_0000_0001, 0x800)).unwrap();
        assert_eq!((first.offset, first.bytes), (86, 64));
        assert_eq!(
            memory.header::<14>(&first).unwrap(),
            [2, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 8, 0]
        );
        assert_eq!(arrived(&memory, &mut first, OWN), Some(0x800));
        assert_eq!(first, packet());
    }

    #[test]
    fn only_frames_for_this_station_arrive() {
        let memory = Buffers::new(Plain::new(1));
        let arrives = |destination, kind| {
            let mut first = packet();
            memory.write(&first, 0, &header([2; 6], destination, kind)).unwrap();
            arrived(&memory, &mut first, OWN).map(|_| first.flags)
        };
        assert_eq!(arrives(0x0200_0000_0001, 0x800), Some(0));
        for several in [0xffff_ffff_ffff, 0x0100_5e00_0001] {
            assert_eq!(arrives(several, 0x800), Some(TO_SEVERAL));
        }
        assert_eq!(arrives(0x0200_0000_0002, 0x800), None, "another station's");
        assert_eq!(arrives(0x0200_0000_0001, 0x5dc), None, "a length");
    }

    #[test]
    fn a_packet_without_room_in_front_is_refused() {
        let memory = Buffers::new(Plain::new(1));
        let mut first = Packet { offset: 13, ..packet() };
        assert_eq!(sent(&memory, &mut first, &[0; 14]), Err(Bad));
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_record_are_looked_at_in_bounds(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            buffer in 0u32..3,
            offset: u16,
            length: u16,
        ) {
            let memory = Buffers::new(Plain::new(2));
            memory.write(&Packet { bytes: 40, ..Packet::default() }, 0, &bytes).unwrap();
            let before = Packet { buffer, offset, bytes: length, ..Packet::default() };
            let mut first = before;
            if arrived(&memory, &mut first, OWN).is_some() {
                prop_assert!(memory.check(&[before]).is_ok() && memory.check(&[first]).is_ok());
                prop_assert_eq!(first.bytes + 14, before.bytes);
            } else {
                prop_assert_eq!(first, before);
            }
        }
    }
}
