//! TCP without input and output: segments in, segments out; time, randomness and buffers are the caller's.
//!
//! # Shape
//!
//! An [`Engine`] has all connections of a stack. Whoever drives it hands over segments that arrived ([`Engine::receive`]), says that time has
//! passed ([`Engine::expire`]), does what users want ([`Engine::connect`], [`Engine::write`], …), and then lets it send
//! ([`Engine::transmit`]) to an [`Output`]. Nothing is sent in between: what is handed over in a batch is answered once.
//!
//! ```text
//! for segment of the batch: engine.receive(now_ns, addresses, &path, &segment, &pieces, &mut output)
//! engine.expire(now_ns, &mut output)
//! engine.transmit(now_ns, &mut output)
//! while let Some((name, events)) = engine.next_news() { wake(name, events) }
//! sleep until engine.next_deadline_ns()
//! ```
//!
//! Payload is never looked at and never copied. It travels as [`Piece`]s, ranges of buffers that only the caller knows; a segment to be sent names
//! ranges of what was written, and may be as long as the device can cut ([`Path::offload_bytes`]).
//!
//! # How to read it
//!
//! | concept | file | source |
//! | --- | --- | --- |
//! | positions in a stream | `sequence.rs` | RFC 9293, section 3.4 |
//! | headers | `segment.rs` | RFC 9293, section 3.1 |
//! | segments that are handed over as one | `joining.rs` | |
//! | a connection's states and rules | `connection/` | RFC 9293, RFC 5961, RFC 7323 |
//! | what was received | `reassembly.rs` | RFC 2018, RFC 2883 |
//! | how full its pieces are | `fullness.rs` | |
//! | what is to be sent | `sending.rs` | |
//! | what was sent | `scoreboard.rs` | RFC 6675 |
//! | what is lost | `rack.rs`, `connection/timers.rs` | RFC 8985, RFC 6298; RFC 6582 without SACK; RFC 3522 to undo |
//! | how fast to send | `cubic.rs`, `recovery.rs` | RFC 9438, RFC 6937, RFC 6928 |
//! | all connections | `engine/` | RFC 6528, RFC 4987, RFC 6056 |
//!
//! # What is left out
//!
//! ECN, urgent data (it is read in line), TCP Fast Open, pacing, searching for a larger path MTU (a smaller one is heard of by
//! [`Engine::narrow`]; where nothing is heard at all, routers of IPv4 may cut segments), scopes of IPv6 addresses. Payload of a SYN is not taken, and comes again.
//!
//! # Memory
//!
//! An idle connection takes some 700 bytes, beside 4 to 8 of the table and 16 of the deadlines; one in use also records of what it has sent
//! (24 bytes for each transmission), and lists of pieces. None of it has a size that the other side chooses without limit: see [`Settings`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod connection;
mod cubic;
mod engine;
mod flow;
mod fullness;
mod joining;
mod output;
mod piece;
mod rack;
mod reassembly;
mod recovery;
mod round_trip;
mod scoreboard;
mod segment;
mod sending;
mod sequence;
mod settings;
mod time;

pub use connection::{Connection, Counters, End, Events, Information, State, WriteError};
pub use engine::{Arrivals, ConnectError, Engine, Gone, ListenError, Listening, Name, Totals};
pub use flow::Flow;
pub use joining::{Together, goes_on};
pub use output::{Outgoing, Output};
pub use piece::Piece;
pub use segment::{BLOCKS, FIXED_BYTES, HEADER_BYTES, Malformed, Options, Segment, Timestamps};
pub use sending::Payload;
pub use sequence::{Range, Sequence};
pub use settings::{LARGEST_SEGMENT_BYTES, Path, Settings};
pub use time::{MILLISECOND_NS, NEVER_NS, SECOND_NS};
