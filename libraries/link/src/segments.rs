//! Frames that a device cuts into segments of TCP.
//!
//! What stands in the headers is the sender's, who may change it at any time: whoever needs a length for its device reads it once, and says to the device
//! what was checked.

use warren_idl::{CHECKSUM_FILL, Packet, SEGMENT_IPV6};
use warren_packets::{Bad, Buffers, Bytes, batch::length, checksum::Sum};

/// Bytes of Ethernet's header, behind which that of IPv4 is.
pub const ETHERNET_BYTES: usize = 14;
/// Fewest bytes of a segment: a device is not made to send mostly headers. No connection of TCP's has so few.
pub const LEAST_BYTES: u16 = 72;
/// Where in TCP's header the checksum stands.
pub const TCP_CHECKSUM: u16 = 16;

/// Bytes of IPv4's header without options.
pub(crate) const IPV4_BYTES: usize = 20;
/// Where in TCP's header its own length stands, in words of four bytes, in the upper half of the byte; and how many it has at least.
const TCP_LENGTH: usize = 12;
const TCP_LEAST_WORDS: u8 = 5;
/// Where in a frame its kind is, the version and the length of IPv4's header, the protocol, and the addresses.
pub(crate) const KIND: usize = 12;
pub(crate) const VERSION: usize = ETHERNET_BYTES;
pub(crate) const PROTOCOL: usize = ETHERNET_BYTES + 9;
pub(crate) const ADDRESSES: usize = ETHERNET_BYTES + 12;
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const TCP: u8 = 6;
/// Bytes of a frame that is to be cut, at most: its length is a word of two bytes for some devices.
const MOST_BYTES: usize = u16::MAX as usize;

/// A frame of TCP over IPv4 that is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where TCP's header starts, counted from the start of the frame.
    pub transport: u8,
    /// Bytes of all headers. They lie in the first piece.
    pub headers: u8,
    /// Bytes behind them, of which there are some.
    pub payload: u32,
    /// Bytes of each segment's share of them.
    pub segment_bytes: u16,
    /// The addresses of IPv4.
    addresses: [u8; 8],
}

impl Cut {
    /// What a frame asks for whose pieces lie in buffers, over a link that carries so many bytes behind its header.
    ///
    /// # Errors
    ///
    /// It is no frame of TCP over IPv4 with all its headers in the first piece and something behind them, or is too long, or its segments would be too long
    /// or too short, or its checksum is not to be filled in.
    pub fn of<M: Bytes>(packets: &Buffers<M>, frame: &[Packet], mtu: usize) -> Result<Self, Bad> {
        let first = frame.first().ok_or(Bad)?;
        let asks_for = first.flags & (CHECKSUM_FILL | SEGMENT_IPV6);
        if asks_for != CHECKSUM_FILL || first.checksum_offset != TCP_CHECKSUM {
            return Err(Bad);
        }
        let transport = usize::from(first.checksum_start.checked_sub(first.offset).ok_or(Bad)?);
        let header: [u8; ETHERNET_BYTES + IPV4_BYTES] = packets.header(first)?;
        // Version 4, and a header that ends where TCP's starts.
        let words = header[VERSION].checked_sub(0x40).ok_or(Bad)?;
        if header[KIND..][..2] != IPV4.to_be_bytes()
            || header[PROTOCOL] != TCP
            || transport < ETHERNET_BYTES + IPV4_BYTES
            || ETHERNET_BYTES + usize::from(words) * 4 != transport
        {
            return Err(Bad);
        }
        let headers = usize::from(headers_bytes(packets, first)?);
        let (total, segment) = (length(frame), first.segment_bytes);
        let is_fit = total > headers
            && total <= MOST_BYTES
            && segment >= LEAST_BYTES
            && headers + usize::from(segment) <= ETHERNET_BYTES + mtu;
        if !is_fit {
            return Err(Bad);
        }
        let mut addresses = [0; 8];
        addresses.copy_from_slice(&header[ADDRESSES..]);
        Ok(Cut {
            transport: u8::try_from(transport).map_err(|_| Bad)?,
            headers: u8::try_from(headers).map_err(|_| Bad)?,
            payload: (total - headers) as u32,
            segment_bytes: segment,
            addresses,
        })
    }

    /// The sum of the pseudo-header without the length, which is another one for each segment.
    pub fn pseudo_sum(&self) -> u16 {
        let mut sum = Sum::default();
        sum.add(&self.addresses);
        sum.add(&[0, TCP]);
        !sum.finish()
    }
}

/// Bytes from the start of a frame to the data of TCP, whose checksum is to be filled in. They lie in this first piece.
///
/// # Errors
///
/// There is no header of TCP where the checksum starts, or not all of it is in the piece.
pub fn headers_bytes<M: Bytes>(packets: &Buffers<M>, first: &Packet) -> Result<u16, Bad> {
    let start = first.checksum_start.checked_sub(first.offset).ok_or(Bad)?;
    let mut length = [0];
    packets.read(first, usize::from(start) + TCP_LENGTH, &mut length)?;
    let words = length[0] >> 4;
    let end = start + u16::from(words) * 4;
    if words >= TCP_LEAST_WORDS && end <= first.bytes { Ok(end) } else { Err(Bad) }
}

#[cfg(test)]
mod tests {
    use warren_packets::testing::Plain;

    use super::*;

    const MTU: usize = 1500;

    /// A frame with headers of 66 bytes, and 4000 behind them.
    fn frame(memory: &Buffers<Plain>) -> [Packet; 2] {
        let first = Packet {
            buffer: 1,
            offset: 100,
            bytes: 66,
            more: 1,
            flags: CHECKSUM_FILL,
            checksum_start: 134,
            checksum_offset: TCP_CHECKSUM,
            segment_bytes: 1448,
            ..Packet::default()
        };
        memory.write(&first, 12, &[8, 0, 0x45]).unwrap();
        memory.write(&first, 23, &[6]).unwrap();
        memory.write(&first, 26, &[10, 9, 0, 2, 10, 9, 0, 1]).unwrap();
        memory.write(&first, 46, &[0x80]).unwrap();
        [first, Packet { buffer: 2, bytes: 4000, ..Packet::default() }]
    }

    #[test]
    fn headers_and_payload_are_told_apart() {
        let memory = Buffers::new(Plain::new(4));
        let cut = Cut::of(&memory, &frame(&memory), MTU).unwrap();
        assert_eq!((cut.transport, cut.headers, cut.payload), (34, 66, 4000));
        assert_eq!(cut.segment_bytes, 1448);
        // 0a09 + 0002 + 0a09 + 0001 + 0006
        assert_eq!(cut.pseudo_sum(), 0x141b);
    }

    #[test]
    fn options_of_ipv4_are_headers_too() {
        let memory = Buffers::new(Plain::new(4));
        let [mut first, second] = frame(&memory);
        (first.bytes, first.checksum_start, first.segment_bytes) = (70, 138, 1444);
        memory.write(&first, 14, &[0x46]).unwrap();
        memory.write(&first, 50, &[0x80]).unwrap();
        let cut = Cut::of(&memory, &[first, second], MTU).unwrap();
        assert_eq!((cut.transport, cut.headers), (38, 70));
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        type Change = fn(&mut [Packet; 2]);
        let changes: [(&str, Change); 11] = [
            ("of IPv6", |it| it[0].flags |= SEGMENT_IPV6),
            ("checksum is there", |it| it[0].flags = 0),
            ("checksum of UDP", |it| it[0].checksum_offset = 6),
            ("summed from before it starts", |it| it[0].checksum_start = 99),
            ("summed from elsewhere", |it| it[0].checksum_start = 130),
            ("no whole header", |it| it[0].bytes = 65),
            ("no header of IPv4", |it| it[0].bytes = 33),
            ("segments too short", |it| it[0].segment_bytes = LEAST_BYTES - 1),
            ("segments too long", |it| it[0].segment_bytes = 1449),
            ("segments much too long", |it| it[0].segment_bytes = u16::MAX),
            ("nothing to cut", |it| it[1].bytes = 0),
        ];
        let memory = Buffers::new(Plain::new(4));
        for (why, change) in changes {
            let mut frame = frame(&memory);
            change(&mut frame);
            assert_eq!(Cut::of(&memory, &frame, MTU), Err(Bad), "{why}");
        }
        assert_eq!(Cut::of(&memory, &[], MTU), Err(Bad));
        let [first, second] = frame(&memory);
        let mut long = [Packet { bytes: 4096, ..second }; 17];
        (long[0], long[16].bytes) = (first, 4029);
        assert!(Cut::of(&memory, &long, MTU).is_ok());
        long[16].bytes += 1;
        assert_eq!(Cut::of(&memory, &long, MTU), Err(Bad), "too long");
    }

    #[test]
    fn whatever_stands_in_the_headers_no_more_is_believed_than_is_there() {
        let memory = Buffers::new(Plain::new(4));
        for (why, at, byte) in [
            ("no packet of IPv4", 12, 0x86),
            ("of another version", 14, 0x65),
            ("header of IPv4 too short", 14, 0x44),
            ("header of IPv4 too long", 14, 0x46),
            ("of UDP", 23, 17),
            ("header of TCP too short", 46, 0x40),
            ("header of TCP too long", 46, 0x90),
        ] {
            let frame = frame(&memory);
            memory.write(&frame[0], at, &[byte]).unwrap();
            assert_eq!(Cut::of(&memory, &frame, MTU), Err(Bad), "{why}");
        }
    }
}
