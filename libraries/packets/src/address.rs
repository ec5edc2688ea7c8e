//! Addresses as text.

use core::fmt;

/// An address of IPv4, which is a number: the first byte of the address is the most significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ipv4Address(pub u32);

impl Ipv4Address {
    /// Reads `10.0.2.15`.
    pub fn parse(text: &str) -> Option<Self> {
        let address: core::net::Ipv4Addr = text.parse().ok()?;
        Some(Ipv4Address(u32::from(address)))
    }
}

impl fmt::Display for Ipv4Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::net::Ipv4Addr::from(self.0).fmt(formatter)
    }
}

/// A network of IPv4, as an address in it and the number of bits that all of its addresses have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Network {
    /// An address.
    pub address: u32,
    /// Bits.
    pub prefix: u32,
}

impl Ipv4Network {
    /// Reads `10.0.2.15/24`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        Some(Ipv4Network { address: Ipv4Address::parse(address)?.0, prefix })
    }

    /// The bits that all addresses have alike, set.
    pub fn mask(self) -> u32 {
        u32::MAX.checked_shl(32u32.saturating_sub(self.prefix)).unwrap_or(0)
    }

    /// Whether an address is in it.
    pub fn contains(self, address: u32) -> bool {
        (address ^ self.address) & self.mask() == 0
    }

    /// The address of all of its stations. A network of one or two stations has none (RFC 3021).
    pub fn broadcast(self) -> Option<u32> {
        (self.prefix < 31).then_some(self.address | !self.mask())
    }
}

/// An address of a link: six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAddress(pub [u8; 6]);

impl fmt::Display for LinkAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        assert_eq!(Ipv4Address::parse("10.0.2.15"), Some(Ipv4Address(0x0a00_020f)));
        assert_eq!(Ipv4Address(0x0a00_020f).to_string(), "10.0.2.15");
        assert_eq!(LinkAddress([2, 0, 0x1a, 0, 0, 0xff]).to_string(), "02:00:1a:00:00:ff");
        for text in ["", "10.0.2", "10.0.2.256", "10.0.2.1/24", " 10.0.2.1", "a.b.c.d"] {
            assert_eq!(Ipv4Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_network_knows_its_stations() {
        let network = Ipv4Network::parse("10.0.2.15/24").unwrap();
        assert!(network.contains(0x0a00_0202) && !network.contains(0x0a00_0302));
        assert_eq!(network.broadcast(), Some(0x0a00_02ff));
        assert!(Ipv4Network::parse("0.0.0.0/0").unwrap().contains(u32::MAX));
        assert_eq!(Ipv4Network::parse("10.0.0.1/32").unwrap().broadcast(), None);
        for text in ["10.0.2.15", "10.0.2.15/33", "10.0.2.15/", "/24"] {
            assert_eq!(Ipv4Network::parse(text), None, "{text}");
        }
    }
}
