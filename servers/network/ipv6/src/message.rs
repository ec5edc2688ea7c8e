//! Messages of ICMPv6 that IPv6 itself needs: neighbour discovery (RFC 4861), and what has become of packets (RFC 4443).

use alloc::{vec, vec::Vec};
use core::net::Ipv6Addr;

use smoltcp::wire::{
    EthernetAddress, Icmpv6Message, Icmpv6Packet, NdiscNeighborFlags, NdiscOption, NdiscOptionType,
    NdiscPrefixInfoFlags, RawHardwareAddress,
};
use warren_idl::{Address, NAME_SERVERS, Obstacle};
use warren_packets::{neighbours::LinkAddress, pseudo_header, returned::Fate};

use super::{
    addresses::is_group,
    header::{FRAGMENT, HEADER_BYTES, Header},
};

/// ICMPv6's number among the protocols of IPv6.
pub const ICMP: u8 = 58;
/// Most bytes of a message that is looked at.
pub const MOST_BYTES: usize = 1280;
/// Hops of messages that no router has passed on.
pub const NEAR: u8 = 255;

/// Bytes in front of the options of each kind of message.
const SOLICITATION_BYTES: usize = 24;
const ADVERTISEMENT_BYTES: usize = 24;
const ROUTERS_BYTES: usize = 16;
const ROUTER_SOLICITATION_BYTES: usize = 8;
/// Bytes of an option with a link address.
const LINK_BYTES: usize = 8;
/// The option that names name servers (RFC 8106, section 5.1), and bytes in front of their addresses.
const SERVERS_OPTION: u8 = 25;
const SERVERS_BYTES: usize = 8;
/// In a message of what has become of a packet: where that starts, and where in it stand its protocol, its source and its destination.
pub const PACKET: usize = 8;
const PROTOCOL: usize = 6;
const SOURCE: usize = 8;
const DESTINATION: usize = 24;
/// Where in the header of a fragment its identification stands.
const IDENTIFICATION: usize = 4;

/// Whether a message, by its first byte, is for IPv6 itself.
pub fn is_own(kind: u8) -> bool {
    matches!(kind, 1..=4 | 133..=137)
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Somebody asks where a neighbour is.
    Solicitation {
        /// The neighbour.
        target: Address,
        /// Where whoever asks is, if it says so.
        source_link: Option<LinkAddress>,
    },
    /// A neighbour says where it is.
    Advertisement {
        /// The neighbour.
        target: Address,
        /// Its link address, if it says so.
        link: Option<LinkAddress>,
        /// Whether what was known before is not right any more.
        overrides: bool,
    },
    /// A router says what there is.
    Router(Router),
    /// A packet did not get to whom it was for.
    Returned {
        /// What was in it, or how its fragments are known.
        contents: Contents,
        /// Who sent it.
        source: Address,
        /// Whom it was for.
        destination: Address,
        /// What has become of it.
        fate: Fate,
    },
}

/// What was in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Something of a protocol.
    Whole(u8),
    /// A fragment of the datagram with this identification.
    Fragment(u32),
}

/// What a router says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Router {
    /// For how long it passes packets on, in seconds.
    pub lifetime_s: u64,
    /// Hops of packets that are sent, if it says so.
    pub hops: Option<u8>,
    /// Its link address, if it says so.
    pub link: Option<LinkAddress>,
    /// Most bytes of a packet on this link, if it says so.
    pub mtu: Option<u32>,
    /// Networks.
    pub prefixes: Vec<Prefix>,
    /// Name servers, [`NAME_SERVERS`] at most.
    pub name_servers: Vec<NameServer>,
}

/// A name server, as a router says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its address.
    pub address: Address,
    /// For how long, in seconds.
    pub valid_s: u64,
}

/// A network, as a router says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// An address in it.
    pub address: Address,
    /// Bits that all of them have alike.
    pub bits: u32,
    /// Whether all of them are neighbours.
    pub is_near: bool,
    /// Whether stations make addresses in it of themselves.
    pub is_for_all: bool,
    /// For how long, in seconds.
    pub valid_s: u64,
}

/// Reads a message that came behind this header; `None` if it is none of these, is damaged, or breaks a rule (RFC 4861, sections 6.1 and 7.1).
pub fn read(header: &Header, bytes: &[u8]) -> Option<Message> {
    let mut sum = pseudo_header(&header.source, &header.destination, ICMP, bytes.len());
    sum.add(bytes);
    let packet = Icmpv6Packet::new_checked(bytes).ok()?;
    if sum.finish() != 0 {
        return None;
    }
    if packet.msg_type().is_error() {
        return returned(bytes);
    }
    if header.hops != NEAR || packet.msg_code() != 0 {
        return None;
    }
    match packet.msg_type() {
        Icmpv6Message::NeighborSolicit => {
            let target = station(packet.target_addr())?;
            let source_link = options(bytes.get(SOLICITATION_BYTES..)?)?.source_link;
            // Who has no address yet is nowhere, and asks all who could have it.
            let is_nobody = header.source == Address::NONE;
            let asks_all = header.destination.bytes[..13] == solicited(&target).bytes[..13];
            let right = !is_nobody || asks_all && source_link.is_none();
            right.then_some(Message::Solicitation { target, source_link })
        }
        Icmpv6Message::NeighborAdvert => {
            let target = station(packet.target_addr())?;
            let flags = packet.neighbor_flags();
            let link = options(bytes.get(ADVERTISEMENT_BYTES..)?)?.target_link;
            let to_several = is_group(&header.destination);
            let right = !(flags.contains(NdiscNeighborFlags::SOLICITED) && to_several);
            let overrides = flags.contains(NdiscNeighborFlags::OVERRIDE);
            right.then_some(Message::Advertisement { target, link, overrides })
        }
        Icmpv6Message::RouterAdvert => {
            let options = options(bytes.get(ROUTERS_BYTES..)?)?;
            is_near(&header.source).then(|| {
                Message::Router(Router {
                    lifetime_s: packet.router_lifetime().secs(),
                    hops: Some(packet.current_hop_limit()).filter(|hops| *hops != 0),
                    link: options.source_link,
                    mtu: options.mtu,
                    prefixes: options.prefixes,
                    name_servers: options.name_servers,
                })
            })
        }
        _ => None,
    }
}

/// Reads a message of what has become of a packet.
fn returned(bytes: &[u8]) -> Option<Message> {
    let packet = bytes.get(PACKET..)?;
    let address = |at| Some(Address { bytes: *packet.get(at..)?.first_chunk()? });
    let contents = match *packet.get(PROTOCOL)? {
        FRAGMENT => Contents::Fragment(word(packet, HEADER_BYTES + IDENTIFICATION)?),
        protocol => Contents::Whole(protocol),
    };
    let (source, destination) = (address(SOURCE)?, address(DESTINATION)?);
    Some(Message::Returned { contents, source, destination, fate: fate(bytes)? })
}

/// What such a message says; `None` if it is of no use to whoever has sent the packet.
fn fate(bytes: &[u8]) -> Option<Fate> {
    let [kind, code] = *bytes.first_chunk()?;
    let obstacle = match (kind, code) {
        (1, 0 | 2) => Obstacle::Network,
        (1, 1 | 5 | 6) => Obstacle::Prohibited,
        (1, 3) => Obstacle::Host,
        (1, 4) => Obstacle::Port,
        (2, 0) => return Some(Fate::too_big(word(bytes, 4)?)),
        (3, 0) => Obstacle::Hops,
        (4, 1) => Obstacle::Protocol,
        _ => return None,
    };
    Some(Fate::Stopped(obstacle))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// An address that a station can have.
fn station(address: Ipv6Addr) -> Option<Address> {
    let right = !address.is_multicast() && !address.is_unspecified();
    right.then(|| Address { bytes: address.octets() })
}

/// Whether an address is good on its link only.
pub fn is_near(address: &Address) -> bool {
    address.bytes[0] == 0xfe && address.bytes[1] & 0xc0 == 0x80
}

/// The group of all stations whose addresses end like this one (RFC 4291, section 2.7.1).
pub fn solicited(address: &Address) -> Address {
    Address::new(0xff02 << 112 | 0x1_ff00_0000 | address.number() & 0xff_ffff)
}

#[derive(Default)]
struct Options {
    source_link: Option<LinkAddress>,
    target_link: Option<LinkAddress>,
    mtu: Option<u32>,
    prefixes: Vec<Prefix>,
    name_servers: Vec<NameServer>,
}

/// Most networks in a message that count.
const MOST_PREFIXES: usize = 8;

/// Reads options; `None` if one has no bytes, or is cut off.
fn options(mut bytes: &[u8]) -> Option<Options> {
    let mut all = Options::default();
    while !bytes.is_empty() {
        let units = usize::from(*bytes.get(1)?);
        let (one, rest) = bytes.split_at_checked(units * 8).filter(|_| units > 0)?;
        bytes = rest;
        let Ok(option) = NdiscOption::new_checked(one) else { continue };
        let link = || one.get(2..8).and_then(|link| link.first_chunk().copied());
        match option.option_type() {
            NdiscOptionType::SourceLinkLayerAddr => all.source_link = link().filter(is_station),
            NdiscOptionType::TargetLinkLayerAddr => all.target_link = link().filter(is_station),
            NdiscOptionType::Mtu if units == 1 => all.mtu = Some(option.mtu()),
            NdiscOptionType::PrefixInformation
                if units == 4 && all.prefixes.len() < MOST_PREFIXES =>
            {
                let flags = option.prefix_flags();
                all.prefixes.push(Prefix {
                    address: Address { bytes: option.prefix().octets() },
                    bits: option.prefix_len().into(),
                    is_near: flags.contains(NdiscPrefixInfoFlags::ON_LINK),
                    is_for_all: flags.contains(NdiscPrefixInfoFlags::ADDRCONF),
                    valid_s: option.valid_lifetime().secs(),
                });
            }
            NdiscOptionType::Unknown(SERVERS_OPTION) => {
                let Some((head, rest)) = one.split_first_chunk::<SERVERS_BYTES>() else { continue };
                let [_, _, _, _, a, b, c, d] = *head;
                let valid_s = u32::from_be_bytes([a, b, c, d]).into();
                let addresses = rest.as_chunks().0.iter().map(|bytes| Address { bytes: *bytes });
                let servers = addresses.filter(can_serve);
                let room = NAME_SERVERS - all.name_servers.len();
                let servers = servers.map(|address| NameServer { address, valid_s });
                all.name_servers.extend(servers.take(room));
            }
            _ => (),
        }
    }
    Some(all)
}

/// Whether an address may be a name server's: another station's, of IPv6.
fn can_serve(address: &Address) -> bool {
    let is_here = address.number() <= 1;
    !is_here && !is_group(address) && address.as_v4().is_none()
}

/// Whether a link address is one station's.
fn is_station(link: &LinkAddress) -> bool {
    EthernetAddress(*link).is_unicast()
}

/// A question for a neighbour, from this station.
pub fn solicitation(target: &Address, link: Option<LinkAddress>) -> Vec<u8> {
    let option = link.map(|link| (NdiscOptionType::SourceLinkLayerAddr, link));
    let mut bytes = message(Icmpv6Message::NeighborSolicit, SOLICITATION_BYTES, option);
    Icmpv6Packet::new_unchecked(&mut bytes[..]).set_target_addr(Ipv6Addr::from(target.bytes));
    bytes
}

/// The answer to one, `solicited` if it is for whoever has asked and not for all.
pub fn advertisement(target: &Address, link: LinkAddress, solicited: bool) -> Vec<u8> {
    let option = Some((NdiscOptionType::TargetLinkLayerAddr, link));
    let mut bytes = message(Icmpv6Message::NeighborAdvert, ADVERTISEMENT_BYTES, option);
    let mut packet = Icmpv6Packet::new_unchecked(&mut bytes[..]);
    packet.set_target_addr(Ipv6Addr::from(target.bytes));
    let asked = if solicited { NdiscNeighborFlags::SOLICITED } else { NdiscNeighborFlags::empty() };
    packet.set_neighbor_flags(asked | NdiscNeighborFlags::OVERRIDE);
    bytes
}

/// A question for routers.
pub fn router_solicitation(link: LinkAddress) -> Vec<u8> {
    let option = Some((NdiscOptionType::SourceLinkLayerAddr, link));
    message(Icmpv6Message::RouterSolicit, ROUTER_SOLICITATION_BYTES, option)
}

/// A message without its contents and its checksum, and an option.
fn message(
    kind: Icmpv6Message,
    bytes: usize,
    option: Option<(NdiscOptionType, LinkAddress)>,
) -> Vec<u8> {
    let mut message = vec![0; bytes + if option.is_some() { LINK_BYTES } else { 0 }];
    Icmpv6Packet::new_unchecked(&mut message[..]).set_msg_type(kind);
    if let Some((kind, link)) = option {
        let mut option = NdiscOption::new_unchecked(&mut message[bytes..]);
        option.set_option_type(kind);
        option.set_data_len(1);
        option.set_link_layer_addr(RawHardwareAddress::from_bytes(&link));
    }
    message
}

/// Puts the checksum into a message.
pub fn finish(header: &Header, bytes: &mut [u8]) {
    let mut sum = pseudo_header(&header.source, &header.destination, ICMP, bytes.len());
    sum.add(bytes);
    bytes[2..4].copy_from_slice(&sum.finish().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINK: LinkAddress = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
    const HERE: Address = Address::new(0xfe80 << 112 | 15);
    const THERE: Address = Address::new(0xfe80 << 112 | 2);
    const HEADER: Header = Header { source: THERE, destination: HERE, hops: NEAR };

    fn finished(header: &Header, mut bytes: Vec<u8>) -> Option<Message> {
        finish(header, &mut bytes);
        read(header, &bytes)
    }

    #[test]
    fn questions_and_answers_are_read_as_they_were_written() {
        let question = finished(&HEADER, solicitation(&HERE, Some(LINK)));
        let expected = Message::Solicitation { target: HERE, source_link: Some(LINK) };
        assert_eq!(question, Some(expected));
        let answer = finished(&HEADER, advertisement(&THERE, LINK, true));
        let expected = Message::Advertisement { target: THERE, link: Some(LINK), overrides: true };
        assert_eq!(answer, Some(expected));
    }

    #[test]
    fn what_breaks_a_rule_is_not_heard() {
        let far = Header { hops: 254, ..HEADER };
        assert_eq!(finished(&far, solicitation(&HERE, None)), None, "a router has passed it on");
        let mut damaged = solicitation(&HERE, None);
        finish(&HEADER, &mut damaged);
        damaged[20] ^= 1;
        assert_eq!(read(&HEADER, &damaged), None, "damaged");
        let group = Address::new(0xff02 << 112 | 1);
        assert_eq!(finished(&HEADER, solicitation(&group, None)), None, "a group");
        let nobody = Header { source: Address::NONE, ..HEADER };
        assert_eq!(finished(&nobody, solicitation(&HERE, None)), None, "it must ask all");
        let all = Header { destination: solicited(&HERE), ..nobody };
        assert!(finished(&all, solicitation(&HERE, None)).is_some());
        assert_eq!(finished(&all, solicitation(&HERE, Some(LINK))), None, "nobody is nowhere");
        let several = Header { destination: group, ..HEADER };
        assert_eq!(finished(&several, advertisement(&THERE, LINK, true)), None, "not asked");
        assert!(finished(&several, advertisement(&THERE, LINK, false)).is_some());
        let mut empty = solicitation(&HERE, Some(LINK));
        empty[25] = 0;
        assert_eq!(finished(&HEADER, empty), None, "an option without bytes");
        let mut long = solicitation(&HERE, Some(LINK));
        long[25] = 2;
        assert_eq!(finished(&HEADER, long), None, "an option that is cut off");
    }

    /// A message of a router as QEMU's user network sends it.
    fn router(source: Address) -> Option<Message> {
        let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0]);
        bytes.extend([0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([1, 1, 0x52, 0x56, 0, 0, 0, 2]);
        bytes.extend([5, 1, 0, 0, 0, 0, 5, 0x14]);
        // Name servers, of which one is none.
        bytes.extend([25, 5, 0, 0, 0, 0, 2, 0x58]);
        bytes.extend(THERE.bytes);
        bytes.extend([0; 16]);
        // An option that nobody knows.
        bytes.extend([99, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        finished(&Header { source, ..HEADER }, bytes)
    }

    #[test]
    fn routers_are_heard() {
        let prefix = Prefix {
            address: Address::new(0xfec0 << 112),
            bits: 64,
            is_near: true,
            is_for_all: true,
            valid_s: 86_400,
        };
        let expected = Router {
            lifetime_s: 1800,
            hops: Some(64),
            link: Some([0x52, 0x56, 0, 0, 0, 2]),
            mtu: Some(1300),
            prefixes: vec![prefix],
            name_servers: vec![NameServer { address: THERE, valid_s: 600 }],
        };
        assert_eq!(router(THERE), Some(Message::Router(expected)));
        assert_eq!(router(Address::new(0xfec0 << 112 | 2)), None, "not by its address here");
    }

    #[test]
    fn of_name_servers_only_so_many_are_heard() {
        let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        for number in 1..=5 {
            let address = Address::new(0xfd00 << 112 | number);
            bytes.extend([25, 3, 0, 0, 0, 0, 0, 9]);
            bytes.extend(address.bytes);
        }
        // One that has no room for an address.
        bytes.extend([25, 1, 0, 0, 0, 0, 0, 9]);
        let Some(Message::Router(router)) = finished(&HEADER, bytes) else {
            panic!("it is a router's");
        };
        let last = NameServer { address: Address::new(0xfd00 << 112 | 3), valid_s: 9 };
        assert_eq!((router.name_servers.len(), router.name_servers[2]), (NAME_SERVERS, last));
    }

    #[test]
    fn a_packet_that_was_too_big_is_known_by_its_destination() {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 5, 0];
        bytes.extend([0x60, 0, 0, 0, 5, 0, 6, 64]);
        bytes.extend(HERE.bytes);
        bytes.extend(THERE.bytes);
        let far = Header { hops: 60, ..HEADER };
        let fate = Fate::TooBig(1280);
        let too_big =
            |contents| Message::Returned { contents, source: HERE, destination: THERE, fate };
        assert_eq!(finished(&far, bytes.clone()), Some(too_big(Contents::Whole(6))));
        let cut_off = &bytes[..bytes.len() - 1];
        assert_eq!(finished(&far, cut_off.into()), None, "cut off");
        bytes[PACKET + PROTOCOL] = 44;
        assert_eq!(finished(&far, bytes.clone()), None, "cut off");
        bytes.extend([6, 0, 0, 1, 1, 2, 3, 4]);
        let fragment = Contents::Fragment(0x0102_0304);
        assert_eq!(finished(&far, bytes), Some(too_big(fragment)));
    }

    #[test]
    fn what_was_in_the_way_is_known() {
        let obstacle = |kind, code| {
            let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 6];
            bytes.extend([0x60, 0, 0, 0, 0, 8, 17, 64]);
            bytes.extend(HERE.bytes);
            bytes.extend(THERE.bytes);
            match finished(&Header { hops: 60, ..HEADER }, bytes)? {
                Message::Returned { fate: Fate::Stopped(obstacle), .. } => Some(obstacle),
                message => panic!("{message:?}"),
            }
        };
        for (code, expected) in [
            (0, Obstacle::Network),
            (1, Obstacle::Prohibited),
            (2, Obstacle::Network),
            (3, Obstacle::Host),
            (4, Obstacle::Port),
            (5, Obstacle::Prohibited),
            (6, Obstacle::Prohibited),
        ] {
            assert_eq!(obstacle(1, code), Some(expected), "{code}");
        }
        assert_eq!(obstacle(3, 0), Some(Obstacle::Hops));
        assert_eq!(obstacle(4, 1), Some(Obstacle::Protocol));
        for (kind, code) in [(1, 7), (2, 1), (3, 1), (4, 0)] {
            assert_eq!(obstacle(kind, code), None, "{kind} {code}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read_in_bounds(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            kind in prop_oneof![1u8..5, 133u8..138],
            lengths in prop::collection::vec(0u8..4, 4..=4),
        ) {
            if bytes.len() > 60 {
                (bytes[0], bytes[1]) = (kind, 0);
                for (at, length) in [17, 25, 33, 41].into_iter().zip(lengths) {
                    bytes[at] = length;
                }
                finish(&HEADER, &mut bytes);
            }
            read(&HEADER, &bytes);
        }
    }
}
