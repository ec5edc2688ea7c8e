//! Why packets do not get to whom they are for.

use core::fmt;

/// Why a packet did not get to whom it was for, as a router says it, or that station itself: a message of ICMP (RFC 792, RFC 1812, section 5.2.7.1, RFC 4443, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Obstacle {
    /// No way leads to the network.
    Network = 1,
    /// No way leads to the station.
    Host = 2,
    /// The station does not serve the protocol.
    Protocol = 3,
    /// Nobody there has the port.
    Port = 4,
    /// Somebody does not let it pass.
    Prohibited = 5,
    /// It would have had to pass more routers than it was allowed to.
    Hops = 6,
}

impl Obstacle {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Network, Self::Host, Self::Protocol, Self::Port, Self::Prohibited, Self::Hops];

    /// The one with this number, if there is one.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|it| *it as u16 == number)
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Obstacle::Network => "network unreachable",
            Obstacle::Host => "host unreachable",
            Obstacle::Protocol => "protocol unreachable",
            Obstacle::Port => "port unreachable",
            Obstacle::Prohibited => "prohibited",
            Obstacle::Hops => "too many hops",
        })
    }
}
