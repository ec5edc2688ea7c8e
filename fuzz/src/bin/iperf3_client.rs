//! What a client of iperf3 wants, and what its datagrams say.
#![no_main]

// The pure parts of the server, by their files: whole servers can only be linked for a loader.
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/iperf3/src"]
mod iperf3 {
    pub mod protocol;
    pub mod tally;
}

extern crate alloc;

use iperf3::{
    protocol,
    tally::{Head, Tally},
};
use libfuzzer_sys::fuzz_target;
use protocol::{Arrived, MOST_SECONDS, MOST_STREAMS, Plan};

// The first byte says which of the two it is.
fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 2 {
        0 => wanted(bytes),
        _ => arrived(bytes, kind & 2 != 0),
    }
});

/// Takes the bytes for JSON. A plan that is made of it can be carried out.
fn wanted(bytes: &[u8]) {
    if let Ok(plan) = Plan::read(bytes) {
        assert!((1..=2 * MOST_STREAMS).contains(&plan.streams()) && plan.piece > 0);
        assert!(plan.seconds <= MOST_SECONDS);
    }
}

/// Takes the bytes for datagrams of 24 bytes, the last of which say when each comes.
fn arrived(bytes: &[u8], is_wide: bool) {
    let mut tally = Tally::new(false);
    for datagram in bytes.chunks(24) {
        let now_ns = datagram.get(16..).and_then(<[u8]>::first_chunk);
        if let Some(head) = Head::read(datagram, is_wide) {
            let now_ns = now_ns.map_or(0, |bytes| u64::from_le_bytes(*bytes));
            tally.take(head, datagram.len(), now_ns);
        }
    }
    let Arrived { sent, lost, jitter, .. } = tally.counted().datagrams;
    assert!(lost <= sent && jitter.is_finite() && jitter >= 0.0);
}
