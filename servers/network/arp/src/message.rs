//! Messages of ARP (RFC 826), for IPv4 on Ethernet.

use core::net::Ipv4Addr;

use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress};

use warren_packets::neighbours::LinkAddress;

/// Bytes of a message.
pub const MESSAGE_BYTES: usize = 28;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it asks, or answers.
    pub asks: bool,
    /// Who sends it.
    pub source: (u32, LinkAddress),
    /// Who is asked for, or answered.
    pub target: (u32, LinkAddress),
}

/// Reads a message; `None` if it is none that concerns IPv4 on Ethernet, or comes from nobody.
pub fn read(bytes: &[u8; MESSAGE_BYTES]) -> Option<Message> {
    let packet = ArpPacket::new_checked(&bytes[..]).ok()?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_hardware_addr,
        target_protocol_addr,
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    let asks = match operation {
        ArpOperation::Request => true,
        ArpOperation::Reply => false,
        ArpOperation::Unknown(_) => return None,
    };
    let unspecified = source_protocol_addr.is_unspecified() || source_protocol_addr.is_multicast();
    if !source_hardware_addr.is_unicast() || unspecified {
        return None;
    }
    Some(Message {
        asks,
        source: (u32::from(source_protocol_addr), source_hardware_addr.0),
        target: (u32::from(target_protocol_addr), target_hardware_addr.0),
    })
}

/// Writes a message.
pub fn write(message: &Message) -> [u8; MESSAGE_BYTES] {
    let mut bytes = [0; MESSAGE_BYTES];
    let repr = ArpRepr::EthernetIpv4 {
        operation: if message.asks { ArpOperation::Request } else { ArpOperation::Reply },
        source_hardware_addr: EthernetAddress(message.source.1),
        source_protocol_addr: Ipv4Addr::from(message.source.0),
        target_hardware_addr: EthernetAddress(message.target.1),
        target_protocol_addr: Ipv4Addr::from(message.target.0),
    };
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MESSAGE: Message = Message {
        asks: true,
        source: (0x0a00_0202, [0x52, 0x55, 10, 0, 2, 2]),
        target: (0x0a00_020f, [0; 6]),
    };

    #[test]
    fn a_request_is_as_the_standard_has_it() {
        let expected = [
            0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x55, 10, 0, 2, 2, 10, 0, 2, 2, 0, 0, 0, 0, 0, 0, 10, 0,
            2, 15,
        ];
        assert_eq!(write(&MESSAGE), expected);
        assert_eq!(read(&expected), Some(MESSAGE));
    }

    #[test]
    fn a_message_from_nobody_is_none() {
        let from = |source| read(&write(&Message { source, ..MESSAGE }));
        assert!(from((0, MESSAGE.source.1)).is_none(), "a probe");
        assert!(from((MESSAGE.source.0, [0xff; 6])).is_none(), "all stations");
        assert!(from((0xe000_0001, MESSAGE.source.1)).is_none(), "a group");
    }

    proptest! {
        #[test]
        fn what_is_read_can_be_written(bytes: [u8; MESSAGE_BYTES], header: bool) {
            let mut bytes = bytes;
            if header {
                bytes[..7].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0]);
                bytes[7] = bytes[7] % 2 + 1;
            }
            if let Some(message) = read(&bytes) {
                prop_assert_eq!(write(&message), bytes);
            }
        }
    }
}
