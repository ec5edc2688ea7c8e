//! Echo messages of ICMP (RFC 792, RFC 4443), which are alike over IPv4 and IPv6 but for their numbers and what is summed.

use alloc::vec::Vec;

use smoltcp::wire::{Icmpv4Message, Icmpv6Message};
use warren_idl::{Address, Packet};
use warren_packets::{
    Bad, Buffers, Bytes,
    batch::length,
    checksum::{self, Sum},
    pseudo_header,
};

/// Bytes of the header: type, code, checksum, identifier, sequence number.
pub const HEADER_BYTES: usize = 8;

/// ICMP's number among the protocols of IPv4.
pub const ICMP: u8 = 1;
/// Its number among those of IPv6.
pub const ICMP6: u8 = 58;

/// The kind of ICMP between two stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// One of them.
    pub source: Address,
    /// The other one.
    pub destination: Address,
}

impl Between {
    /// Its number among the protocols.
    pub fn protocol(&self) -> u8 {
        if self.destination.as_v4().is_some() { ICMP } else { ICMP6 }
    }

    /// The first bytes of a request and of an answer.
    fn kinds(&self) -> [u8; 2] {
        match self.protocol() {
            ICMP => [Icmpv4Message::EchoRequest.into(), Icmpv4Message::EchoReply.into()],
            _ => [Icmpv6Message::EchoRequest.into(), Icmpv6Message::EchoReply.into()],
        }
    }

    /// The sum of what is summed beside a message.
    fn sum(&self, bytes: usize) -> Sum {
        match self.protocol() {
            ICMP => Sum::default(),
            _ => pseudo_header(&self.source, &self.destination, ICMP6, bytes),
        }
    }
}

/// An echo message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Whether it asks for an answer.
    pub is_request: bool,
    /// Who asked.
    pub identifier: u16,
    /// Which of its questions it is.
    pub sequence: u16,
    /// Its checksum, which nobody has checked.
    pub checksum: u16,
}

/// Reads the header of a message; `None` if it is no echo.
pub fn read<M: Bytes>(memory: &Buffers<M>, first: &Packet, between: &Between) -> Option<Echo> {
    let [kind, code, a, b, c, d, e, f] = memory.header::<HEADER_BYTES>(first).ok()?;
    let [request, answer] = between.kinds();
    if code != 0 || kind != request && kind != answer {
        return None;
    }
    let [checksum, identifier, sequence] = [[a, b], [c, d], [e, f]].map(u16::from_be_bytes);
    Some(Echo { is_request: kind == request, identifier, sequence, checksum })
}

/// Writes the header of a message.
pub fn header(echo: &Echo, between: &Between) -> [u8; HEADER_BYTES] {
    let [request, answer] = between.kinds();
    let kind = if echo.is_request { request } else { answer };
    let fields = [echo.checksum, echo.identifier, echo.sequence].map(u16::to_be_bytes);
    let [[a, b], [c, d], [e, f]] = fields;
    [kind, 0, a, b, c, d, e, f]
}

/// Makes the answer of a request, in its place.
///
/// The request's checksum is not checked, but changed as the message is: whoever asked finds a request that was damaged on its way
/// as damaged in the answer. That the addresses change places does not change their sum.
pub fn answer<M: Bytes>(
    memory: &Buffers<M>,
    first: &Packet,
    between: &Between,
    request: &Echo,
) -> Result<(), Bad> {
    let [old, new] = between.kinds().map(|kind| u16::from(kind) << 8);
    let checksum = checksum::changed(request.checksum, old, new);
    memory.write(first, 0, &header(&Echo { is_request: false, checksum, ..*request }, between))
}

/// Whether the checksum of a message is right.
pub fn is_whole<M: Bytes>(memory: &Buffers<M>, pieces: &[Packet], between: &Between) -> bool {
    let mut sum = between.sum(length(pieces));
    memory.add_to(&mut sum, pieces).is_ok() && sum.finish() == 0
}

/// The byte at a place of the data that is sent to be sent back.
pub fn pattern(at: usize) -> u8 {
    at as u8
}

/// A whole message with so many bytes of the pattern.
pub fn message(echo: &Echo, between: &Between, data_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + data_bytes);
    bytes.extend(header(&Echo { checksum: 0, ..*echo }, between));
    bytes.extend((0..data_bytes).map(pattern));
    let mut sum = between.sum(bytes.len());
    sum.add(&bytes);
    let whole = Echo { checksum: sum.finish(), ..*echo };
    bytes[..HEADER_BYTES].copy_from_slice(&header(&whole, between));
    bytes
}

/// How many bytes of the data are the pattern's.
pub fn unchanged<M: Bytes>(memory: &Buffers<M>, pieces: &[Packet]) -> usize {
    let total = length(pieces).saturating_sub(HEADER_BYTES);
    let (mut same, mut at) = (0, 0);
    let mut chunk = [0; 256];
    while at < total {
        let count = chunk.len().min(total - at);
        if memory.gather(pieces, HEADER_BYTES + at, &mut chunk[..count]).is_err() {
            break;
        }
        same += (at..).zip(&chunk[..count]).filter(|(at, byte)| pattern(*at) == **byte).count();
        at += count;
    }
    same
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use warren_packets::testing::Plain;

    use super::*;

    const ASKED: Echo = Echo { is_request: true, identifier: 0x1234, sequence: 7, checksum: 0 };

    const FOUR: Between =
        Between { source: Address::v4(0x0a00_0202), destination: Address::v4(0x0a00_020f) };
    const SIX: Between = Between {
        source: Address::new(0xfe80 << 112 | 2),
        destination: Address::new(0xfe80 << 112 | 15),
    };

    fn message(bytes: usize, between: &Between) -> (Buffers<Plain>, Packet) {
        let memory = Buffers::new(Plain::new(1));
        let first =
            Packet { offset: 34, bytes: (HEADER_BYTES + bytes) as u16, ..Packet::default() };
        memory.write(&first, 0, &super::message(&ASKED, between, bytes)).unwrap();
        (memory, first)
    }

    #[test]
    fn the_answer_is_the_request_with_another_type() {
        for (between, kinds) in [(FOUR, [8, 0]), (SIX, [128, 129])] {
            for bytes in [0, 1, 56, 1000] {
                let (memory, first) = message(bytes, &between);
                assert!(is_whole(&memory, &[first], &between), "{bytes}");
                let request = read(&memory, &first, &between).unwrap();
                assert_eq!(request, Echo { checksum: request.checksum, ..ASKED });
                let [kind] = memory.header(&first).unwrap();
                answer(&memory, &first, &between, &request).unwrap();
                assert!(is_whole(&memory, &[first], &between), "{bytes}");
                let [other] = memory.header(&first).unwrap();
                assert_eq!([kind, other], kinds);
                let answer = read(&memory, &first, &between).unwrap();
                assert_eq!(answer, Echo { is_request: false, checksum: answer.checksum, ..ASKED });
                assert_eq!(unchanged(&memory, &[first]), bytes);
            }
        }
    }

    #[test]
    fn a_damaged_request_gets_a_damaged_answer() {
        for between in [FOUR, SIX] {
            let (memory, first) = message(56, &between);
            memory.write(&first, 20, &[0xff]).unwrap();
            let request = read(&memory, &first, &between).unwrap();
            answer(&memory, &first, &between, &request).unwrap();
            assert!(!is_whole(&memory, &[first], &between));
            assert_eq!(unchanged(&memory, &[first]), 55);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_in_bounds(bytes: [u8; HEADER_BYTES], six: bool, offset: u16, length: u16) {
            let memory = Buffers::new(Plain::new(1));
            let between = if six { SIX } else { FOUR };
            let place = Packet { bytes: HEADER_BYTES as u16, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            if let Some(echo) = read(&memory, &place, &between) {
                prop_assert_eq!(header(&echo, &between), bytes);
            }
            read(&memory, &Packet { offset, bytes: length, ..Packet::default() }, &between);
        }
    }
}
