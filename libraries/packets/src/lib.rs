//! How servers of a network stack read and write packets in the memory that they share.
//!
//! | module | what |
//! | --- | --- |
//! | [`batch`] | the records that a call carries, and the packets that they are |
//! | [`buffers`] | the bytes that records name: checked, copied, summed |
//! | [`checksum`] | the Internet checksum, in pieces |
//! | [`distribution`] | handing packets to whoever is served their protocol |
//! | [`share`] | holding buffers |
//! | [`fragments`] | cutting datagrams, and putting them together |
//! | [`neighbours`] | who is where on a link, and what waits for them |
//! | [`held`] | keeping packets until it is known where their neighbour is |
//! | [`network`](mod@network) | the network layer's header, as the layers above see it |
//! | [`returned`] | beginnings of packets that did not get to whom they were for |
//! | [`refusals`] | telling whoever has sent a packet that nobody wants it |
//! | [`ready`] | being served for the first time |
//! | [`allowance`] | how many answers strangers get |
//! | [`address`] | addresses as text |
//! | [`ways`] | asking for ways, and telling of some |
//! | [`unguessable`](mod@unguessable) | numbers that others cannot guess |
//! | `testing` | packet memory on the host; with the feature of this name |
//!
//! Nothing that is read in packet memory is trusted: whoever shares the memory may change it between two reads. So headers are copied
//! before they are looked at, and every record is checked by [`buffers::Buffers`] before the bytes that it names are touched.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod address;
pub mod allowance;
pub mod batch;
pub mod buffers;
pub mod checksum;
pub mod distribution;
pub mod fragments;
pub mod held;
pub mod neighbours;
pub mod network;
pub mod ready;
pub mod refusals;
pub mod returned;
pub mod share;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod unguessable;
pub mod ways;

pub use allowance::Allowance;
pub use batch::Batch;
pub use buffers::{Bad, Buffers, Bytes};
pub use network::{network, pseudo_header};
pub use share::{Indices, OwnShare, map};
pub use unguessable::unguessable;
