//! Asking other stations whether they are there.

use warren::{Cx, Flat, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, EndpointError, Obstacle, PacketError, RoutingError};

/// Why there is no answer.
#[errors]
pub enum PingError {
    /// No way leads to the address, or not at this time.
    Unreachable = 1,
    /// The request is longer than a packet can be.
    TooLong = 2,
    /// There is no memory left, or too many requests wait for answers.
    Exhausted = 3,
    /// No answer came in time.
    TimedOut = 4,
}

impl From<RoutingError> for PingError {
    fn from(error: RoutingError) -> Self {
        match error {
            RoutingError::System(error) => PingError::System(error),
            _ => PingError::Unreachable,
        }
    }
}

impl From<PacketError> for PingError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => PingError::System(error),
            _ => PingError::Exhausted,
        }
    }
}

impl From<EndpointError> for PingError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::System(error) => PingError::System(error),
            EndpointError::TooLong => PingError::TooLong,
            EndpointError::Exhausted => PingError::Exhausted,
            _ => PingError::Unreachable,
        }
    }
}

/// What came back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PingAnswer {
    /// From the request to the answer.
    pub round_trip_ns: u64,
    /// Who answered, or says what was in the way.
    pub source: Address,
    /// Bytes of the answer behind the header of IP.
    pub bytes: u32,
    /// How many more routers it could have passed.
    pub hops_left: u32,
    /// Of the bytes that were sent, how many came back as they were.
    pub unchanged: u32,
    /// 0 if the station answered. If not, the number of an [`Obstacle`], and what stands above of the answer is 0.
    pub obstacle: u32,
}

impl PingAnswer {
    /// What was in the way, if the station did not answer.
    pub fn obstacle(&self) -> Option<Obstacle> {
        u16::try_from(self.obstacle).ok().and_then(Obstacle::from_number)
    }
}

impl Flat for PingAnswer {}

/// Echo requests of ICMP (RFC 792, RFC 4443).
#[service(id = 0x9199_0003)]
pub trait Ping {
    /// Asks the station at `destination` to send `bytes` bytes back, and waits for `patience_ns` for the answer, or for somebody who says why there will be none.
    fn ping(
        cx: &mut Cx<'_, Self>,
        destination: &Address,
        sequence: u16,
        bytes: u32,
        patience_ns: u64,
    ) -> Result<PingAnswer, PingError>;
}
