//! What a client of DHCP sends when, and what it makes of answers (RFC 2131). It has no clock and no socket: it is asked for the next step.

use alloc::{vec, vec::Vec};
use core::net::Ipv4Addr;

use smoltcp::wire::{
    DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress, Ipv4Address,
};
use warren_idl::{Ipv4Settings, NAME_SERVERS};

/// Ports of servers and of clients.
pub const SERVER_PORT: u16 = 67;
/// See [`SERVER_PORT`].
pub const CLIENT_PORT: u16 = 68;

const SECOND_NS: u64 = 1_000_000_000;
/// How long to wait for the first answer, and how long at most, each time being twice as long as the one before (section 4.1).
const FIRST_PATIENCE_NS: u64 = SECOND_NS;
const MOST_PATIENCE_NS: u64 = 64 * SECOND_NS;
/// Requests for one offer before the client starts anew.
const MOST_REQUESTS: u32 = 4;
/// Least time between requests to make a lease longer (section 4.4.5).
const LEAST_RENEWAL_NS: u64 = 60 * SECOND_NS;
/// The shortest lease that is of any use.
const LEAST_LEASE_S: u32 = 10;
/// A lease for ever (section 3.3).
const FOR_EVER: u32 = u32::MAX;

/// Bytes of a message at least, as old relays want it (RFC 1542, section 2.1).
const MESSAGE_BYTES: usize = 300;
/// Options that are asked for: mask, router, name servers (RFC 2132).
const ASKED_FOR: [u8; 3] = [1, 3, 6];

/// What was lent, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Where it puts this station.
    pub settings: Ipv4Settings,
    /// Who lends it.
    pub server: u32,
    /// When it is to be made longer, when any server may do so, and when it ends.
    pub renew_ns: u64,
    /// See `renew_ns`.
    pub rebind_ns: u64,
    /// See `renew_ns`; `None` if never.
    pub end_ns: Option<u64>,
    /// How often it was made longer.
    pub renewed: u32,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send a message to an address, and wait for answers until this time.
    Ask {
        /// All, or a server.
        destination: u32,
        /// The message.
        message: Vec<u8>,
        /// Until when to wait.
        until_ns: u64,
    },
    /// Use these settings until this time.
    Use {
        /// The settings; without an address, there is none to be used.
        settings: Ipv4Settings,
        /// Until when.
        until_ns: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Looks for servers.
    Selecting,
    /// Has asked for what a server offers, so often.
    Requesting { address: u32, server: u32, count: u32 },
    /// Has a lease.
    Bound(Lease),
    /// Has one, and asks for more.
    Renewing(Lease),
    /// Had one.
    Over,
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    link_address: [u8; 6],
    /// Of the exchange.
    identifier: u32,
    state: State,
    patience_ns: u64,
}

impl Client {
    /// A client of the station with this address, that looks for a server. Answers are known by numbers, of which `identifier` is the first.
    pub fn new(link_address: [u8; 6], identifier: u32) -> Self {
        Client { link_address, identifier, state: State::Selecting, patience_ns: FIRST_PATIENCE_NS }
    }

    /// The lease that it has.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Bound(lease) | State::Renewing(lease) => Some(lease),
            _ => None,
        }
    }

    /// What to do next; it is asked for again when that is done, or its time over.
    pub fn step(&mut self, now_ns: u64) -> Step {
        match self.state {
            State::Selecting => self.ask_all(now_ns, DhcpMessageType::Discover, None, None),
            State::Requesting { count, .. } if count == MOST_REQUESTS => {
                self.start_anew();
                self.step(now_ns)
            }
            State::Requesting { address, server, count } => {
                self.state = State::Requesting { address, server, count: count + 1 };
                self.ask_all(now_ns, DhcpMessageType::Request, Some(address), Some(server))
            }
            State::Bound(lease) if now_ns < lease.renew_ns => {
                Step::Use { settings: lease.settings, until_ns: lease.renew_ns }
            }
            State::Bound(lease) => {
                self.identifier = self.identifier.wrapping_add(1);
                self.state = State::Renewing(lease);
                self.step(now_ns)
            }
            State::Renewing(lease) if lease.end_ns.is_some_and(|end_ns| now_ns >= end_ns) => {
                self.state = State::Over;
                Step::Use { settings: Ipv4Settings::default(), until_ns: now_ns }
            }
            State::Renewing(lease) => self.ask_for_more(now_ns, &lease),
            State::Over => {
                self.start_anew();
                self.step(now_ns)
            }
        }
    }

    fn start_anew(&mut self) {
        self.identifier = self.identifier.wrapping_add(1);
        self.patience_ns = FIRST_PATIENCE_NS;
        self.state = State::Selecting;
    }

    fn ask_all(
        &mut self,
        now_ns: u64,
        kind: DhcpMessageType,
        address: Option<u32>,
        server: Option<u32>,
    ) -> Step {
        let until_ns = now_ns.saturating_add(self.patience_ns);
        self.patience_ns = (self.patience_ns * 2).min(MOST_PATIENCE_NS);
        let message = self.message(kind, 0, address, server);
        Step::Ask { destination: u32::MAX, message, until_ns }
    }

    /// Asks the server that has lent the address, or, late, all, for more time.
    fn ask_for_more(&self, now_ns: u64, lease: &Lease) -> Step {
        let end_ns = lease.end_ns.unwrap_or(u64::MAX);
        let rebinds = now_ns >= lease.rebind_ns;
        let (destination, next_ns) =
            if rebinds { (u32::MAX, end_ns) } else { (lease.server, lease.rebind_ns) };
        let left_ns = next_ns.saturating_sub(now_ns);
        let until_ns = now_ns.saturating_add((left_ns / 2).max(LEAST_RENEWAL_NS)).min(next_ns);
        let message = self.message(DhcpMessageType::Request, lease.settings.address, None, None);
        Step::Ask { destination, message, until_ns }
    }

    fn message(
        &self,
        kind: DhcpMessageType,
        own: u32,
        address: Option<u32>,
        server: Option<u32>,
    ) -> Vec<u8> {
        let link_address = EthernetAddress(self.link_address);
        let none = Ipv4Address::UNSPECIFIED;
        let message = DhcpRepr {
            message_type: kind,
            transaction_id: self.identifier,
            secs: 0,
            client_hardware_address: link_address,
            client_ip: Ipv4Addr::from(own),
            your_ip: none,
            server_ip: none,
            router: None,
            subnet_mask: None,
            relay_agent_ip: none,
            // Packets to an address that the station does not have yet do not reach it.
            broadcast: own == 0,
            requested_ip: address.map(Ipv4Addr::from),
            client_identifier: Some(link_address),
            server_identifier: server.map(Ipv4Addr::from),
            parameter_request_list: Some(&ASKED_FOR),
            dns_servers: None,
            max_size: Some(1500),
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[] as &[DhcpOption<'_>],
        };
        let mut bytes = vec![0; message.buffer_len().max(MESSAGE_BYTES)];
        let mut packet = DhcpPacket::new_unchecked(&mut bytes[..]);
        // There is room for all of it.
        message.emit(&mut packet).ok();
        bytes
    }

    /// Takes an answer; whether the next step is another one now.
    pub fn heard(&mut self, now_ns: u64, bytes: &[u8]) -> bool {
        let Ok(packet) = DhcpPacket::new_checked(bytes) else { return false };
        let Ok(answer) = DhcpRepr::parse(&packet) else { return false };
        let is_own = answer.transaction_id == self.identifier
            && answer.client_hardware_address.0 == self.link_address;
        if !is_own {
            return false;
        }
        let server = answer.server_identifier.map(u32::from);
        match (self.state, answer.message_type, server) {
            (State::Selecting, DhcpMessageType::Offer, Some(server)) => {
                let address = u32::from(answer.your_ip);
                if !is_station(address) {
                    return false;
                }
                self.patience_ns = FIRST_PATIENCE_NS;
                self.state = State::Requesting { address, server, count: 0 };
                true
            }
            (State::Requesting { address, server, .. }, DhcpMessageType::Ack, other) => {
                let lease = lease(&answer, server, now_ns);
                let Some(lease) = lease.filter(|it| it.settings.address == address) else {
                    return false;
                };
                if other.is_some_and(|other| other != server) {
                    return false;
                }
                self.state = State::Bound(lease);
                true
            }
            (State::Renewing(before), DhcpMessageType::Ack, server) => {
                let lease = lease(&answer, server.unwrap_or(before.server), now_ns);
                let Some(lease) = lease.filter(|it| it.settings.address == before.settings.address)
                else {
                    return false;
                };
                self.state = State::Bound(Lease { renewed: before.renewed + 1, ..lease });
                true
            }
            (State::Requesting { server, .. }, DhcpMessageType::Nak, Some(other)) => {
                if server != other {
                    return false;
                }
                self.start_anew();
                true
            }
            (State::Renewing(before), DhcpMessageType::Nak, Some(other)) => {
                if before.server != other {
                    return false;
                }
                // The address is not this station's any more.
                self.state = State::Renewing(Lease { end_ns: Some(now_ns), ..before });
                true
            }
            _ => false,
        }
    }
}

/// Whether an address can be that of a station (RFC 1122, section 3.2.1.3).
fn is_station(address: u32) -> bool {
    let address = Ipv4Addr::from(address);
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_broadcast())
}

/// Bits of a mask, if it is one.
fn prefix(mask: u32) -> Option<u32> {
    (mask.leading_ones() + mask.trailing_zeros().min(32 - mask.leading_ones()) == 32)
        .then_some(mask.leading_ones())
}

/// Bits of the network of an address for which nothing is said (RFC 950, section 2.1).
fn class(address: u32) -> u32 {
    match address >> 30 {
        0 | 1 => 8,
        2 => 16,
        _ => 24,
    }
}

/// What a server lends with an answer.
fn lease(answer: &DhcpRepr<'_>, server: u32, now_ns: u64) -> Option<Lease> {
    let address = u32::from(answer.your_ip);
    let prefix = match answer.subnet_mask {
        Some(mask) => prefix(mask.into())?,
        None => class(address),
    };
    let seconds = answer.lease_duration.filter(|seconds| *seconds >= LEAST_LEASE_S)?;
    if !is_station(address) || prefix == 0 {
        return None;
    }
    let gateway = answer.router.map_or(0, u32::from);
    let mut name_servers = [0; NAME_SERVERS];
    let named = answer.dns_servers.iter().flatten().map(|server| u32::from(*server));
    let named = named.filter(|server| *server != 0);
    name_servers.iter_mut().zip(named).for_each(|(place, server)| *place = server);
    let after = |seconds: u32| now_ns.saturating_add(u64::from(seconds) * SECOND_NS);
    // Sections 4.4.5: half of the time, and seven eighths, unless the server says otherwise.
    let renew = answer.renew_duration.filter(|renew| *renew < seconds).unwrap_or(seconds / 2);
    let rebind = answer.rebind_duration.filter(|rebind| (renew..seconds).contains(rebind));
    let rebind = rebind.unwrap_or_else(|| (seconds - seconds / 8).max(renew));
    let for_ever = seconds == FOR_EVER;
    Some(Lease {
        settings: Ipv4Settings { address, prefix, gateway, name_servers },
        server,
        renew_ns: if for_ever { u64::MAX } else { after(renew) },
        rebind_ns: if for_ever { u64::MAX } else { after(rebind) },
        end_ns: (!for_ever).then(|| after(seconds)),
        renewed: 0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const SERVER: u32 = 0x0a00_0202;
    const ADDRESS: u32 = 0x0a00_020f;

    /// What a server says to a message.
    fn answer(question: &[u8], kind: DhcpMessageType, seconds: u32) -> Vec<u8> {
        let packet = DhcpPacket::new_checked(question).unwrap();
        let asked = DhcpRepr::parse(&packet).unwrap();
        let answer = DhcpRepr {
            message_type: kind,
            your_ip: Ipv4Addr::from(ADDRESS),
            router: Some(Ipv4Addr::from(SERVER)),
            subnet_mask: Some(Ipv4Addr::from(0xffff_ff00)),
            server_identifier: Some(Ipv4Addr::from(SERVER)),
            dns_servers: Some([Ipv4Addr::from(SERVER + 1)].into_iter().collect()),
            lease_duration: Some(seconds),
            client_identifier: None,
            requested_ip: None,
            parameter_request_list: None,
            max_size: None,
            ..asked
        };
        let mut bytes = vec![0; answer.buffer_len()];
        answer.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..])).unwrap();
        // What a parser of questions refuses is the operation; it is an answer's.
        bytes[0] = 2;
        bytes
    }

    fn ask(client: &mut Client, now_ns: u64) -> (u32, Vec<u8>, u64) {
        match client.step(now_ns) {
            Step::Ask { destination, message, until_ns } => (destination, message, until_ns),
            step => panic!("{step:?}"),
        }
    }

    fn bound(seconds: u32) -> Client {
        let mut client = Client::new(OWN, 7);
        let (_, message, _) = ask(&mut client, 0);
        assert!(client.heard(0, &answer(&message, DhcpMessageType::Offer, seconds)));
        let (_, message, _) = ask(&mut client, 0);
        assert!(client.heard(0, &answer(&message, DhcpMessageType::Ack, seconds)));
        client
    }

    #[test]
    fn an_offer_is_asked_for_and_used() {
        let mut client = bound(1000);
        let settings = Ipv4Settings {
            address: ADDRESS,
            prefix: 24,
            gateway: SERVER,
            name_servers: [SERVER + 1, 0, 0],
        };
        let until_ns = 500 * SECOND_NS;
        assert_eq!(client.step(1), Step::Use { settings, until_ns });
    }

    #[test]
    fn whoever_hears_nothing_asks_again_and_more_seldom() {
        let mut client = Client::new(OWN, 7);
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
            let (destination, _, until) = ask(&mut client, now);
            assert_eq!((destination, until - now), (u32::MAX, seconds * SECOND_NS));
            now = until;
        }
        let (_, message, _) = ask(&mut client, now);
        client.heard(now, &answer(&message, DhcpMessageType::Offer, 1000));
        // A server that offers and does not lend is given up.
        for _ in 0..MOST_REQUESTS {
            ask(&mut client, now);
        }
        assert_eq!(ask(&mut client, now).2 - now, SECOND_NS);
        assert_eq!(client.state, State::Selecting);
    }

    #[test]
    fn a_lease_is_made_longer_by_its_server_then_by_any() {
        let mut client = bound(1000);
        let (destination, message, until) = ask(&mut client, 500 * SECOND_NS);
        assert_eq!((destination, until), (SERVER, 687_500_000_000));
        let mut other = client.clone();
        assert!(client.heard(501 * SECOND_NS, &answer(&message, DhcpMessageType::Ack, 1000)));
        assert_eq!(client.lease().unwrap().renewed, 1);
        assert_eq!(client.lease().unwrap().end_ns, Some(1501 * SECOND_NS));
        assert_eq!(ask(&mut other, 875 * SECOND_NS).0, u32::MAX);
        assert!(other.lease().is_some());
        let none = Ipv4Settings::default();
        let step = other.step(1000 * SECOND_NS);
        assert_eq!(step, Step::Use { settings: none, until_ns: 1000 * SECOND_NS });
        assert_eq!(other.lease(), None);
        assert_eq!(ask(&mut other, 1000 * SECOND_NS).0, u32::MAX);
    }

    #[test]
    fn a_server_may_take_back_what_it_has_lent() {
        let mut client = bound(1000);
        let (_, message, _) = ask(&mut client, 500 * SECOND_NS);
        assert!(client.heard(500 * SECOND_NS, &answer(&message, DhcpMessageType::Nak, 1000)));
        assert!(
            matches!(client.step(500 * SECOND_NS), Step::Use { settings, .. } if settings.address == 0)
        );
    }

    #[test]
    fn a_lease_for_ever_is_not_renewed() {
        let mut client = bound(FOR_EVER);
        assert!(matches!(client.step(u64::MAX - 1), Step::Use { until_ns: u64::MAX, .. }));
    }

    #[test]
    fn answers_to_others_and_wrong_ones_are_not_heard() {
        let mut client = Client::new(OWN, 7);
        let (_, message, _) = ask(&mut client, 0);
        let offer = answer(&message, DhcpMessageType::Offer, 1000);
        for (at, byte) in [(4, 9), (28, 9), (16, 0xe0), (236, 0)] {
            let mut changed = offer.clone();
            changed[at] = byte;
            assert!(!client.heard(0, &changed), "{at}");
        }
        assert!(!client.heard(0, &answer(&message, DhcpMessageType::Ack, 1000)), "not asked for");
        assert!(client.heard(0, &offer));
        let (_, message, _) = ask(&mut client, 0);
        assert!(!client.heard(0, &answer(&message, DhcpMessageType::Ack, 5)), "too short");
    }

    #[test]
    fn masks_are_ones_and_then_zeroes() {
        assert_eq!(prefix(0xffff_ff00), Some(24));
        assert_eq!((prefix(u32::MAX), prefix(0)), (Some(32), Some(0)));
        assert_eq!((prefix(0xff00_ff00), prefix(1)), (None, None));
        assert_eq!([0x0a00_0001, 0x8000_0001, 0xc000_0001].map(class), [8, 16, 24]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_heard(bytes in prop::collection::vec(any::<u8>(), 0..400), change in 0usize..300, to: u8) {
            let mut client = Client::new(OWN, 7);
            client.heard(0, &bytes);
            let mut client = Client::new(OWN, 7);
            let (_, message, _) = ask(&mut client, 0);
            let mut offer = answer(&message, DhcpMessageType::Offer, 1000);
            let at = change % offer.len();
            offer[at] = to;
            client.heard(0, &offer);
            client.step(SECOND_NS);
        }
    }
}
