//! Which endpoint leads where: the longest prefix that fits.
//!
//! Pure: what an endpoint is does not matter here.

use alloc::vec::Vec;

use warren_idl::{Address, ROUTE_LOCAL, Route, Way};

/// Endpoints of a stack, and routes of one of them.
const MOST_ENDPOINTS: usize = 16;
const MOST_ROUTES: usize = 64;
/// Bits of an address.
const BITS: u32 = 128;

/// All that was announced.
#[derive(Debug)]
pub struct Table<E> {
    all: Vec<Announced<E>>,
}

#[derive(Debug)]
struct Announced<E> {
    /// Tells endpoints apart.
    name: u64,
    endpoint: E,
    routes: Vec<Route>,
}

/// Why routes are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// They are too many.
    TooMany,
    /// One is wrong.
    BadRoute,
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Table { all: Vec::new() }
    }
}

impl<E> Table<E> {
    /// Keeps routes of an endpoint in the place of those it had before; whether they are others.
    ///
    /// # Errors
    ///
    /// They are too many, or one is wrong.
    pub fn announce(&mut self, name: u64, endpoint: E, routes: &[Route]) -> Result<bool, Refused> {
        if routes.iter().any(|route| route.prefix > BITS) {
            return Err(Refused::BadRoute);
        }
        let known = self.all.iter().position(|announced| announced.name == name);
        if routes.len() > MOST_ROUTES || known.is_none() && self.all.len() >= MOST_ENDPOINTS {
            return Err(Refused::TooMany);
        }
        let announced = Announced { name, endpoint, routes: routes.to_vec() };
        Ok(match known {
            Some(at) => core::mem::replace(&mut self.all[at], announced).routes != routes,
            None => {
                self.all.push(announced);
                true
            }
        })
    }

    /// Forgets an endpoint.
    pub fn forget(&mut self, name: u64) {
        self.all.retain(|announced| announced.name != name);
    }

    /// The endpoints, each with its name.
    pub fn endpoints(&self) -> impl Iterator<Item = (u64, &E)> {
        self.all.iter().map(|announced| (announced.name, &announced.endpoint))
    }

    /// All routes.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.all.iter().flat_map(|announced| &announced.routes)
    }

    /// How packets to an address travel, and the name of the endpoint that leads there, with the endpoint. Of several routes as long as each other the first one counts.
    pub fn way(&self, destination: Address) -> Option<(Way, u64, &E)> {
        if destination.is_nobodys() {
            return None;
        }
        let is_own = self.routes().any(|route| route.source == destination);
        let mut best: Option<(&Route, &Announced<E>)> = None;
        for announced in &self.all {
            for route in &announced.routes {
                let fits = match is_own {
                    true => route.flags & ROUTE_LOCAL != 0,
                    false => contains(route, destination),
                };
                if fits && best.is_none_or(|(best, _)| route.prefix > best.prefix) {
                    best = Some((route, announced));
                }
            }
        }
        let (route, Announced { name, endpoint, .. }) = best?;
        let or_destination = |address| if address == Address::NONE { destination } else { address };
        let source = if is_own { destination } else { or_destination(route.source) };
        let neighbour = or_destination(route.gateway);
        let Route { mtu, offloads, .. } = *route;
        Some((Way { source, destination, neighbour, mtu, offloads }, *name, endpoint))
    }
}

/// Whether a route leads to an address.
fn contains(route: &Route, address: Address) -> bool {
    // No route of IPv6 leads to an address of IPv4, however short its prefix is.
    let [kind, other] = [route.destination, address].map(|address| address.as_v4().is_some());
    let differ = route.destination.number() ^ address.number();
    kind == other && differ.leading_zeros() >= route.prefix
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn route(destination: &str, prefix: u32, source: &str, gateway: &str) -> Route {
        let prefix = if destination.contains(':') { prefix } else { prefix + 96 };
        let [destination, source] = [destination, source].map(address);
        let gateway = Address::parse(gateway).unwrap_or_default();
        Route { destination, prefix, source, gateway, mtu: 1500, ..Route::default() }
    }

    /// An endpoint `a` of IPv4 with a gateway, `b` of IPv6 with one, and `l` to this station itself.
    fn table() -> Table<char> {
        let mut table = Table::default();
        let a = [
            route("10.0.2.0", 24, "10.0.2.15", ""),
            route("0.0.0.0", 0, "10.0.2.15", "10.0.2.2"),
            route("255.255.255.255", 32, "10.0.2.15", ""),
        ];
        let b = [
            route("fe80::", 64, "fe80::15", ""),
            route("fec0::", 64, "fec0::15", ""),
            route("::", 0, "fec0::15", "fe80::2"),
        ];
        let own = |destination, prefix| {
            let route = route(destination, prefix, "::", "");
            Route { mtu: 65_535, flags: ROUTE_LOCAL, ..route }
        };
        assert_eq!(table.announce(1, 'a', &a), Ok(true));
        assert_eq!(table.announce(2, 'b', &b), Ok(true));
        assert_eq!(table.announce(3, 'l', &[own("127.0.0.0", 8), own("::1", 128)]), Ok(true));
        table
    }

    #[test]
    fn the_longest_prefix_decides() {
        let table = table();
        for (destination, endpoint, source, neighbour) in [
            ("10.0.2.3", 'a', "10.0.2.15", "10.0.2.3"),
            ("8.8.8.8", 'a', "10.0.2.15", "10.0.2.2"),
            ("255.255.255.255", 'a', "10.0.2.15", "255.255.255.255"),
            ("10.0.2.15", 'l', "10.0.2.15", "10.0.2.15"),
            ("127.0.0.7", 'l', "127.0.0.7", "127.0.0.7"),
            ("::1", 'l', "::1", "::1"),
            ("fec0::15", 'l', "fec0::15", "fec0::15"),
            ("fe80::7", 'b', "fe80::15", "fe80::7"),
            ("2001:db8::1", 'b', "fec0::15", "fe80::2"),
        ] {
            let (way, _, found) = table.way(address(destination)).unwrap();
            let expected = [source, destination, neighbour].map(address);
            assert_eq!([way.source, way.destination, way.neighbour], expected, "{destination}");
            assert_eq!(*found, endpoint, "{destination}");
        }
        assert!(table.way(address("0.0.0.0")).is_none() && table.way(Address::NONE).is_none());
    }

    #[test]
    fn a_station_without_an_address_reaches_all_at_once() {
        let mut table = Table::default();
        table.announce(1, 'a', &[route("255.255.255.255", 32, "0.0.0.0", "")]).unwrap();
        let (way, ..) = table.way(address("255.255.255.255")).unwrap();
        assert_eq!(way.source, Address::v4(0));
        assert!(table.way(address("10.0.2.2")).is_none());
    }

    #[test]
    fn what_is_announced_again_takes_the_place_of_what_was_before() {
        let mut table = table();
        let other = [route("10.0.3.0", 24, "10.0.3.15", "")];
        assert_eq!(table.announce(1, 'c', &other), Ok(true));
        assert_eq!(table.announce(1, 'c', &other), Ok(false), "nothing new");
        assert!(table.way(address("10.0.2.3")).is_none());
        assert_eq!(table.way(address("10.0.3.3")).map(|it| *it.2), Some('c'));
        table.forget(1);
        assert!(table.way(address("10.0.3.3")).is_none());
        assert_eq!(table.endpoints().map(|(name, _)| name).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn what_is_wrong_or_too_much_is_refused() {
        let mut table = table();
        let bad = Route { prefix: 129, ..Route::default() };
        assert_eq!(table.announce(1, 'a', &[bad]), Err(Refused::BadRoute));
        let many = [Route::default(); MOST_ROUTES + 1];
        assert_eq!(table.announce(1, 'a', &many), Err(Refused::TooMany));
        for name in 4..=MOST_ENDPOINTS as u64 {
            assert_eq!(table.announce(name, 'x', &[]), Ok(true));
        }
        assert_eq!(table.announce(99, 'x', &[]), Err(Refused::TooMany));
        assert_eq!(table.way(address("10.0.2.3")).map(|it| *it.2), Some('a'), "as before");
    }

    proptest! {
        #[test]
        fn a_network_contains_what_has_its_bits(destination: u128, other: u128, prefix in 0u32..=128) {
            let route = Route { destination: Address::new(destination), prefix, ..Route::default() };
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            let expected = destination & mask == other & mask;
            prop_assert_eq!(contains(&route, Address::new(other)), expected);
            // It is of IPv6, as good as always.
            prop_assert!(!contains(&route, Address::v4(other as u32)));
        }
    }
}
