//! Segments that are handed over as one. Each only goes on with the one before, so that it costs no more than its bytes, and one that is as long would have said the same.

use crate::segment::FIXED_BYTES;

/// Bits of the flags (RFC 9293, section 3.1).
const PUSH: u8 = 1 << 3;
const ACKNOWLEDGES: u8 = 1 << 4;

/// Bytes of timestamps where they are the only option, and what is in front of them in the form that all use (RFC 7323, appendix A).
const STAMPS_BYTES: usize = 12;
const STAMPS: [u8; 4] = [1, 1, 8, 10];

/// How much may be handed over as one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Together {
    /// Bytes of payload.
    pub bytes: u32,
    /// Pieces of payload.
    pub pieces: usize,
}

/// What stands in a header without options, but for the checksum, and what is of urgent data only.
struct Fixed {
    ports: [u8; 4],
    position: u32,
    acknowledgment: [u8; 4],
    /// The header's length.
    length: u8,
    flags: u8,
    window: [u8; 2],
}

impl Fixed {
    fn of(header: &[u8; FIXED_BYTES]) -> Fixed {
        let [p, q, r, s, a, b, c, d, i, j, k, l, length, flags, v, w, _, _, _, _] = *header;
        Fixed {
            ports: [p, q, r, s],
            position: u32::from_be_bytes([a, b, c, d]),
            acknowledgment: [i, j, k, l],
            length,
            flags,
            window: [v, w],
        }
    }

    fn is_plain(&self) -> bool {
        self.flags & !PUSH == ACKNOWLEDGES
    }
}

/// Whether the segment with the header `next` only goes on with one that has the header `first` and so many bytes of payload, from the same station: both acknowledge the
/// same, offer the same window and have the same timestamps, and say nothing else. Whether they say that their bytes should be given to the reader now (PSH) means
/// nothing here.
pub fn goes_on(first: &[u8], payload: u32, next: &[u8]) -> bool {
    let (Some((one, options)), Some((other, others))) =
        (first.split_first_chunk(), next.split_first_chunk())
    else {
        return false;
    };
    let (one, other) = (Fixed::of(one), Fixed::of(other));
    payload > 0
        && other.position == one.position.wrapping_add(payload)
        && one.is_plain()
        && other.is_plain()
        && (one.ports, one.acknowledgment) == (other.ports, other.acknowledgment)
        && (one.length, one.window) == (other.length, other.window)
        && are_same_stamps(options, others)
}

/// Whether the options of two headers are the same timestamps, or both have none.
fn are_same_stamps(options: &[u8], others: &[u8]) -> bool {
    match (options.as_array::<STAMPS_BYTES>(), others.as_array::<STAMPS_BYTES>()) {
        (Some(stamps), Some(others)) => stamps == others && stamps.starts_with(&STAMPS),
        _ => options.is_empty() && others.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        segment::{HEADER_BYTES, Options, Segment, Timestamps},
        sequence::{Range, Sequence},
    };

    const PAYLOAD: u32 = 1448;

    fn first(stamped: bool) -> Segment {
        let stamps = Timestamps { value: 1000, echo: 2000 };
        Segment {
            source_port: 5000,
            destination_port: 80,
            sequence: Sequence(u32::MAX - 100),
            acknowledgment: Some(Sequence(7)),
            window: 100,
            options: Options { timestamps: stamped.then_some(stamps), ..Options::default() },
            ..Segment::default()
        }
    }

    fn next(stamped: bool) -> Segment {
        let first = first(stamped);
        Segment { sequence: first.sequence + PAYLOAD, ..first }
    }

    fn go_on(first: &Segment, next: &Segment) -> bool {
        let [mut one, mut other] = [[0; HEADER_BYTES]; 2];
        let [one_bytes, other_bytes] = [first.encode(&mut one), next.encode(&mut other)];
        // Checksums are of all that is different.
        (one[16], other[17]) = (1, 2);
        goes_on(&one[..one_bytes], PAYLOAD, &other[..other_bytes])
    }

    #[test]
    fn what_only_goes_on_does_so_with_and_without_timestamps_and_pushed_or_not() {
        for stamped in [false, true] {
            let (first, next) = (first(stamped), next(stamped));
            assert!(go_on(&first, &next));
            assert!(go_on(&first, &Segment { push: true, ..next }));
            assert!(go_on(&Segment { push: true, ..first }, &next));
        }
    }

    #[test]
    fn what_says_something_else_does_not_go_on() {
        let next = next(true);
        let blocks = [Some(Range::new(Sequence(1), 2)), None, None];
        let stamps = |value, echo| Segment {
            options: Options { timestamps: Some(Timestamps { value, echo }), ..Options::default() },
            ..next
        };
        for other in [
            Segment { source_port: 5001, ..next },
            Segment { destination_port: 81, ..next },
            Segment { sequence: next.sequence + 1, ..next },
            Segment { sequence: next.sequence - 1, ..next },
            Segment { acknowledgment: Some(Sequence(8)), ..next },
            Segment { acknowledgment: None, ..next },
            Segment { synchronize: true, ..next },
            Segment { finish: true, ..next },
            Segment { reset: true, ..next },
            Segment { window: 101, ..next },
            Segment { options: Options { blocks, ..next.options }, ..next },
            Segment { options: Options::default(), ..next },
            stamps(1001, 2000),
            stamps(1000, 2001),
        ] {
            assert!(!go_on(&first(true), &other), "{other:?}");
        }
        // What begins otherwise is not gone on with.
        let opening = Options { segment_bytes: Some(1460), ..Options::default() };
        for change in [
            |segment: &mut Segment| segment.synchronize = true,
            |segment: &mut Segment| segment.finish = true,
            |segment: &mut Segment| segment.acknowledgment = None,
        ] {
            let [mut one, mut other] = [first(true), next];
            change(&mut one);
            change(&mut other);
            assert!(!go_on(&one, &other), "{one:?}");
        }
        let [one, other] =
            [first(true), next].map(|segment| Segment { options: opening, ..segment });
        assert!(!go_on(&one, &other));
    }

    #[test]
    fn nothing_goes_on_with_an_acknowledgment() {
        let mut header = [0; HEADER_BYTES];
        let length = first(false).encode(&mut header);
        assert!(!goes_on(&header[..length], 0, &header[..length]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_in_bounds(first in prop::collection::vec(any::<u8>(), 0..62), next in prop::collection::vec(any::<u8>(), 0..62), payload: u32) {
            goes_on(&first, payload, &next);
            prop_assert!(!goes_on(&first, 0, &first));
        }
    }
}
