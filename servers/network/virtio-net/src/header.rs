//! What stands in front of each frame in a queue (virtio 1.2, section 5.1.6).

use warren_idl::{CHECKSUM_FILL, CHECKSUM_GOOD, Packet, SEGMENT_IPV6};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 12;

const NEEDS_CHECKSUM: u8 = 1;
const CHECKSUM_VALID: u8 = 2;
const SEGMENTS_NONE: u8 = 0;
const SEGMENTS_IPV4: u8 = 1;
const SEGMENTS_IPV6: u8 = 4;

/// What the device says of a frame that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// [`CHECKSUM_GOOD`] or nothing.
    pub flags: u16,
    /// Buffers that the frame takes.
    pub buffers: u16,
}

/// Reads the header of a frame that has arrived.
///
/// A frame whose checksum is yet to be filled in comes from the device's own host, where nothing can have changed it.
pub fn arrived(header: [u8; HEADER_BYTES]) -> Arrived {
    let good = header[0] & (NEEDS_CHECKSUM | CHECKSUM_VALID) != 0;
    Arrived {
        flags: if good { CHECKSUM_GOOD } else { 0 },
        buffers: u16::from_le_bytes([header[10], header[11]]),
    }
}

/// The header of a frame that is sent. `headers` are the bytes of its headers up to the data of TCP, if it is to be cut into segments.
pub fn sent(first: &Packet, headers: u16) -> Option<[u8; HEADER_BYTES]> {
    let fill = first.flags & CHECKSUM_FILL != 0;
    let kind = match first.segment_bytes {
        0 => SEGMENTS_NONE,
        _ if !fill => return None,
        _ if first.flags & SEGMENT_IPV6 != 0 => SEGMENTS_IPV6,
        _ => SEGMENTS_IPV4,
    };
    // Offsets count from the start of the frame here.
    let start = if fill { first.checksum_start.checked_sub(first.offset)? } else { 0 };
    let offset = if fill { first.checksum_offset } else { 0 };
    let [a, b] = headers.to_le_bytes();
    let [c, d] = first.segment_bytes.to_le_bytes();
    let [e, f] = start.to_le_bytes();
    let [g, h] = offset.to_le_bytes();
    Some([if fill { NEEDS_CHECKSUM } else { 0 }, kind, a, b, c, d, e, f, g, h, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_that_the_device_vouches_for_is_good() {
        let of = |flags| arrived([flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1]);
        assert_eq!(of(0), Arrived { flags: 0, buffers: 0x103 });
        assert_eq!(of(NEEDS_CHECKSUM).flags, CHECKSUM_GOOD);
        assert_eq!(of(CHECKSUM_VALID).flags, CHECKSUM_GOOD);
    }

    #[test]
    fn what_the_device_is_to_do_stands_in_the_header() {
        let plain = Packet { offset: 100, bytes: 60, ..Packet::default() };
        assert_eq!(sent(&plain, 0), Some([0; HEADER_BYTES]));
        let fill =
            Packet { flags: CHECKSUM_FILL, checksum_start: 134, checksum_offset: 16, ..plain };
        assert_eq!(sent(&fill, 0), Some([1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]));
        let cut = Packet { segment_bytes: 1448, ..fill };
        assert_eq!(sent(&cut, 66), Some([1, 1, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0]));
        let cut = Packet { flags: CHECKSUM_FILL | SEGMENT_IPV6, ..cut };
        assert_eq!(sent(&cut, 66).unwrap()[1], SEGMENTS_IPV6);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let plain = Packet { offset: 100, bytes: 60, ..Packet::default() };
        assert_eq!(sent(&Packet { flags: CHECKSUM_FILL, checksum_start: 99, ..plain }, 0), None);
        assert_eq!(sent(&Packet { segment_bytes: 1448, ..plain }, 0), None);
    }
}
