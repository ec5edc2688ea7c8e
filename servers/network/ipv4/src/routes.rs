//! Where IPv4 leads, and what is for this station.

use alloc::{vec, vec::Vec};

use warren_idl::{Address, Ipv4Settings, Route};
use warren_packets::address::Ipv4Network;

/// All groups, and all stations of any network.
const GROUPS: Ipv4Network = Ipv4Network { address: 0xe000_0000, prefix: 4 };
const ALL: Ipv4Network = Ipv4Network { address: u32::MAX, prefix: 32 };
/// All stations that there are.
const ANY: Ipv4Network = Ipv4Network { address: 0, prefix: 0 };
/// Bits in front of an address of IPv4 in its longer form.
const MAPPED_BITS: u32 = 96;

/// All that is known of ways.
#[derive(Clone, Copy, Debug)]
pub struct Routes {
    /// This station's address and its neighbours'.
    near: Ipv4Network,
    gateway: Option<u32>,
}

impl Routes {
    /// Over one neighbourhood, and a gateway in it. A station without an address reaches only all at once.
    pub fn new(settings: &Ipv4Settings) -> Self {
        let Ipv4Settings { address, prefix, gateway, .. } = *settings;
        let prefix = if address == 0 { 32 } else { prefix.min(32) };
        let gateway = (address != 0 && gateway != 0).then_some(gateway);
        Routes { near: Ipv4Network { address, prefix }, gateway }
    }

    /// The routes, over a link with this MTU and these offloads.
    pub fn leads(&self, mtu: u32, offloads: u32) -> Vec<Route> {
        let route = |network: Ipv4Network, gateway: Option<u32>| Route {
            destination: Address::v4(network.address & network.mask()),
            prefix: MAPPED_BITS + network.prefix,
            source: Address::v4(self.near.address),
            gateway: gateway.map_or(Address::NONE, Address::v4),
            mtu,
            offloads,
            flags: 0,
        };
        let mut all = vec![route(GROUPS, None), route(ALL, None)];
        if self.near.address != 0 {
            all.push(route(self.near, None));
        }
        all.extend(self.gateway.map(|gateway| route(ANY, Some(gateway))));
        all
    }

    /// Whether a packet that has arrived is for this station.
    pub fn is_own(&self, destination: u32) -> bool {
        destination != 0 && destination == self.near.address
            || Some(destination) == self.near.broadcast()
            || is_for_several(destination)
    }

    /// Whether an address is that of several stations.
    pub fn is_for_several(&self, destination: u32) -> bool {
        is_for_several(destination) || Some(destination) == self.near.broadcast()
    }
}

/// Groups, and all stations of any network.
fn is_for_several(destination: u32) -> bool {
    destination >> 28 == 0xe || destination == u32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(gateway: u32) -> Routes {
        let (address, prefix) = (0x0a00_020f, 24);
        Routes::new(&Ipv4Settings { address, prefix, gateway, ..Ipv4Settings::default() })
    }

    /// Destination, prefix and gateway of each route.
    fn shown(routes: &Routes) -> Vec<(Option<u32>, u32, Option<u32>)> {
        let all = routes.leads(1500, 7);
        assert!(all.iter().all(|route| (route.mtu, route.offloads) == (1500, 7)));
        let short = |route: &Route| {
            (route.destination.as_v4(), route.prefix - MAPPED_BITS, route.gateway.as_v4())
        };
        all.iter().map(short).collect()
    }

    #[test]
    fn neighbours_are_reached_straight_and_others_by_the_gateway() {
        let several = [(Some(0xe000_0000), 4, None), (Some(u32::MAX), 32, None)];
        let near = (Some(0x0a00_0200), 24, None);
        let far = (Some(0), 0, Some(0x0a00_0202));
        assert_eq!(shown(&routes(0)), [several[0], several[1], near]);
        assert_eq!(shown(&routes(0x0a00_0202)), [several[0], several[1], near, far]);
        let sources = routes(1).leads(1500, 0);
        assert!(sources.iter().all(|route| route.source == Address::v4(0x0a00_020f)));
    }

    #[test]
    fn without_an_address_all_are_reached_at_once_and_none_alone() {
        let none = Routes::new(&Ipv4Settings { gateway: 1, prefix: 24, ..Default::default() });
        assert_eq!(shown(&none), [(Some(0xe000_0000), 4, None), (Some(u32::MAX), 32, None)]);
        assert!(none.leads(1500, 0).iter().all(|route| route.source == Address::v4(0)));
        assert!(none.is_own(u32::MAX) && !none.is_own(0) && !none.is_own(1));
    }

    #[test]
    fn packets_for_this_station_are_known() {
        let with = routes(0);
        for (address, own, several) in [
            (0x0a00_020f, true, false),
            (0x0a00_02ff, true, true),
            (0xe000_0001, true, true),
            (0x0a00_0210, false, false),
            // Nobody else is to send there.
            (0x7f00_0001, false, false),
        ] {
            assert_eq!(with.is_own(address), own, "{address:x}");
            assert_eq!(with.is_for_several(address), several, "{address:x}");
        }
    }
}
