//! Addresses by names.

use warren::{Cx, Out, errors, service};

/// Why there is no address.
#[errors]
pub enum ResolverError {
    /// What was given is no name.
    BadName = 1,
    /// There is no such name, or it has no address.
    NotFound = 2,
    /// No name server is known.
    NoServer = 3,
    /// No name server has answered in time.
    TimedOut = 4,
    /// The name servers that have answered could not tell.
    Failed = 5,
}

/// Most addresses of one name. Half of them at most are of IPv4, and half of IPv6.
pub const ADDRESSES: usize = 16;

/// The names of the network (RFC 1034).
#[service(id = 0xd250_0002)]
pub trait Resolver {
    /// The addresses that a name has, or that it is: one [`Address`](crate::Address) behind the other, at most [`ADDRESSES`] and as many as there is room for. The first one
    /// is the one to try first. Returns how many there are.
    fn resolve(cx: &mut Cx<'_, Self>, name: &str, addresses: Out<'_>)
    -> Result<u64, ResolverError>;
}
