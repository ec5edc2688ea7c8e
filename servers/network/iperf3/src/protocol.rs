//! What client and server say to each other on the control connection, as iperf 3.1 and later do (`iperf_api.c` of its sources; there is no other
//! description): single bytes that name states, and JSON with its length before it.

use alloc::{vec, vec::Vec};
use core::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use warren_idl::DATAGRAM_BYTES;

/// Bytes of the name of a test, with which each of its connections begins: characters, and a zero.
pub const COOKIE_BYTES: usize = 37;
/// Most bytes of JSON that a client may send.
pub const JSON_BYTES: usize = 64 * 1024;
/// Most connections of a test in one direction.
pub const MOST_STREAMS: u32 = 64;
/// Most bytes that are read or written at a time, and how many if nothing is said: about those of the largest segment, which what is written leaves in.
pub const MOST_PIECE: usize = 64 * 1024;
/// Most bytes of JSON that results take: without their streams, and each of these.
const RESULTS_BYTES: usize = 512;
const STREAM_BYTES: usize = 512;
/// Fewest and most bytes of a datagram: what stands at its beginning has room, and so has its data over IPv4.
const DATAGRAM_PIECE: RangeInclusive<usize> = 16..=DATAGRAM_BYTES;
/// How long datagrams are if nothing is said: over Ethernet, none is cut.
const USUAL_DATAGRAM: usize = 1448;
/// Longest test in seconds, a day; the clients have the same limit.
pub const MOST_SECONDS: u32 = 86_400;

/// Where a test stands, or how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum State {
    /// From the server: the streams can begin.
    TestStart = 1,
    /// From the server: they have begun.
    TestRunning = 2,
    /// From the client: they are over.
    TestEnd = 4,
    /// From the server: what does the client want?
    ParameterExchange = 9,
    /// From the server: make the connections.
    CreateStreams = 10,
    /// From the server: it gives up.
    ServerTerminate = 11,
    /// From the client: it gives up.
    ClientTerminate = 12,
    /// From the server: what did each side see?
    ExchangeResults = 13,
    /// From the server: show it.
    DisplayResults = 14,
    /// From the client: that was all.
    Done = 16,
    /// From the server: somebody else is measuring.
    AccessDenied = -1,
    /// From the server: it cannot do that. Two numbers follow.
    ServerError = -2,
}

impl State {
    /// What a client says.
    pub fn of_client(byte: u8) -> Option<Self> {
        let all = [State::TestEnd, State::ClientTerminate, State::Done];
        all.into_iter().find(|state| state.byte() == byte)
    }

    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        (self as i8).cast_unsigned()
    }
}

/// A refusal, as it is sent: iperf's own number of the error, and that of the system, of which there is none.
pub fn refusal(error: Refusal) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[0] = State::ServerError.byte();
    bytes[1..5].copy_from_slice(&error.number().to_be_bytes());
    bytes
}

/// Why a test is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The parameters cannot be read.
    BadParameters,
    /// It is of something else than TCP and UDP.
    OtherProtocol,
    /// So many streams there cannot be.
    TooManyStreams,
    /// So long it cannot last.
    TooLong,
    /// The pieces are too long, or empty.
    BadLength,
}

impl Refusal {
    /// The number that a client has words for (`iperf_api.h`).
    fn number(self) -> u32 {
        match self {
            Refusal::BadParameters => 114,
            Refusal::OtherProtocol => 13,
            Refusal::TooManyStreams => 6,
            Refusal::TooLong => 5,
            Refusal::BadLength => 7,
        }
    }
}

/// What a client wants, of what this server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Parameters {
    /// TCP is to be measured.
    #[serde(default)]
    tcp: bool,
    /// UDP is.
    #[serde(default)]
    udp: bool,
    /// Bits that each stream of datagrams sends in a second at most; as many as it can if that is 0.
    #[serde(default)]
    bandwidth: u64,
    /// Bytes after which it ends, or datagrams, instead of a time.
    #[serde(default)]
    num: u64,
    #[serde(default)]
    blockcount: u64,
    /// Datagrams have numbers of 64 bits, not of 32, if that is not 0.
    #[serde(default)]
    udp_counters_64bit: u32,
    /// How many seconds, unless it ends by bytes.
    #[serde(default)]
    time: u32,
    /// Seconds before that which do not count.
    #[serde(default)]
    omit: u32,
    /// Connections in one direction.
    #[serde(default = "one")]
    parallel: u32,
    /// The server sends.
    #[serde(default)]
    reverse: bool,
    /// Both send.
    #[serde(default)]
    bidirectional: bool,
    /// Bytes of a piece.
    len: Option<usize>,
    /// Small pieces are not gathered.
    #[serde(default)]
    nodelay: bool,
}

impl Parameters {
    /// How long a test by datagrams lasts that ends by their number; 0 if they are sent as fast as they can be.
    fn datagram_seconds(&self, piece: usize) -> u32 {
        let bytes = self.num.max(self.blockcount.saturating_mul(piece as u64));
        let seconds = bytes.saturating_mul(8).checked_div(self.bandwidth).unwrap_or(0);
        u32::try_from(seconds).unwrap_or(MOST_SECONDS).min(MOST_SECONDS)
    }
}

fn one() -> u32 {
    1
}

/// A test that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Streams that the client sends.
    pub incoming: u32,
    /// Streams that the server sends.
    pub outgoing: u32,
    /// Bytes that are written at a time.
    pub piece: usize,
    /// Seconds, those included that do not count; 0 if it ends by bytes.
    pub seconds: u32,
    /// Seconds in the beginning that do not count.
    pub omitted_seconds: u32,
    /// Small pieces are not gathered.
    pub no_delay: bool,
    /// It is measured by datagrams, and these are they.
    pub datagrams: Option<Datagrams>,
}

/// How a test by datagrams is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagrams {
    /// Bits that each stream sends in a second at most; as many as it can if that is 0.
    pub bits_per_second: u64,
    /// Their numbers have 64 bits, not 32.
    pub wide_numbers: bool,
}

impl Plan {
    /// Reads what a client has sent.
    pub fn read(json: &[u8]) -> Result<Self, Refusal> {
        let (wanted, _) =
            serde_json_core::from_slice::<Parameters>(json).map_err(|_| Refusal::BadParameters)?;
        let Parameters { parallel, reverse, bidirectional, .. } = wanted;
        if !wanted.tcp && !wanted.udp {
            return Err(Refusal::OtherProtocol);
        }
        if !(1..=MOST_STREAMS).contains(&parallel) {
            return Err(Refusal::TooManyStreams);
        }
        let seconds = wanted.time.checked_add(wanted.omit).ok_or(Refusal::TooLong)?;
        if seconds > MOST_SECONDS {
            return Err(Refusal::TooLong);
        }
        let bits_per_second = wanted.bandwidth;
        let wide_numbers = wanted.udp_counters_64bit != 0;
        let datagrams = wanted.udp.then_some(Datagrams { bits_per_second, wide_numbers });
        let piece = match (datagrams, wanted.len) {
            (Some(_), length) => length.unwrap_or(USUAL_DATAGRAM),
            // To a stream of bytes it makes no difference.
            (None, length) => length.unwrap_or(MOST_PIECE).min(MOST_PIECE),
        };
        if piece == 0 || datagrams.is_some() && !DATAGRAM_PIECE.contains(&piece) {
            return Err(Refusal::BadLength);
        }
        let seconds = match (datagrams, seconds) {
            // Nobody says that datagrams do not come, so a test that is to end by their number has an end as well.
            (Some(_), 0) => wanted.datagram_seconds(piece),
            _ => seconds,
        };
        Ok(Plan {
            incoming: if reverse && !bidirectional { 0 } else { parallel },
            outgoing: if reverse || bidirectional { parallel } else { 0 },
            piece,
            seconds,
            omitted_seconds: wanted.omit,
            no_delay: wanted.nodelay,
            datagrams,
        })
    }

    /// All streams.
    pub fn streams(self) -> u32 {
        self.incoming + self.outgoing
    }
}

/// What went through a stream, after what does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// This side sent it.
    pub is_outgoing: bool,
    /// Bytes of data.
    pub bytes: u64,
    /// Of datagrams.
    pub datagrams: Arrived,
}

/// What is counted of datagrams, those included that do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arrived {
    /// How many were sent.
    pub sent: u64,
    /// How many of them have not come.
    pub lost: u64,
    /// How many of those that were sent do not count.
    pub omitted_sent: u64,
    /// How many of those that were lost do not count.
    pub omitted_lost: u64,
    /// By how much the times differ that they take, in seconds, as RFC 3550, section 6.4.1, has it.
    pub jitter: f64,
}

/// What one stream has brought, as a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StreamResult {
    id: u32,
    bytes: u64,
    retransmits: i64,
    jitter: f64,
    errors: u64,
    omitted_errors: u64,
    packets: u64,
    omitted_packets: u64,
    start_time: f64,
    end_time: f64,
}

impl StreamResult {
    /// Of the stream number `index`, counted from 0.
    pub fn new(index: u32, counted: &Counted, elapsed_ns: u64) -> Self {
        StreamResult {
            // The first one is 1, the second 3, and so on: the clients count like that, and look for these numbers.
            id: if index == 0 { 1 } else { index + 2 },
            bytes: counted.bytes,
            // It is not counted by segments here.
            retransmits: -1,
            jitter: counted.datagrams.jitter,
            errors: counted.datagrams.lost,
            omitted_errors: counted.datagrams.omitted_lost,
            packets: counted.datagrams.sent,
            omitted_packets: counted.datagrams.omitted_sent,
            start_time: 0.0,
            end_time: elapsed_ns as f64 / 1e9,
        }
    }
}

/// What a client is told in the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    cpu_util_total: f64,
    cpu_util_user: f64,
    cpu_util_system: f64,
    sender_has_retransmits: i64,
    congestion_used: &'static str,
    streams: Vec<StreamResult>,
}

impl Results {
    /// Of these streams. How much processor time they took is not known here: `accounts` shows it.
    pub fn new(streams: Vec<StreamResult>) -> Self {
        let (cpu_util_total, cpu_util_user, cpu_util_system) = (0.0, 0.0, 0.0);
        let (sender_has_retransmits, congestion_used) = (0, "cubic");
        Results {
            cpu_util_total,
            cpu_util_user,
            cpu_util_system,
            sender_has_retransmits,
            congestion_used,
            streams,
        }
    }

    /// As it is sent: with its length.
    pub fn message(&self) -> Vec<u8> {
        let mut json = vec![0; RESULTS_BYTES + self.streams.len() * STREAM_BYTES];
        // There is room for whatever numbers there are.
        let length = serde_json_core::to_slice(self, &mut json).unwrap_or(0);
        json.truncate(length);
        let length = (length as u32).to_be_bytes();
        [&length[..], &json[..]].concat()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    /// What iperf 3.12 sends for `-c HOST -t 3 -P 2 -R`.
    const USUAL: &str = r#"{"tcp":true,"omit":0,"time":3,"num":0,"blockcount":0,"parallel":2,"reverse":true,"len":131072,"pacing_timer":1000,"client_version":"3.12"}"#;

    fn plan(json: &str) -> Result<Plan, Refusal> {
        Plan::read(json.as_bytes())
    }

    #[test]
    fn what_a_client_wants_is_understood() {
        let expected = Plan {
            incoming: 0,
            outgoing: 2,
            piece: MOST_PIECE,
            seconds: 3,
            omitted_seconds: 0,
            no_delay: false,
            datagrams: None,
        };
        assert_eq!(plan(USUAL), Ok(expected));
        let forth = plan(&USUAL.replace("\"reverse\":true,", "")).unwrap();
        assert_eq!((forth.incoming, forth.outgoing), (2, 0));
        let both = plan(&USUAL.replace("reverse", "bidirectional")).unwrap();
        assert_eq!((both.incoming, both.outgoing, both.streams()), (2, 2, 4));
        let small = plan(r#"{"tcp":true,"len":100,"nodelay":true,"omit":2}"#).unwrap();
        assert_eq!((small.piece, small.no_delay, small.seconds), (100, true, 2));
    }

    /// What iperf 3.12 sends for `-c HOST -u -t 3`.
    #[test]
    fn datagrams_are_as_long_as_the_client_wants_them() {
        let json = r#"{"udp":true,"omit":0,"time":3,"num":0,"blockcount":0,"parallel":1,"len":9000,"bandwidth":1048576,"pacing_timer":1000,"client_version":"3.12"}"#;
        let usual = plan(json).unwrap();
        let datagrams = Datagrams { bits_per_second: 1_048_576, wide_numbers: false };
        assert_eq!((usual.piece, usual.datagrams), (9000, Some(datagrams)));
        let wide = plan(&json.replace("\"omit\":0", "\"udp_counters_64bit\":1")).unwrap();
        assert!(wide.datagrams.is_some_and(|datagrams| datagrams.wide_numbers));
        let counted = json.replace("\"time\":3,\"num\":0", "\"time\":0,\"num\":1310720");
        assert_eq!(plan(&counted).unwrap().seconds, 10);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for (json, refusal) in [
            (r#"{"sctp":1}"#, Refusal::OtherProtocol),
            (r#"{"udp":true,"len":15}"#, Refusal::BadLength),
            (r#"{"udp":true,"len":65508}"#, Refusal::BadLength),
            (r#"{"tcp":true,"parallel":0}"#, Refusal::TooManyStreams),
            (r#"{"tcp":true,"parallel":65}"#, Refusal::TooManyStreams),
            (r#"{"tcp":true,"time":86401}"#, Refusal::TooLong),
            (r#"{"tcp":true,"time":4294967295,"omit":1}"#, Refusal::TooLong),
            (r#"{"tcp":true,"len":0}"#, Refusal::BadLength),
            (r#"{"tcp":true,"parallel":-1}"#, Refusal::BadParameters),
            (r#"{"tcp":true"#, Refusal::BadParameters),
            ("", Refusal::BadParameters),
        ] {
            assert_eq!(plan(json), Err(refusal), "{json}");
        }
        assert_eq!(refusal(Refusal::OtherProtocol), [0xfe, 0, 0, 0, 13, 0, 0, 0, 0]);
    }

    #[test]
    fn results_have_what_clients_look_for() {
        let counted = Counted { bytes: 10, ..Counted::default() };
        let streams =
            (0..3).map(|index| StreamResult::new(index, &counted, 1_500_000_000)).collect();
        let message = Results::new(streams).message();
        let (length, json) = message.split_at(4);
        assert_eq!(length, (json.len() as u32).to_be_bytes());
        let value: serde_json::Value = serde_json::from_slice(json).unwrap();
        let ids: Vec<_> = (0..3).map(|at| value["streams"][at]["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, vec![1, 3, 4]);
        assert_eq!(value["streams"][0]["end_time"], 1.5);
        for name in ["cpu_util_total", "cpu_util_user", "cpu_util_system", "sender_has_retransmits"]
        {
            assert!(value[name].is_number(), "{name}");
        }
        for name in ["bytes", "retransmits", "jitter", "errors", "packets"] {
            assert!(value["streams"][2][name].is_number(), "{name}");
        }
    }

    #[test]
    fn there_is_room_for_the_longest_results() {
        let most = 2 * MOST_STREAMS;
        let (sent, lost) = (u64::MAX, u64::MAX);
        let datagrams =
            Arrived { sent, lost, omitted_sent: sent, omitted_lost: lost, jitter: f64::MIN };
        let counted = Counted { bytes: u64::MAX, is_outgoing: true, datagrams };
        let streams = (0..most).map(|index| StreamResult::new(index, &counted, u64::MAX));
        let message = Results::new(streams.collect()).message();
        let value: serde_json::Value = serde_json::from_slice(&message[4..]).unwrap();
        assert_eq!(value["streams"][most as usize - 1]["bytes"], u64::MAX);
    }

    #[test]
    fn states_are_those_of_the_sources() {
        assert_eq!(State::AccessDenied.byte(), 255);
        assert_eq!(State::of_client(4), Some(State::TestEnd));
        assert_eq!(State::of_client(16), Some(State::Done));
        assert_eq!(State::of_client(9), None, "only a server says that");
    }

    proptest! {
        #[test]
        fn whatever_comes_a_plan_can_be_made(bytes in prop::collection::vec(any::<u8>(), 0..200), udp: bool, parallel: u32, time: u32, len: usize) {
            let _ = Plan::read(&bytes);
            let json = format!(r#"{{"tcp":{},"udp":{udp},"parallel":{parallel},"time":{time},"len":{len}}}"#, !udp);
            if let Ok(plan) = plan(&json) {
                prop_assert!((1..=MOST_STREAMS).contains(&plan.streams()) && plan.seconds <= MOST_SECONDS);
                let most = if udp { DATAGRAM_BYTES } else { MOST_PIECE };
                prop_assert!((1..=most).contains(&plan.piece));
            }
        }
    }
}
