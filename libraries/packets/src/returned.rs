//! The beginnings of packets that this station has sent and that were too big for their way: routers send them back (RFC 1191, RFC 8201).
//!
//! The network layer hands one to whoever is served its protocol, like what arrives, but with [`TOO_BIG`]; whoever does not look for that finds no header of
//! the network layer in front of it.
//!
//! # What is believed
//!
//! Nothing: any station can send one. Whoever is handed it looks whether it has sent such a packet.

use warren::Cx;
use warren_idl::{Packet, TOO_BIG};

use crate::{
    Bad, Batch, Buffers, Bytes,
    buffers::strip,
    distribution::{Distributor, hand_on},
    network::{self, Network},
};

/// The packet that begins `before` bytes behind the start of a message with a header of so many bytes, as it is handed on.
///
/// # Errors
///
/// It is not there.
pub fn beginning(
    message: &Packet,
    before: usize,
    header_bytes: usize,
    mtu: u32,
) -> Result<Packet, Bad> {
    let segment_bytes = u16::try_from(mtu).unwrap_or(u16::MAX);
    let mut first = Packet { more: 0, flags: TOO_BIG, segment_bytes, ..*message };
    strip(&mut first, before)?;
    first.network = first.offset;
    strip(&mut first, header_bytes)?;
    Ok(first)
}

/// Hands it to whoever is served its protocol.
pub fn hand_back<S: Distributor>(cx: &mut Cx<'_, S>, first: Packet, protocol: u8) {
    let mut batch = Batch::new();
    // There is room for one, and nobody misses what nobody is served.
    if batch.push_packet(&[first]).is_ok() {
        hand_on(cx, protocol.into(), &batch);
    }
}

/// Who sent such a packet to whom, and how many bytes it may have, as whoever is handed it sees it.
///
/// # Errors
///
/// It is none.
pub fn read<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Result<(Network, u16), Bad> {
    match first.flags & TOO_BIG {
        0 => Err(Bad),
        _ => Ok((network::read(memory, first)?, first.segment_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use warren_idl::Address;

    use super::*;
    use crate::{network, testing::Plain};

    #[test]
    fn the_beginning_of_a_packet_is_known_to_be_no_packet_that_has_arrived() {
        let memory = Buffers::new(Plain::new(1));
        let message = Packet { offset: 100, bytes: 8 + 20 + 8, more: 2, ..Packet::default() };
        let mut header = [0; 20];
        header[0] = 0x45;
        (header[12], header[16]) = (10, 192);
        memory.write(&message, 8, &header).unwrap();
        let first = beginning(&message, 8, 20, 1400).unwrap();
        assert_eq!((first.offset, first.bytes, first.network, first.more), (128, 8, 108, 0));
        let (found, mtu) = read(&memory, &first).unwrap();
        let between = (found.source, found.destination);
        assert_eq!(between, (Address::v4(10 << 24), Address::v4(192 << 24)));
        assert_eq!((mtu, network(&memory, &first)), (1400, Err(Bad)));
        assert_eq!(read(&memory, &message), Err(Bad), "it has arrived");
        assert_eq!(beginning(&message, 8, 40, 1400), Err(Bad), "it is not there");
    }
}
