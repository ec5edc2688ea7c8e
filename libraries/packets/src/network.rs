//! What the layers above see of the network layer's header, of IPv4 and IPv6 alike, and the sum that they add for it to theirs.

use warren_idl::{Address, Packet};

use crate::{
    Bad, Buffers, Bytes,
    checksum::{self, Sum, plus},
    returned::RETURNED,
};

/// Bytes of a header of IPv4 without options, and of one of IPv6.
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
/// Bytes that are summed for it.
const PSEUDO_BYTES: usize = 40;

/// What the header said that a packet has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Who sent the packet.
    pub source: Address,
    /// Whom it was for.
    pub destination: Address,
    /// How many more routers it could have passed.
    pub hops_left: u8,
}

/// Looks at the header to which `network` in a packet's first record leads.
///
/// # Errors
///
/// There is none, or what has arrived is only the beginning of a packet that this station has sent: for that there is [`returned`](crate::returned).
pub fn network<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Result<Network, Bad> {
    if first.flags & RETURNED == 0 { read(memory, first) } else { Err(Bad) }
}

/// The same, whosever packet it is.
pub(crate) fn read<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Result<Network, Bad> {
    let mut bytes = [0; IPV6_BYTES];
    let (start, rest) = bytes.split_at_mut(IPV4_BYTES);
    let at = usize::from(first.network);
    memory.read_buffer(first.buffer, at, start)?;
    match start[0] >> 4 {
        4 => {
            let word = |at: usize| {
                let word = start[at..].first_chunk::<4>().copied().unwrap_or_default();
                Address::v4(u32::from_be_bytes(word))
            };
            Ok(Network { source: word(12), destination: word(16), hops_left: start[8] })
        }
        6 => {
            memory.read_buffer(first.buffer, at + IPV4_BYTES, rest)?;
            let address = |at: usize| {
                let bytes = bytes[at..].first_chunk().copied().unwrap_or_default();
                Address { bytes }
            };
            Ok(Network { source: address(8), destination: address(24), hops_left: bytes[7] })
        }
        _ => Err(Bad),
    }
}

/// Sums what checksums of the layers above are of beside their own bytes (RFC 768, RFC 9293, RFC 8200, section 8.1): for IPv4 and IPv6 alike, because what
/// an address of IPv4 has in front of it in its longer form sums up to nothing.
pub fn pseudo_header(source: &Address, destination: &Address, protocol: u8, bytes: usize) -> Sum {
    let [a, b, c, d] = (bytes as u32).to_be_bytes();
    let last = u64::from_le_bytes([a, b, c, d, 0, 0, 0, protocol]);
    let mut sum = Sum::default();
    let addresses = plus(checksum::sum(&source.bytes), checksum::sum(&destination.bytes));
    sum.append(plus(addresses, last), PSEUDO_BYTES);
    sum
}

/// Whether a datagram can come from an address: not from several stations.
pub fn is_station(address: &Address) -> bool {
    match address.as_v4() {
        Some(number) => number < 0xe000_0000,
        None => address.bytes[0] != 0xff,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Plain;

    #[test]
    fn headers_of_both_kinds_are_looked_at() {
        let memory = Buffers::new(Plain::new(1));
        let place = Packet { offset: 100, bytes: 40, network: 100, ..Packet::default() };
        let mut header = [0; 40];
        (header[0], header[8]) = (0x45, 63);
        header[12..20].copy_from_slice(&[10, 0, 2, 2, 10, 0, 2, 15]);
        memory.write(&place, 0, &header).unwrap();
        let [source, destination] = [0x0a00_0202, 0x0a00_020f].map(Address::v4);
        let expected = Network { source, destination, hops_left: 63 };
        assert_eq!(network(&memory, &place), Ok(expected));
        (header[0], header[7]) = (0x60, 255);
        header[8..24].copy_from_slice(&[1; 16]);
        header[24..].copy_from_slice(&[2; 16]);
        memory.write(&place, 0, &header).unwrap();
        let [source, destination] = [Address { bytes: [1; 16] }, Address { bytes: [2; 16] }];
        assert_eq!(network(&memory, &place), Ok(Network { source, destination, hops_left: 255 }));
        memory.write(&place, 0, &[0x50]).unwrap();
        assert_eq!(network(&memory, &place), Err(Bad));
        let end = Packet { network: 4080, ..place };
        assert_eq!(network(&memory, &end), Err(Bad));
    }

    #[test]
    fn groups_send_nothing() {
        for text in ["10.0.2.2", "0.0.0.0", "fe80::1", "::"] {
            assert!(is_station(&Address::parse(text).unwrap()), "{text}");
        }
        for text in ["255.255.255.255", "224.0.0.1", "ff02::1"] {
            assert!(!is_station(&Address::parse(text).unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_ipv4_too(source: u32, destination: u32, protocol: u8, bytes: u16) {
            let [long, other] = [source, destination].map(Address::v4);
            let mut short = Sum::default();
            short.add(&source.to_be_bytes());
            short.add(&destination.to_be_bytes());
            short.add(&[0, protocol]);
            short.add(&bytes.to_be_bytes());
            let sum = pseudo_header(&long, &other, protocol, bytes.into()).finish();
            // Nothing at all has two sums.
            prop_assert!(sum == short.finish() || sum == 0 && short.finish() == u16::MAX);
        }
    }
}
