//! Which neighbour a packet is sent to.

use warren_idl::Ipv4Settings;
use warren_packets::address::Ipv4Network;

/// Addresses of this station alone (RFC 1122, section 3.2.1.3).
const LOOPBACK: Ipv4Network = Ipv4Network { address: 0x7f00_0001, prefix: 8 };

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is for this station.
    Here {
        /// The address that it comes from.
        source: u32,
    },
    /// It is for others.
    Out {
        /// The address that it comes from.
        source: u32,
        /// The neighbour that it is sent to.
        neighbour: u32,
    },
}

/// All that is known of ways.
#[derive(Clone, Copy, Debug)]
pub struct Routes {
    /// This station's address and its neighbours'.
    near: Ipv4Network,
    gateway: Option<u32>,
}

impl Routes {
    /// Over one endpoint, and a gateway among its neighbours. A station without an address reaches only itself, and all at once.
    pub fn new(settings: &Ipv4Settings) -> Self {
        let Ipv4Settings { address, prefix, gateway, .. } = *settings;
        let prefix = if address == 0 { 32 } else { prefix.min(32) };
        let gateway = (address != 0 && gateway != 0).then_some(gateway);
        Routes { near: Ipv4Network { address, prefix }, gateway }
    }

    /// The way to an address; `None` if there is none.
    pub fn way(&self, destination: u32) -> Option<Way> {
        let source = self.near.address;
        if destination == 0 {
            return None;
        }
        if destination == source || LOOPBACK.contains(destination) {
            return Some(Way::Here { source: destination });
        }
        let near = self.near.contains(destination) || is_for_several(destination);
        let neighbour = if near { destination } else { self.gateway? };
        Some(Way::Out { source, neighbour })
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

    fn routes(gateway: Option<u32>) -> Routes {
        let gateway = gateway.unwrap_or(0);
        Routes::new(&Ipv4Settings {
            address: 0x0a00_020f,
            prefix: 24,
            gateway,
            ..Ipv4Settings::default()
        })
    }

    #[test]
    fn neighbours_are_reached_straight_and_others_by_the_gateway() {
        let out = |neighbour| Some(Way::Out { source: 0x0a00_020f, neighbour });
        let with = routes(Some(0x0a00_0202));
        assert_eq!(with.way(0x0a00_0203), out(0x0a00_0203));
        assert_eq!(with.way(0x0808_0808), out(0x0a00_0202));
        assert_eq!(with.way(0xe000_0001), out(0xe000_0001), "a group");
        assert_eq!(with.way(u32::MAX), out(u32::MAX), "all");
        assert_eq!(routes(None).way(0x0808_0808), None);
        assert_eq!(with.way(0), None);
    }

    #[test]
    fn without_an_address_all_are_reached_at_once_and_none_alone() {
        let none = Routes::new(&Ipv4Settings { gateway: 1, prefix: 24, ..Default::default() });
        assert_eq!(none.way(u32::MAX), Some(Way::Out { source: 0, neighbour: u32::MAX }));
        assert_eq!(none.way(0x7f00_0001), Some(Way::Here { source: 0x7f00_0001 }));
        assert_eq!((none.way(0x0a00_0202), none.way(0)), (None, None));
        assert!(none.is_own(u32::MAX) && !none.is_own(0) && !none.is_own(1));
    }

    #[test]
    fn packets_for_this_station_stay_here() {
        let with = routes(None);
        assert_eq!(with.way(0x0a00_020f), Some(Way::Here { source: 0x0a00_020f }));
        assert_eq!(with.way(0x7f00_0001), Some(Way::Here { source: 0x7f00_0001 }));
        for (address, own) in [
            (0x0a00_020f, true),
            (0x0a00_02ff, true),
            (0xe000_0001, true),
            (0x0a00_0210, false),
            // Nobody else is to send there.
            (0x7f00_0001, false),
        ] {
            assert_eq!(with.is_own(address), own, "{address:x}");
        }
    }
}
