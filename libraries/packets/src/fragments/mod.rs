//! Fragments of datagrams, of IPv4 and IPv6 alike.

mod cutting;
mod reassembly;
mod sending;
mod taking;

pub use cutting::{Fragment, cut};
pub use reassembly::{Came, Counts, Reassembly};
pub use sending::send;
pub use taking::take;
