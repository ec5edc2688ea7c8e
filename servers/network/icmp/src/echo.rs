//! Echo messages of ICMP (RFC 792).

use alloc::vec::Vec;

use smoltcp::wire::{Icmpv4Message, Icmpv4Packet};
use warren_idl::Packet;
use warren_packets::{
    Bad, Buffers, Bytes,
    batch::length,
    checksum::{self, Sum},
};

/// Bytes of the header: type, code, checksum, identifier, sequence number.
pub const HEADER_BYTES: usize = 8;

/// Type and code of a request and of an answer, as the word that the checksum is of.
const REQUEST: u16 = 0x0800;
const ANSWER: u16 = 0x0000;

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
pub fn read<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Option<Echo> {
    let header = memory.header::<HEADER_BYTES>(first).ok()?;
    let packet = Icmpv4Packet::new_checked(&header[..]).ok()?;
    let is_request = match (packet.msg_type(), packet.msg_code()) {
        (Icmpv4Message::EchoRequest, 0) => true,
        (Icmpv4Message::EchoReply, 0) => false,
        _ => return None,
    };
    Some(Echo {
        is_request,
        identifier: packet.echo_ident(),
        sequence: packet.echo_seq_no(),
        checksum: packet.checksum(),
    })
}

/// Writes the header of a message.
pub fn header(echo: &Echo) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let mut packet = Icmpv4Packet::new_unchecked(&mut header[..]);
    packet.set_msg_type(match echo.is_request {
        true => Icmpv4Message::EchoRequest,
        false => Icmpv4Message::EchoReply,
    });
    packet.set_msg_code(0);
    packet.set_echo_ident(echo.identifier);
    packet.set_echo_seq_no(echo.sequence);
    packet.set_checksum(echo.checksum);
    header
}

/// Makes the answer of a request, in its place.
///
/// The request's checksum is not checked, but changed as the message is: whoever asked finds a request that was damaged on its way
/// as damaged in the answer.
pub fn answer<M: Bytes>(memory: &Buffers<M>, first: &Packet, request: &Echo) -> Result<(), Bad> {
    let checksum = checksum::changed(request.checksum, REQUEST, ANSWER);
    memory.write(first, 0, &header(&Echo { is_request: false, checksum, ..*request }))
}

/// Whether the checksum of a message is right.
pub fn is_whole<M: Bytes>(memory: &Buffers<M>, pieces: &[Packet]) -> bool {
    memory.sum(pieces).is_ok_and(|sum| sum.finish() == 0)
}

/// The byte at a place of the data that is sent to be sent back.
pub fn pattern(at: usize) -> u8 {
    at as u8
}

/// A whole message with so many bytes of the pattern.
pub fn message(echo: &Echo, data_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + data_bytes);
    bytes.extend(header(&Echo { checksum: 0, ..*echo }));
    bytes.extend((0..data_bytes).map(pattern));
    let mut sum = Sum::default();
    sum.add(&bytes);
    bytes[..HEADER_BYTES].copy_from_slice(&header(&Echo { checksum: sum.finish(), ..*echo }));
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

    fn message(bytes: usize) -> (Buffers<Plain>, Packet) {
        let memory = Buffers::new(Plain::new(1));
        let first =
            Packet { offset: 34, bytes: (HEADER_BYTES + bytes) as u16, ..Packet::default() };
        memory.write(&first, 0, &super::message(&ASKED, bytes)).unwrap();
        (memory, first)
    }

    #[test]
    fn the_answer_is_the_request_with_another_type() {
        for bytes in [0, 1, 56, 1000] {
            let (memory, first) = message(bytes);
            assert!(is_whole(&memory, &[first]), "{bytes}");
            let request = read(&memory, &first).unwrap();
            assert_eq!(request, Echo { checksum: request.checksum, ..ASKED });
            answer(&memory, &first, &request).unwrap();
            assert!(is_whole(&memory, &[first]), "{bytes}");
            let answer = read(&memory, &first).unwrap();
            assert_eq!(answer, Echo { is_request: false, checksum: answer.checksum, ..ASKED });
            assert_eq!(unchanged(&memory, &[first]), bytes);
        }
    }

    #[test]
    fn a_damaged_request_gets_a_damaged_answer() {
        let (memory, first) = message(56);
        memory.write(&first, 20, &[0xff]).unwrap();
        let request = read(&memory, &first).unwrap();
        answer(&memory, &first, &request).unwrap();
        assert!(!is_whole(&memory, &[first]));
        assert_eq!(unchanged(&memory, &[first]), 55);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_in_bounds(bytes: [u8; HEADER_BYTES], offset: u16, length: u16) {
            let memory = Buffers::new(Plain::new(1));
            let place = Packet { bytes: HEADER_BYTES as u16, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            if let Some(echo) = read(&memory, &place) {
                prop_assert_eq!(header(&echo), bytes);
            }
            read(&memory, &Packet { offset, bytes: length, ..Packet::default() });
        }
    }
}
