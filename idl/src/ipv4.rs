//! IPv4: where this station is in the network, and what the layer has done.

use warren::{Cx, Flat, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why settings are refused, or are not in force any more.
#[errors]
pub enum Ipv4Error {
    /// There is no such network.
    BadSettings = 1,
    /// Somebody else has configured the layer.
    Superseded = 2,
}

/// Most name servers that a layer knows.
pub const NAME_SERVERS: usize = 3;

/// Where this station is in the network.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv4Settings {
    /// Its address; 0 if it has none yet.
    pub address: u32,
    /// Bits of it that all neighbours have, too.
    pub prefix: u32,
    /// Where packets go that are for no neighbour; 0 if nowhere.
    pub gateway: u32,
    /// Who knows addresses by their names; 0 behind the last one.
    pub name_servers: [u32; NAME_SERVERS],
}

impl Flat for Ipv4Settings {}

/// What the layer has done since its server started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Ipv4Counts {
    /// Packets that arrived.
    pub received: u64,
    /// Of them, those that were no packets, or came by mistake.
    pub bad: u64,
    /// Of them, those of a protocol that nobody here speaks.
    pub unknown: u64,
    /// Of them, those that were fragments.
    pub fragments: u64,
    /// Datagrams that were put together of fragments.
    pub reassembled: u64,
    /// Fragments that were given up.
    pub fragments_dropped: u64,
    /// Packets that were sent, each fragment being one.
    pub sent: u64,
}

impl Flat for Ipv4Counts {}

/// The IPv4 layer, beside what it is as an [`Endpoint`](crate::Endpoint). Addresses are numbers, the first byte of the address the most significant.
#[service(id = 0x1b40_0004)]
pub trait Ipv4 {
    /// What it has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<Ipv4Counts, Ipv4Error>;
    /// Where this station is in the network.
    fn settings(cx: &mut Cx<'_, Self>) -> Result<Ipv4Settings, Ipv4Error>;
}

/// The right to say where this station is in the network.
#[service(id = 0x1b40_0006)]
pub trait Ipv4Configuration {
    /// Sets it. Returns a number for [`Ipv4Configuration::stay`].
    fn configure(cx: &mut Cx<'_, Self>, settings: &Ipv4Settings) -> Result<u64, Ipv4Error>;
    /// Returns when somebody else has set it since the call that returned this number: `Superseded`. Whoever is to set it again when the layer was
    /// restarted learns that by the system's error.
    fn stay(cx: &mut Cx<'_, Self>, number: u64) -> Result<(), Ipv4Error>;
}
