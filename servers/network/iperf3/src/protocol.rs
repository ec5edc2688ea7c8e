//! What client and server say to each other on the control connection, as iperf 3.1 and later do (`iperf_api.c` of its sources; there is no other
//! description): single bytes that name states, and JSON with its length before it.

use alloc::{vec, vec::Vec};

use serde::{Deserialize, Serialize};

/// Bytes of the name of a test, with which each of its connections begins: characters, and a zero.
pub const COOKIE_BYTES: usize = 37;
/// Most bytes of JSON that a client may send.
pub const JSON_BYTES: usize = 64 * 1024;
/// Most connections of a test in one direction.
pub const MOST_STREAMS: u32 = 64;
/// Most bytes that are read or written at a time, and how many if nothing is said.
pub const MOST_PIECE: usize = 32 * 1024;
/// Most bytes of JSON that results take: without their streams, and each of these.
const RESULTS_BYTES: usize = 512;
const STREAM_BYTES: usize = 512;
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
    /// It is of something else than TCP.
    OnlyTcp,
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
            Refusal::OnlyTcp => 13,
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
}

impl Plan {
    /// Reads what a client has sent.
    pub fn read(json: &[u8]) -> Result<Self, Refusal> {
        let (wanted, _) =
            serde_json_core::from_slice::<Parameters>(json).map_err(|_| Refusal::BadParameters)?;
        let Parameters { parallel, reverse, bidirectional, .. } = wanted;
        if !wanted.tcp {
            return Err(Refusal::OnlyTcp);
        }
        if !(1..=MOST_STREAMS).contains(&parallel) {
            return Err(Refusal::TooManyStreams);
        }
        let seconds = wanted.time.checked_add(wanted.omit).ok_or(Refusal::TooLong)?;
        if seconds > MOST_SECONDS {
            return Err(Refusal::TooLong);
        }
        let piece = wanted.len.unwrap_or(MOST_PIECE);
        if piece == 0 {
            return Err(Refusal::BadLength);
        }
        Ok(Plan {
            incoming: if reverse && !bidirectional { 0 } else { parallel },
            outgoing: if reverse || bidirectional { parallel } else { 0 },
            // To a stream of bytes it makes no difference.
            piece: piece.min(MOST_PIECE),
            seconds,
            omitted_seconds: wanted.omit,
            no_delay: wanted.nodelay,
        })
    }

    /// All streams.
    pub fn streams(self) -> u32 {
        self.incoming + self.outgoing
    }
}

/// What one stream has brought.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StreamResult {
    id: u32,
    bytes: u64,
    retransmits: i64,
    jitter: f64,
    errors: u64,
    packets: u64,
    start_time: f64,
    end_time: f64,
}

impl StreamResult {
    /// Of the stream number `index`, counted from 0.
    pub fn new(index: u32, bytes: u64, elapsed_ns: u64) -> Self {
        // The first one is 1, the second 3, and so on: the clients count like that, and look for these numbers.
        let id = if index == 0 { 1 } else { index + 2 };
        let end_time = elapsed_ns as f64 / 1e9;
        // What was sent again is not counted by segments here, and the rest is for UDP.
        let (retransmits, jitter, errors, packets, start_time) = (-1, 0.0, 0, 0, 0.0);
        StreamResult { id, bytes, retransmits, jitter, errors, packets, start_time, end_time }
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
        };
        assert_eq!(plan(USUAL), Ok(expected));
        let forth = plan(&USUAL.replace("\"reverse\":true,", "")).unwrap();
        assert_eq!((forth.incoming, forth.outgoing), (2, 0));
        let both = plan(&USUAL.replace("reverse", "bidirectional")).unwrap();
        assert_eq!((both.incoming, both.outgoing, both.streams()), (2, 2, 4));
        let small = plan(r#"{"tcp":true,"len":100,"nodelay":true,"omit":2}"#).unwrap();
        assert_eq!((small.piece, small.no_delay, small.seconds), (100, true, 2));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for (json, refusal) in [
            (r#"{"udp":true}"#, Refusal::OnlyTcp),
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
        assert_eq!(refusal(Refusal::OnlyTcp), [0xfe, 0, 0, 0, 13, 0, 0, 0, 0]);
    }

    #[test]
    fn results_have_what_clients_look_for() {
        let streams = (0..3).map(|index| StreamResult::new(index, 10, 1_500_000_000)).collect();
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
        let streams = (0..most).map(|index| StreamResult::new(index, u64::MAX, u64::MAX));
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
        fn whatever_comes_a_plan_can_be_made(bytes in prop::collection::vec(any::<u8>(), 0..200), parallel: u32, time: u32, len: usize) {
            let _ = Plan::read(&bytes);
            let json = format!(r#"{{"tcp":true,"parallel":{parallel},"time":{time},"len":{len}}}"#);
            if let Ok(plan) = plan(&json) {
                prop_assert!((1..=MOST_STREAMS).contains(&plan.streams()) && plan.seconds <= MOST_SECONDS);
                prop_assert!((1..=MOST_PIECE).contains(&plan.piece));
            }
        }
    }
}
