//! Fragments of datagrams, of IPv4 and IPv6 alike.

mod cutting;
mod reassembly;
mod sending;

pub use cutting::{Fragment, cut};
pub use reassembly::{Came, Reassembly};
pub use sending::send;
