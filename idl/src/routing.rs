//! Routing: which endpoint leads where.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, Endpoint, Sink};

/// Why there is no way, or a protocol is not served.
#[errors]
pub enum RoutingError {
    /// No way leads to the address.
    Unreachable = 1,
    /// Somebody else is served now.
    Superseded = 2,
    /// So many routes, endpoints or protocols are not kept.
    TooMany = 3,
    /// A route is wrong.
    BadRoute = 4,
    /// The endpoint has announced nothing here.
    NotAnnounced = 5,
}

/// Flag of a route: it leads to this station itself. What is for an address that some route has as its source goes there, too.
pub const ROUTE_LOCAL: u32 = 1;

/// Where an endpoint leads.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Route {
    /// An address there.
    pub destination: Address,
    /// The neighbour that packets are sent to; nobody, if each is sent to where it is for.
    pub gateway: Address,
    /// The address that packets come from; nobody's, if that is where they are for.
    pub source: Address,
    /// Bits that all addresses there have like `destination`, of 128: those of a network of IPv4, and 96.
    pub prefix: u32,
    /// Most bytes of a packet that is sent in one piece, its header included.
    pub mtu: u32,
    /// What the link does by itself: `OFFLOAD_…`.
    pub offloads: u32,
    /// `ROUTE_…`.
    pub flags: u32,
}

impl Flat for Route {}

/// How packets to one address travel.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Way {
    /// The address that they come from.
    pub source: Address,
    /// The address that they are for.
    pub destination: Address,
    /// The neighbour that they are sent to.
    pub neighbour: Address,
    /// Most bytes of one that is sent in one piece, its header included.
    pub mtu: u32,
    /// What the link does by itself: `OFFLOAD_…`.
    pub offloads: u32,
}

impl Flat for Way {}

/// The ways of one stack. Packets do not come here: whoever sends has the endpoint's own reference, and endpoints deliver straight to
/// whoever is served.
#[service(id = 0x2047_0001)]
pub trait Routing {
    /// The endpoint that leads to `destination`, and in `way` a [`Way`]. It is good until the endpoint refuses it, or an empty batch is delivered to whoever is served.
    fn route<'f>(
        cx: &mut Cx<'f, Self>,
        destination: &Address,
        way: Out<'_>,
    ) -> Result<Ref<'f, dyn Endpoint>, RoutingError>;
    /// Delivers the datagrams of a protocol that arrive at any endpoint to `sink`, until somebody else is served: it does not return before. An empty batch
    /// says that they come from now on, or that ways have changed.
    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        protocol: u8,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), RoutingError>;
    /// Says where an endpoint leads: [`Route`]s, one behind the other, in the place of those that it has said before. They are forgotten when nobody has a
    /// reference to the endpoint.
    fn announce<'f>(
        cx: &mut Cx<'f, Self>,
        endpoint: Ref<'f, dyn Endpoint>,
        routes: &[u8],
    ) -> Result<(), RoutingError>;
    /// Does not return as long as the server knows what the endpoint has announced. Whoever has announced something calls it, and announces it again when this call has failed: the
    /// server was restarted, perhaps before this call came.
    fn attend<'f>(
        cx: &mut Cx<'f, Self>,
        endpoint: Ref<'f, dyn Endpoint>,
    ) -> Result<(), RoutingError>;
    /// Route `index` of all; all zero after the last one.
    fn entry(cx: &mut Cx<'_, Self>, index: u32) -> Result<Route, RoutingError>;
}
