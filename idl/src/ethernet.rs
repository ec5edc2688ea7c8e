//! Ethernet: what is common to all protocols that travel in its frames.

use warren::{Cx, Ref, errors, service};

use crate::{LinkCounts, LinkDescription, LinkError, Sink};

/// Why a frame was not sent, or a protocol is not served.
#[errors]
pub enum EthernetError {
    /// A record is wrong, or there is no room for the header in front of a packet.
    BadRecord = 1,
    /// The link does not work.
    Link = 2,
    /// Somebody else is served now.
    Superseded = 3,
    /// So many protocols are not served.
    TooMany = 4,
}

impl From<LinkError> for EthernetError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::System(error) => EthernetError::System(error),
            LinkError::BadRecord => EthernetError::BadRecord,
            _ => EthernetError::Link,
        }
    }
}

/// The Ethernet layer over one link. Addresses are numbers of 48 bits, the first byte of the address the most significant.
#[service(id = 0xe7e6_0001)]
pub trait Ethernet {
    /// The link below.
    fn description(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, EthernetError>;
    /// What the link has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, EthernetError>;
    /// Sends a batch of packets of the protocol `kind` (EtherType) to one station. Returns how many were sent: less than all if there is no room.
    fn send(
        cx: &mut Cx<'_, Self>,
        kind: u16,
        destination: u64,
        packets: &[u8],
    ) -> Result<u64, EthernetError>;
    /// Delivers the packets of the protocol `kind` to `sink`, without the header, until somebody else is served: it does not return before.
    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        kind: u16,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), EthernetError>;
}
