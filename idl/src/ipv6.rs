//! IPv6: where this station is in the network, and what the layer has done.

use warren::{Cx, Flat, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, Neighbour};

/// Why nothing is known.
#[errors]
pub enum Ipv6Error {
    /// The clock does not work.
    NoClock = 1,
}

/// An address of this station's.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv6Address {
    /// The address.
    pub address: Address,
    /// Bits of it that all neighbours have, too.
    pub prefix: u32,
}

impl Flat for Ipv6Address {}

/// What the layer has done since its server started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv6Counts {
    /// Packets that arrived.
    pub received: u64,
    /// Of them, those that were no packets, or came by mistake, or had in them what is not understood.
    pub bad: u64,
    /// Of them, those of a protocol that nobody here speaks.
    pub unknown: u64,
    /// Of them, messages of neighbours and routers.
    pub discovery: u64,
    /// Of them, those that were fragments.
    pub fragments: u64,
    /// Datagrams that were put together of fragments.
    pub reassembled: u64,
    /// Fragments that were given up.
    pub fragments_dropped: u64,
    /// Packets that were sent, each fragment being one.
    pub sent: u64,
}

impl Flat for Ipv6Counts {}

/// The IPv6 layer, beside what it is as an [`Endpoint`](crate::Endpoint).
#[service(id = 0x1b60_0002)]
pub trait Ipv6 {
    /// What it has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<Ipv6Counts, Ipv6Error>;
    /// Address `index` of this station's; all zero after the last one.
    fn address(cx: &mut Cx<'_, Self>, index: u32) -> Result<Ipv6Address, Ipv6Error>;
    /// The router among its neighbours; nobody, if there is none.
    fn router(cx: &mut Cx<'_, Self>) -> Result<Address, Ipv6Error>;
    /// Neighbour `index` of those that were asked for, in no order; all zero after the last one.
    fn neighbour(cx: &mut Cx<'_, Self>, index: u32) -> Result<Neighbour, Ipv6Error>;
    /// Name server `index` of those that the system file names and routers say, [`NAME_SERVERS`](crate::NAME_SERVERS) at most; nobody after the last one.
    fn name_server(cx: &mut Cx<'_, Self>, index: u32) -> Result<Address, Ipv6Error>;
}
