//! A packet of each layer, in packet memory, with a record that anybody may have written: what a decoder takes for a packet lies in its
//! buffer, and pieces of datagrams are never lost.
#![no_main]

// The pure parts of the servers, by their files: whole servers can only be linked for a loader.
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/arp/src"]
mod arp {
    pub mod message;
}
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/ethernet/src"]
mod ethernet {
    pub mod frame;
}
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/icmp/src"]
mod icmp {
    pub mod echo;
}
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/ipv4/src"]
mod ipv4 {
    pub mod header;
    pub mod message;
}
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/ipv6/src"]
mod ipv6 {
    pub mod addresses;
    pub mod header;
    pub mod message;
}
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/udp/src"]
mod udp {
    pub mod header;
}

#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/network/tcp/src"]
mod tcp {
    pub mod arrival;
    pub mod remembered;
}

extern crate alloc;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use warren::Out;
use warren_idl::{Address, BUFFER_BYTES, NAME_SERVERS, Packet};
use warren_packets::{
    Batch, Buffers, Bytes,
    fragments::Reassembly,
    refusals::{self, Refusal},
    returned,
};

const BUFFERS: usize = 2;
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Packet memory that begins with the input.
struct Memory(RefCell<Vec<u8>>);

impl Bytes for Memory {
    fn len(&self) -> usize {
        BUFFERS * BUFFER_BYTES
    }
    fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.borrow()[offset..][..bytes.len()]);
    }
    fn copy_to(&self, offset: usize, out: &mut Out<'_>) {
        out.fill_from(&self.0.borrow()[offset..][..out.len()]);
    }
    fn copy_in(&self, offset: usize, bytes: &[u8]) {
        self.0.borrow_mut()[offset..][..bytes.len()].copy_from_slice(bytes);
    }
}

// The input is three bytes that say which decoder, and how long the packet is, some records, and the packet.
fuzz_target!(|bytes: &[u8]| {
    let Some((head, bytes)) = bytes.split_first_chunk::<3>() else { return };
    if let Ok(batch) = Batch::read(bytes) {
        let walked: usize = batch.packets().map(<[Packet]>::len).sum();
        assert_eq!(walked, batch.records().len());
    }
    let mut all = bytes[..bytes.len().min(BUFFER_BYTES)].to_vec();
    all.resize(BUFFERS * BUFFER_BYTES, 0);
    let memory = Buffers::new(Memory(RefCell::new(all)));
    let [kind, low, high] = *head;
    let length = u16::from_le_bytes([low, high]) % (BUFFER_BYTES as u16 + 8);
    let mut first = Packet { bytes: length, ..Packet::default() };
    match kind % 10 {
        0 => {
            if ethernet::frame::arrived(&memory, &mut first, OWN).is_some() {
                assert!(memory.check(&[first]).is_ok() && first.bytes + 14 == length);
            }
        }
        1 => {
            if ipv4::header::arrived(&memory, &mut first, &[]).is_ok() {
                assert!(memory.check(&[first]).is_ok() && first.offset >= 20);
                came_back(&memory, &first);
            }
        }
        2 => {
            // ICMP of IPv4 and of IPv6.
            let both = [Address::v4(1), Address::new(0xfe80 << 112 | 1)];
            for between in both.map(|it| icmp::echo::Between { source: it, destination: it }) {
                if let Some(echo) = icmp::echo::read(&memory, &first, &between) {
                    icmp::echo::answer(&memory, &first, &between, &echo).unwrap();
                    icmp::echo::is_whole(&memory, &[first], &between);
                    assert!(icmp::echo::unchanged(&memory, &[first]) <= usize::from(length));
                }
            }
        }
        3 => {
            if let Ok(message) = memory.header(&first) {
                arp::message::read(&message);
            }
        }
        4 => put_together(bytes),
        5 => {
            if let Ok(arrival) = tcp::arrival::Arrival::read(&memory, &[first]) {
                let payload: Vec<Packet> = arrival.payload(&[first]).collect();
                let bytes: u16 = payload.iter().map(|piece| piece.bytes).sum();
                assert!(bytes == arrival.payload_bytes() && memory.check(&payload).is_ok());
                let _ = arrival.segment(&memory, &payload);
            }
        }
        6 => {
            if let Ok((_, next)) = ipv6::header::arrived(&memory, &mut first, &[])
                && ipv6::header::unwrap(&memory, &mut first, next).is_ok()
            {
                assert!(memory.check(&[first]).is_ok() && first.offset >= 40);
                assert!(ipv6::header::names_protocol(&memory, &first).is_ok());
            }
        }
        7 => {
            let hops = ipv6::message::NEAR;
            let [source, destination] = [Address::new(0xfe80 << 112 | 2), Address::new(1)];
            let header = ipv6::header::Header { source, destination, hops };
            let mut message = bytes[..bytes.len().min(ipv6::message::MOST_BYTES)].to_vec();
            if message.len() >= 4 {
                message[2..4].fill(0);
                ipv6::message::finish(&header, &mut message);
            }
            if let Some(ipv6::message::Message::Router(router)) =
                ipv6::message::read(&header, &message)
            {
                let mut addresses = ipv6::addresses::Addresses::new(OWN, 1500, Default::default());
                addresses.heard(&source, &router, 0);
                assert!(addresses.name_servers(0).count() <= NAME_SERVERS);
                assert!(addresses.leads(0).len() <= 64);
            }
        }
        8 => {
            let [low, high] = [kind / 10 % 2, kind / 20];
            let network = u16::from_le_bytes([low, high]);
            let mut first = Packet { offset: 20, network, ..first };
            if let Ok((_, message)) = refusals::message(&memory, &[first], Refusal::Port) {
                assert!(network <= first.offset && message.len() <= 1280 - 40);
            }
            if udp::header::arrived(&memory, &mut first, &[]).is_ok() {
                assert!(memory.check(&[first]).is_ok() && first.bytes + 8 <= length);
            }
        }
        _ => left_behind(bytes),
    }
});

/// Takes the bytes for what a dead TCP has left in its box: what is found are connections, and each can be noted again.
fn left_behind(bytes: &[u8]) {
    let mut all = bytes.to_vec();
    all.resize(BUFFERS * BUFFER_BYTES, 0);
    let remembered = tcp::remembered::Remembered::new(Some(Memory(RefCell::new(all))));
    let flows = remembered.take();
    assert!(remembered.take().is_empty());
    for flow in flows {
        assert!(flow.local_port != 0 && flow.remote_port != 0);
        remembered.note(&flow);
        assert!(remembered.knows(&flow));
        remembered.forget(&flow);
    }
    assert!(remembered.take().is_empty());
}

/// Takes what a packet of IPv4 carries for a message of ICMP about a packet from address 0, and makes its checksum right.
fn came_back(memory: &Buffers<Memory>, message: &Packet) {
    if memory.write(message, 2, &[0; 2]).is_err() {
        return;
    }
    let sum = memory.sum(&[*message]).expect("it is there").finish();
    memory.write(message, 2, &sum.to_be_bytes()).expect("it is there");
    if let Ok((beginning, _)) = ipv4::message::returned(memory, &[*message], 0) {
        assert!(memory.check(&[beginning]).is_ok() && beginning.bytes < message.bytes);
        assert!(returned::read(memory, &beginning).is_ok());
    }
}

/// Takes the bytes for fragments. Each piece comes out once at most, and those that do not are kept.
fn put_together(bytes: &[u8]) {
    let mut reassembly = Reassembly::default();
    let mut out = 0;
    let mut now = 0;
    let fragments = bytes.as_chunks::<5>().0;
    for (buffer, [name, offset, more, length, time]) in (0..).zip(fragments) {
        now += u64::from(*time) * 100_000_000;
        let start = usize::from(*offset) * 8 + usize::from(more / 2 % 124) * 512;
        let piece = Packet { buffer, bytes: u16::from(*length) * 8, ..Packet::default() };
        let came = reassembly.add(*name, (start, more % 2 == 1), &[piece], now);
        out += came.complete.len() + came.dropped.len();
    }
    assert_eq!(out + reassembly.kept(), fragments.len());
}
