//! SYN cookies (RFC 4987, section 3.6): when too many connections are half open, nothing is kept of another one. What must be known
//! stands in the sequence number of the answer, which the other side repeats, and in the low bits of the clock.
//!
//! | bits of the sequence number | what |
//! | --- | --- |
//! | 31 to 27 | when, in steps of 64 s |
//! | 26 to 24 | which of the [`LIMITS`] the other side's segments have |
//! | 23 to 0 | a hash that only this engine can make |

use super::secrets::Secrets;
use crate::{
    connection::{Agreement, offered_segment_bytes, shift},
    flow::Flow,
    segment::{Options, Segment, Timestamps},
    sequence::Sequence,
    settings::{Path, Settings},
    time::{MILLISECOND_NS, SECOND_NS},
};

/// Limits of segments that a cookie can name; the other side's is rounded down.
const LIMITS: [u16; 8] = [88, 536, 1024, 1220, 1300, 1440, 1460, 8960];
/// How long a step is.
const STEP_NS: u64 = 64 * SECOND_NS;
/// How many steps old a cookie may be.
const OLDEST: u64 = 1;
/// Bits of the clock that tell the options.
const CLOCK_BITS: u32 = 5;
/// The scale that says that there is none.
const NO_SCALE: u32 = 15;
/// The bit that stands for selective acknowledgments.
const SELECTIVE: u32 = 16;

/// The answer to a SYN, of which nothing is kept.
pub fn answer(
    secrets: &Secrets,
    settings: &Settings,
    now_ns: u64,
    flow: &Flow,
    path: &Path,
    segment: &Segment,
) -> Segment {
    let agreement = Agreement::with(&segment.options, flow, settings);
    let limit = LIMITS.partition_point(|limit| *limit <= agreement.segment_bytes).saturating_sub(1);
    // Without timestamps there is no place for the rest, and so it is not agreed on.
    let stamps = segment.options.timestamps.map(|theirs| Timestamps {
        value: clock(secrets, now_ns, flow, &agreement),
        echo: theirs.value,
    });
    let window = settings.first_window_bytes.min(0xffff) as u16;
    Segment {
        source_port: flow.local_port,
        destination_port: flow.remote_port,
        sequence: make(secrets, flow, segment.sequence, now_ns / STEP_NS, limit),
        acknowledgment: Some(segment.sequence + 1),
        synchronize: true,
        window,
        options: Options {
            segment_bytes: Some(offered_segment_bytes(flow, path)),
            window_scale: stamps.and(agreement.scales).map(|(_, ours)| ours),
            selective: stamps.is_some() && agreement.selective,
            timestamps: stamps,
            ..Options::default()
        },
        ..Segment::default()
    }
}

/// What was agreed on in an answer that `segment` acknowledges, if it is from here and not old.
pub fn check(
    secrets: &Secrets,
    settings: &Settings,
    now_ns: u64,
    flow: &Flow,
    segment: &Segment,
) -> Option<Agreement> {
    let cookie = segment.acknowledgment? - 1;
    let now = now_ns / STEP_NS;
    let age = now.wrapping_sub(u64::from(cookie.0 >> 27)) % 32;
    let (step, limit) = (now.checked_sub(age)?, (cookie.0 >> 24) as usize % LIMITS.len());
    if age > OLDEST || cookie != make(secrets, flow, segment.sequence - 1, step, limit) {
        return None;
    }
    let stamps = segment.options.timestamps;
    let bits = stamps.map(|stamps| stamps.echo.wrapping_sub(secrets.clock(flow)));
    let scale = bits.map(|bits| bits % 16).filter(|scale| *scale != NO_SCALE);
    Some(Agreement {
        segment_bytes: LIMITS[limit],
        scales: scale.map(|theirs| (theirs as u8, shift(settings))),
        selective: bits.is_some_and(|bits| bits & SELECTIVE != 0),
        stamped: stamps.is_some(),
    })
}

fn make(secrets: &Secrets, flow: &Flow, theirs: Sequence, step: u64, limit: usize) -> Sequence {
    let number = step << 3 | limit as u64;
    let hash = secrets.cookie(flow, theirs, number) & 0xff_ffff;
    Sequence((step as u32) << 27 | (limit as u32) << 24 | hash)
}

/// The clock, with the options in its low bits; not ahead of time, because the connection's clock follows it.
fn clock(secrets: &Secrets, now_ns: u64, flow: &Flow, agreement: &Agreement) -> u32 {
    let scale = agreement.scales.map_or(NO_SCALE, |(theirs, _)| u32::from(theirs));
    let bits = scale | if agreement.selective { SELECTIVE } else { 0 };
    let step = 1 << CLOCK_BITS;
    let now = (now_ns / MILLISECOND_NS) as u32;
    let told = (now & !(step - 1) | bits).wrapping_add(secrets.clock(flow));
    if now % step < bits { told.wrapping_sub(step) } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: Flow = Flow {
        local: core::net::IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1)),
        remote: core::net::IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 2)),
        local_port: 80,
        remote_port: 5000,
    };

    /// A SYN at `now_ns` with these options, and the segment that acknowledges the answer.
    fn exchange(now_ns: u64, options: Options) -> (Secrets, Segment, Segment) {
        let secrets = Secrets::new([7; 16]);
        let opening =
            Segment { sequence: Sequence(9), synchronize: true, options, ..Segment::default() };
        let answer =
            answer(&secrets, &Settings::default(), now_ns, &FLOW, &Path::ETHERNET, &opening);
        let echo =
            answer.options.timestamps.map(|stamps| Timestamps { value: 5, echo: stamps.value });
        let last = Segment {
            sequence: Sequence(10),
            acknowledgment: Some(answer.sequence + 1),
            options: Options { timestamps: echo, ..Options::default() },
            ..Segment::default()
        };
        (secrets, answer, last)
    }

    fn everything() -> Options {
        Options {
            segment_bytes: Some(1460),
            window_scale: Some(7),
            selective: true,
            timestamps: Some(Timestamps { value: 4, echo: 0 }),
            ..Options::default()
        }
    }

    #[test]
    fn what_was_agreed_on_comes_back() {
        for milliseconds in [0, 77, 1_000_003] {
            let now_ns = milliseconds * MILLISECOND_NS + 100 * STEP_NS;
            let (secrets, _, last) = exchange(now_ns, everything());
            let agreement = check(&secrets, &Settings::default(), now_ns, &FLOW, &last);
            let scales = Some((7, shift(&Settings::default())));
            let expected =
                Agreement { segment_bytes: 1460, scales, selective: true, stamped: true };
            assert_eq!(agreement, Some(expected));
        }
    }

    #[test]
    fn without_timestamps_only_the_size_of_segments_is_agreed_on() {
        let options = Options { timestamps: None, ..everything() };
        let (secrets, answer, last) = exchange(STEP_NS, options);
        assert_eq!((answer.options.window_scale, answer.options.selective), (None, false));
        let agreement = check(&secrets, &Settings::default(), STEP_NS, &FLOW, &last);
        let expected =
            Agreement { segment_bytes: 1460, scales: None, selective: false, stamped: false };
        assert_eq!(agreement, Some(expected));
    }

    #[test]
    fn a_guess_and_an_old_one_are_refused() {
        let (secrets, _, last) = exchange(STEP_NS, everything());
        let check = |now_ns, segment: &Segment| {
            check(&secrets, &Settings::default(), now_ns, &FLOW, segment).is_some()
        };
        assert!(check(2 * STEP_NS, &last));
        assert!(!check(3 * STEP_NS, &last));
        let guess = last.acknowledgment.map(|position| position + 1);
        assert!(!check(STEP_NS, &Segment { acknowledgment: guess, ..last }));
        assert!(!check(STEP_NS, &Segment { sequence: last.sequence + 1, ..last }));
    }
}
