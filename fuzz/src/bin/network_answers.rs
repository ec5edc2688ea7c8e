//! What servers of the network answer: a name server to a question, and a DHCP server to a client in any of its states.
#![no_main]

// The pure parts of the servers, by their files: whole servers can only be linked for a loader.
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/dhcp/src"]
mod dhcp {
    pub mod client;
}
#[path = "../../../servers/network/dns/src"]
mod dns {
    pub mod message;
}

extern crate alloc;

use dhcp::client::{Client, Step};
use dns::message::{self, Answer, Kind, Name};
use libfuzzer_sys::fuzz_target;
use warren_idl::ADDRESSES;

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const IDENTIFIER: u32 = 7;

// The first byte says whose answer it is.
fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 2 {
        0 => named(bytes),
        _ => lent(bytes),
    }
});

/// Takes the bytes for counts and records behind a question that was asked.
fn named(bytes: &[u8]) {
    let name = Name::parse("example.org").expect("a name");
    let kind = if bytes.first().is_some_and(|it| it & 16 != 0) { Kind::Ipv6 } else { Kind::Ipv4 };
    let mut answer = message::question(IDENTIFIER as u16, &name, kind);
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    if let Some((counts, records)) = bytes.split_first_chunk::<2>() {
        answer[3] ^= counts[0] & 15;
        answer[7] = counts[1];
        answer.extend_from_slice(records);
    }
    if let Some(Answer::Addresses(addresses, _)) =
        message::answer(&answer, IDENTIFIER as u16, &name, kind)
    {
        assert!((1..=ADDRESSES / 2).contains(&addresses.len()));
        assert!(addresses.iter().all(|it| it.as_v4().is_some() == (kind == Kind::Ipv4)));
    }
    message::answer(bytes, IDENTIFIER as u16, &name, kind);
}

/// Takes the bytes for answers, each behind its length, and how many seconds passed. Whatever they say, the client always knows what to do next, and its time
/// goes on.
fn lent(bytes: &[u8]) {
    let mut client = Client::new(OWN, IDENTIFIER);
    let (mut now, mut rest) = (0, bytes);
    while let Some(([length, seconds], behind)) = rest.split_first_chunk::<2>() {
        match client.step(now) {
            Step::Ask { until_ns, message, .. } => assert!(until_ns > now && !message.is_empty()),
            Step::Use { settings, .. } => assert!(settings.prefix <= 32),
        }
        now += u64::from(*seconds) * 1_000_000_000;
        let (answer, behind) = behind.split_at(behind.len().min(usize::from(*length) * 2));
        client.heard(now, answer);
        rest = behind;
    }
}
