//! Where this station is in the networks of IPv6: its addresses, its neighbours' networks, and its router.
//!
//! Pure: time is a parameter. Addresses are made of what routers say and of the link's address (RFC 4862; RFC 4291, appendix A).
//!
//! # What is believed
//!
//! Any station can claim to be a router, as ever in neighbour discovery. What it says is bounded: so many networks, so many name servers, of which none is
//! known for longer than a day unless it is said again, and so many paths with an MTU of their own, of which the oldest makes room.

use alloc::vec::Vec;

use warren_idl::{Address, NAME_SERVERS, Route};
use warren_packets::neighbours::LinkAddress;

use super::message::{NameServer, Prefix, Router, is_near, solicited};

/// Fewest bytes that a packet may have on any link (RFC 8200, section 5).
pub const LEAST_MTU: u32 = 1280;
/// Addresses, networks of neighbours, and paths with an MTU of their own.
const MOST: usize = 8;
const MOST_PATHS: usize = 16;
/// Bits of a network in which stations make addresses.
const BITS: u32 = 64;
/// How long a path is remembered (RFC 8201, section 4).
const PATH_NS: u64 = 600 * SECOND_NS;
/// What nobody can shorten the time of an address to (RFC 4862, section 5.5.3).
const LEAST_NS: u64 = 7200 * SECOND_NS;
/// For how long a name server is known at most.
const NAME_SERVER_S: u64 = 86_400;
/// Questions for routers, and the time between two (RFC 4861, section 10).
const QUESTIONS: u32 = 3;
const QUESTION_NS: u64 = 4 * SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;
/// A lifetime that has no end.
const FOR_EVER_S: u64 = u32::MAX as u64;
/// Hops of packets, where no router says another number.
const HOPS: u8 = 64;

/// The group of all stations.
pub const ALL: Address = Address::new(0xff02 << 112 | 1);
/// The group of all routers.
pub const ROUTERS: Address = Address::new(0xff02 << 112 | 2);

/// Whether an address of IPv6 is several stations' (RFC 4291, section 2.7).
pub fn is_group(address: &Address) -> bool {
    address.bytes[0] == 0xff
}

/// Something that is good until the clock shows some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Until<T> {
    it: T,
    until_ns: u64,
}

/// A network, as an address in it and the number of bits that all of its addresses have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// An address.
    pub address: Address,
    /// Bits.
    pub bits: u32,
}

impl Network {
    /// Reads `fec0::15/64`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address = Address::parse(address).filter(|address| address.as_v4().is_none())?;
        let bits = bits.parse().ok().filter(|bits| *bits <= 128)?;
        Some(Network { address, bits })
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: &Address) -> bool {
        (self.address.number() ^ address.number()).leading_zeros() >= self.bits
    }

    /// The first address of all.
    fn start(&self) -> Address {
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        Address::new(self.address.number() & mask)
    }
}

/// What the system file says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// An address of this station's, in a network of neighbours.
    pub own: Option<Network>,
    /// The router.
    pub gateway: Option<Address>,
    /// Name servers.
    pub name_servers: Vec<Address>,
}

/// All that is known.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The lower half of the addresses that are made here.
    identifier: u128,
    /// The link's own.
    link_mtu: u32,
    /// What a router says of that.
    mtu: u32,
    /// Hops of packets that are sent.
    pub hops: u8,
    /// The first one is good on the link only, unless another station has it.
    own: Vec<Until<Network>>,
    near: Vec<Until<Network>>,
    router: Option<Until<Address>>,
    name_servers: Vec<Until<Address>>,
    paths: Vec<Until<(Address, u32)>>,
    questions: u32,
    next_question_ns: u64,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Ask for routers.
    pub ask: bool,
    /// Addresses or ways are others.
    pub changed: bool,
    /// Look again when the clock shows this.
    pub until_ns: u64,
}

/// When a lifetime ends that begins now.
fn end_ns(now_ns: u64, seconds: u64) -> u64 {
    if seconds >= FOR_EVER_S { u64::MAX } else { now_ns.saturating_add(seconds * SECOND_NS) }
}

impl Addresses {
    /// On a link, with what the system file says.
    pub fn new(link: LinkAddress, link_mtu: u32, settings: Settings) -> Self {
        let Settings { own, gateway, name_servers } = settings;
        let stays = |it| Until { it, until_ns: u64::MAX };
        let [a, b, c, d, e, f] = link;
        let identifier = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]).into();
        let for_ever = |it| Until { it, until_ns: u64::MAX };
        let near = Network { address: Address::new(0xfe80 << 112 | identifier), bits: BITS };
        Addresses {
            identifier,
            link_mtu,
            mtu: link_mtu,
            hops: HOPS,
            own: [Some(near), own].into_iter().flatten().map(for_ever).collect(),
            near: own.into_iter().map(for_ever).collect(),
            router: gateway.map(stays),
            name_servers: name_servers.into_iter().map(stays).collect(),
            paths: Vec::new(),
            questions: 0,
            next_question_ns: 0,
        }
    }

    /// Address `index` of this station's.
    pub fn get(&self, index: usize) -> Option<Network> {
        self.own.get(index).map(|own| own.it)
    }

    /// The router, if there is one.
    pub fn router(&self) -> Option<Address> {
        self.router.map(|router| router.it)
    }

    /// The name servers: first those of the system file.
    pub fn name_servers(&self, now_ns: u64) -> impl Iterator<Item = Address> {
        self.name_servers.iter().filter(move |it| it.until_ns > now_ns).map(|it| it.it)
    }

    /// Most bytes of a packet on the link.
    pub fn mtu(&self) -> u32 {
        self.mtu
    }

    /// Whether an address is this station's.
    pub fn is_own(&self, address: &Address) -> bool {
        self.own.iter().any(|own| own.it.address == *address)
    }

    /// Whether a packet to an address that has arrived is for this station.
    pub fn is_for_here(&self, address: &Address) -> bool {
        let asked = |own: &Until<Network>| solicited(&own.it.address) == *address;
        self.is_own(address) || *address == ALL || self.own.iter().any(asked)
    }

    /// The address from which this station talks to neighbours.
    pub fn near(&self) -> Option<Address> {
        self.own.iter().map(|own| own.it.address).find(is_near)
    }

    /// Another station has an address; whether it was one of this station's, which has it no more.
    pub fn conflict(&mut self, address: &Address) -> bool {
        let before = self.own.len();
        self.own.retain(|own| own.it.address != *address);
        self.own.len() < before
    }

    /// A router has said something; whether addresses or ways are others.
    pub fn heard(&mut self, source: &Address, router: &Router, now_ns: u64) -> bool {
        let before = self.leads(0);
        self.questions = QUESTIONS;
        let Router { lifetime_s, hops, mtu, prefixes, name_servers, .. } = router;
        let until_ns = end_ns(now_ns, *lifetime_s);
        match &mut self.router {
            Some(known) if known.it == *source && known.until_ns != u64::MAX => {
                known.until_ns = until_ns;
            }
            Some(_) => (),
            none => *none = Some(Until { it: *source, until_ns }),
        }
        self.hops = hops.unwrap_or(self.hops);
        self.mtu = mtu.filter(|mtu| (LEAST_MTU..=self.link_mtu).contains(mtu)).unwrap_or(self.mtu);
        for prefix in prefixes {
            self.heard_prefix(prefix, now_ns);
        }
        for server in name_servers {
            self.heard_name_server(server, now_ns);
        }
        self.expire(now_ns);
        self.leads(0) != before
    }

    fn heard_prefix(&mut self, prefix: &Prefix, now_ns: u64) {
        let network = Network { address: prefix.address, bits: prefix.bits };
        let is_group = is_group(&prefix.address);
        if is_near(&prefix.address) || is_group || prefix.bits > 128 {
            return;
        }
        let network = Network { address: network.start(), ..network };
        let until_ns = end_ns(now_ns, prefix.valid_s);
        if prefix.is_near {
            let has_room = self.near.len() < MOST;
            match self.near.iter_mut().find(|near| near.it == network) {
                Some(near) if near.until_ns != u64::MAX => near.until_ns = until_ns,
                None if has_room => self.near.push(Until { it: network, until_ns }),
                _ => (),
            }
        }
        if prefix.is_for_all && prefix.bits == BITS {
            let address = Address::new(network.address.number() | self.identifier);
            let has_room = self.own.len() < MOST;
            match self.own.iter_mut().find(|own| own.it.address == address) {
                // Nobody can take an address away at once by saying that its time is over.
                Some(own) if own.until_ns != u64::MAX => {
                    let least_ns = own.until_ns.min(now_ns.saturating_add(LEAST_NS));
                    own.until_ns = until_ns.max(least_ns);
                }
                None if has_room && prefix.valid_s > 0 => {
                    self.own.push(Until { it: Network { address, bits: BITS }, until_ns });
                }
                _ => (),
            }
        }
    }

    /// RFC 8106, section 5.3.1. Where there is no room the ones that are known stay: nobody can put others in their place.
    fn heard_name_server(&mut self, NameServer { address, valid_s }: &NameServer, now_ns: u64) {
        let until_ns = end_ns(now_ns, (*valid_s).min(NAME_SERVER_S));
        self.name_servers.retain(|known| known.until_ns > now_ns);
        let has_room = self.name_servers.len() < NAME_SERVERS;
        match self.name_servers.iter_mut().find(|known| known.it == *address) {
            Some(known) if known.until_ns != u64::MAX => known.until_ns = until_ns,
            None if has_room => self.name_servers.push(Until { it: *address, until_ns }),
            _ => (),
        }
    }

    /// A packet to a station was too big.
    pub fn too_big(&mut self, destination: &Address, mtu: u32, now_ns: u64) -> bool {
        let mtu = mtu.max(LEAST_MTU);
        let known = self.paths.iter().position(|path| path.it.0 == *destination);
        let now = known.map_or(self.mtu, |known| self.paths[known].it.1);
        // It can only be less than was tried.
        if mtu >= now {
            return false;
        }
        if let Some(known) = known {
            self.paths.remove(known);
        } else if self.paths.len() >= MOST_PATHS {
            self.paths.remove(0);
        }
        let until_ns = now_ns.saturating_add(PATH_NS);
        self.paths.push(Until { it: (*destination, mtu), until_ns });
        true
    }

    /// Forgets what is over.
    fn expire(&mut self, now_ns: u64) -> bool {
        let count = |it: &Self| (it.own.len(), it.near.len(), it.paths.len(), it.router.is_some());
        let before = count(self);
        self.own.retain(|own| own.until_ns > now_ns);
        self.near.retain(|near| near.until_ns > now_ns);
        self.paths.retain(|path| path.until_ns > now_ns);
        self.router.take_if(|router| router.until_ns <= now_ns);
        count(self) != before
    }

    /// What is to be done because of the time.
    pub fn step(&mut self, now_ns: u64) -> Step {
        let changed = self.expire(now_ns);
        let ask = self.questions < QUESTIONS && self.next_question_ns <= now_ns;
        if ask {
            self.questions += 1;
            self.next_question_ns = now_ns.saturating_add(QUESTION_NS);
        }
        let ends = self.own.iter().chain(&self.near).map(|it| it.until_ns);
        let ends = ends.chain(self.paths.iter().map(|path| path.until_ns));
        let ends = ends.chain(self.router.map(|router| router.until_ns));
        let question = (self.questions < QUESTIONS).then_some(self.next_question_ns);
        let until_ns = ends.chain(question).min().unwrap_or(u64::MAX);
        Step { ask, changed, until_ns }
    }

    /// Where this endpoint leads, over a link with these offloads.
    pub fn leads(&self, offloads: u32) -> Vec<Route> {
        let Some(near) = self.near() else { return Vec::new() };
        let far = self.own.iter().map(|own| own.it.address).find(|own| !is_near(own));
        let far = far.unwrap_or(near);
        let route = |network: Network, source, gateway: Option<Address>| Route {
            destination: network.start(),
            prefix: network.bits,
            source,
            gateway: gateway.unwrap_or_default(),
            mtu: self.mtu,
            offloads,
            flags: 0,
        };
        let groups = Network { address: Address::new(0xff << 120), bits: 8 };
        let mut all = Vec::from([
            route(Network { address: near, bits: BITS }, near, None),
            route(groups, near, None),
        ]);
        for Until { it: network, .. } in &self.near {
            let own = self.own.iter().map(|own| own.it.address);
            let own = own.into_iter().find(|own| network.contains(own)).unwrap_or(far);
            all.push(route(*network, own, None));
        }
        if let Some(router) = self.router() {
            all.push(route(Network { address: Address::NONE, bits: 0 }, far, Some(router)));
        }
        // An address that only the loopback leads to is announced as a source all the same.
        for Until { it: own, .. } in &self.own {
            if !all.iter().any(|route| route.source == own.address) {
                all.push(route(Network { address: own.address, bits: 128 }, own.address, None));
            }
        }
        for Until { it: (destination, mtu), .. } in &self.paths {
            let fits = |route: &&Route| {
                Network { address: route.destination, bits: route.prefix }.contains(destination)
            };
            let by = all.iter().filter(fits).max_by_key(|route| route.prefix).copied();
            if let Some(by) = by {
                all.push(Route { destination: *destination, prefix: 128, mtu: *mtu, ..by });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec};

    use super::*;

    const LINK: LinkAddress = [0x52, 0x54, 0, 0x77, 0x61, 1];
    const S: u64 = SECOND_NS;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn said(valid_s: u64, lifetime_s: u64) -> Router {
        let prefix = Prefix {
            address: address("fec0::"),
            bits: 64,
            is_near: true,
            is_for_all: true,
            valid_s,
        };
        Router { lifetime_s, prefixes: vec![prefix], ..Router::default() }
    }

    fn addresses() -> Addresses {
        Addresses::new(LINK, 1500, Settings::default())
    }

    /// Destination, source, gateway and MTU of each route.
    fn shown(addresses: &Addresses) -> Vec<std::string::String> {
        let show = |route: &Route| {
            let Route { destination, prefix, source, gateway, mtu, .. } = route;
            std::format!("{destination}/{prefix} {source} {gateway} {mtu}")
        };
        addresses.leads(0).iter().map(show).collect()
    }

    #[test]
    fn without_a_router_there_are_neighbours() {
        let near = "fe80::5054:ff:fe77:6101";
        let expected =
            [std::format!("fe80::/64 {near} :: 1500"), std::format!("ff00::/8 {near} :: 1500")];
        assert_eq!(shown(&addresses()), expected);
        let addresses = addresses();
        for (text, own) in [
            (near, true),
            ("ff02::1", true),
            ("ff02::1:ff77:6101", true),
            ("ff02::1:ff77:6102", false),
            ("ff02::2", false),
            ("fe80::1", false),
        ] {
            assert_eq!(addresses.is_for_here(&address(text)), own, "{text}");
        }
    }

    #[test]
    fn a_router_says_where_this_station_is() {
        let mut addresses = addresses();
        assert!(addresses.heard(&address("fe80::2"), &said(86_400, 1800), 0));
        assert!(!addresses.heard(&address("fe80::2"), &said(86_400, 1800), S), "nothing new");
        let own = "fec0::5054:ff:fe77:6101";
        let routes = shown(&addresses);
        assert_eq!(routes[2], std::format!("fec0::/64 {own} :: 1500"));
        assert_eq!(routes[3], std::format!("::/0 {own} fe80::2 1500"));
        assert!(addresses.is_own(&address(own)));
        // The router goes first, and the rest when its time is over.
        assert_eq!(addresses.step(2 * S), Step { ask: false, changed: false, until_ns: 1801 * S });
        assert!(addresses.step(1801 * S).changed && addresses.router().is_none());
        assert!(addresses.step(86_401 * S).changed);
        assert_eq!(shown(&addresses).len(), 2);
    }

    #[test]
    fn nobody_takes_an_address_away_at_once() {
        let mut addresses = addresses();
        addresses.heard(&address("fe80::2"), &said(86_400, 1800), 0);
        addresses.heard(&address("fe80::66"), &said(0, 0), S);
        assert_eq!(
            addresses.get(1).map(|own| own.address),
            Some(address("fec0::5054:ff:fe77:6101"))
        );
        addresses.step(7200 * S);
        assert!(addresses.get(1).is_some());
        addresses.step(7201 * S);
        assert!(addresses.get(1).is_none());
    }

    #[test]
    fn name_servers_are_known_as_long_as_routers_say_but_no_longer_than_a_day() {
        let own = address("fd00::53");
        let settings = Settings { name_servers: vec![own], ..Settings::default() };
        let mut addresses = Addresses::new(LINK, 1500, settings);
        let mut say = |text, valid_s, now_ns| {
            let server = NameServer { address: address(text), valid_s };
            let router = Router { name_servers: vec![server], ..said(86_400, 1800) };
            addresses.heard(&address("fe80::2"), &router, now_ns);
            addresses.name_servers(now_ns).collect::<Vec<_>>()
        };
        assert_eq!(say("fe80::1", 0, 0), [own], "its time is over");
        assert_eq!(say("fe80::1", 10, 0), [own, address("fe80::1")]);
        assert_eq!(say("fe80::2", FOR_EVER_S, 0).len(), 3);
        assert_eq!(say("fe80::3", 10, 0).len(), 3, "there is no room");
        assert_eq!(say("fd00::53", 0, 0).len(), 3, "the system file says so");
        assert_eq!(say("fe80::3", 10, 10 * S), [own, address("fe80::2"), address("fe80::3")]);
        assert_eq!(say("fe80::3", 0, 11 * S), [own, address("fe80::2")]);
        assert_eq!(addresses.name_servers(86_399 * S).count(), 2);
        assert_eq!(addresses.name_servers(86_400 * S).count(), 1);
    }

    #[test]
    fn routers_are_asked_for_three_times() {
        let mut addresses = addresses();
        let asked: Vec<bool> =
            [0, 1, 4, 8, 12].map(|second| addresses.step(second * S).ask).to_vec();
        assert_eq!(asked, [true, false, true, true, false]);
        assert_eq!(addresses.step(13 * S).until_ns, u64::MAX);
    }

    #[test]
    fn what_others_say_has_bounds() {
        let mut addresses = addresses();
        for number in 0..100u8 {
            let mut router = said(86_400, 1800);
            router.prefixes[0].address.bytes[3] = number;
            addresses.heard(&address("fe80::2"), &router, 0);
            let mut station = address("fec0::");
            station.bytes[15] = number;
            addresses.too_big(&station, 1300, 0);
        }
        assert_eq!((addresses.own.len(), addresses.near.len()), (MOST, MOST));
        assert_eq!(addresses.paths.len(), MOST_PATHS);
        assert!(addresses.leads(0).len() <= 64);
        for text in ["ff02::", "fe80::"] {
            let mut router = said(86_400, 1800);
            router.prefixes[0].address = address(text);
            assert!(!addresses.heard(&address("fe80::2"), &router, 0), "{text}");
        }
    }

    #[test]
    fn a_path_that_carries_less_has_a_route_of_its_own() {
        let mut addresses = addresses();
        addresses.heard(&address("fe80::2"), &said(86_400, 1800), 0);
        let far = address("2001:db8::1");
        assert!(addresses.too_big(&far, 1400, 0) && !addresses.too_big(&far, 1450, 0));
        let expected = "2001:db8::1/128 fec0::5054:ff:fe77:6101 fe80::2 1400";
        assert_eq!(shown(&addresses).last().map(|it| it.to_string()), Some(expected.into()));
        assert!(addresses.too_big(&far, 100, 0));
        assert!(shown(&addresses).last().is_some_and(|it| it.ends_with(" 1280")), "the least");
        assert!(addresses.step(600 * S).changed, "it may have changed");
        assert_eq!(shown(&addresses).len(), 4);
    }

    #[test]
    fn an_address_that_another_station_has_is_given_up() {
        let mut addresses = addresses();
        let near = addresses.near().unwrap();
        assert!(addresses.conflict(&near) && !addresses.conflict(&near));
        assert!(addresses.leads(0).is_empty());
    }

    #[test]
    fn networks_are_read() {
        let network = Network::parse("fec0::15/64").unwrap();
        assert!(network.contains(&address("fec0::1")) && !network.contains(&address("fec1::1")));
        for text in ["fec0::15", "fec0::15/129", "10.0.2.15/24", "x/64"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        let whole = Network { address: Address::NONE, bits: 0 };
        assert!(whole.contains(&address("::1")) && whole.start() == Address::NONE);
    }
}
