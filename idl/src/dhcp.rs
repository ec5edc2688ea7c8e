//! The address that the network has lent this station.

use warren::{Cx, Flat, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why nothing is known of a lease.
#[errors]
pub enum DhcpError {
    /// No server has answered yet.
    NoLease = 1,
}

/// What was lent.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct DhcpLease {
    /// The address.
    pub address: u32,
    /// The server that lends it.
    pub server: u32,
    /// For how long from now on, in seconds; the greatest number, if for ever.
    pub left_s: u32,
    /// How often it was made longer.
    pub renewed: u32,
}

impl Flat for DhcpLease {}

/// A client of DHCP (RFC 2131).
#[service(id = 0xd8c9_0001)]
pub trait Dhcp {
    /// What was lent.
    fn lease(cx: &mut Cx<'_, Self>) -> Result<DhcpLease, DhcpError>;
}
