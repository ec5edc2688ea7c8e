//! Addresses of stations, of IPv4 and IPv6 alike.

use core::{fmt, net::IpAddr};

use warren::Flat;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first bytes of every address of IPv4 in its form as one of IPv6.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// An address of a station, in the order in which its bytes travel. One of IPv4 is in the last four, behind those that say so (RFC 4291, section 2.5.5.2: `::ffff:10.0.2.15`).
#[derive(
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
)]
#[repr(C)]
pub struct Address {
    /// Its bytes.
    pub bytes: [u8; 16],
}

impl Flat for Address {}

impl Address {
    /// That of nobody: all bytes are 0.
    pub const NONE: Address = Address { bytes: [0; 16] };

    /// An address of IPv4, as a number: its first byte is the most significant.
    pub const fn v4(number: u32) -> Self {
        Address::new((0xffff_0000_0000) | number as u128)
    }

    /// An address as a number: its first byte is the most significant.
    pub const fn new(number: u128) -> Self {
        Address { bytes: number.to_be_bytes() }
    }

    /// As a number.
    pub const fn number(self) -> u128 {
        u128::from_be_bytes(self.bytes)
    }

    /// As a number of IPv4, if it is one.
    pub fn as_v4(self) -> Option<u32> {
        let [mapped @ .., a, b, c, d] = self.bytes;
        (mapped == MAPPED).then_some(u32::from_be_bytes([a, b, c, d]))
    }

    /// Whether it is nobody's, of neither kind.
    pub fn is_nobodys(self) -> bool {
        self == Address::NONE || self == Address::v4(0)
    }

    /// As the standard library has it.
    pub fn ip(self) -> IpAddr {
        match self.as_v4() {
            Some(number) => IpAddr::V4(number.into()),
            None => IpAddr::V6(self.bytes.into()),
        }
    }

    /// Reads `10.0.2.15` or `fe80::1`; `None` if it is no address.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<IpAddr>().ok().map(Address::from)
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Address::v4(address.into()),
            IpAddr::V6(address) => Address { bytes: address.octets() },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(formatter)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
