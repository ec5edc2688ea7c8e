//! How a connection begins: SYN, and what both sides agree on with it.

use super::{
    Connection, Counters, Deadlines, End, Events, Stamps, State, Wishes, payload::Owed,
    timers::Question,
};
use crate::{
    cubic::Cubic,
    flow::Flow,
    fullness::Fullness,
    output::Output,
    rack::Rack,
    reassembly::Reassembly,
    round_trip::RoundTrip,
    scoreboard::Scoreboard,
    segment::{FIXED_BYTES, Options, Segment, Timestamps},
    sending::SendQueue,
    sequence::Sequence,
    settings::{Path, Settings},
};

/// Segments of who names no limit (RFC 9293, section 3.7.1), of IPv4 and IPv6.
const UNNAMED_BYTES: (u16, u16) = (536, 1220);
/// No limit is believed that is smaller: it would be a way to make this side send mostly headers.
const LEAST_BYTES: u16 = 88;
/// The largest shift of a window (RFC 7323, section 2.3).
const LARGEST_SHIFT: u8 = 14;
/// Bytes of timestamps in each segment.
const STAMP_BYTES: u16 = 12;

/// What both sides understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The most payload bytes of a segment that the other side takes.
    pub segment_bytes: u16,
    /// Shifts of the other side's windows and of this side's, if both have named theirs.
    pub scales: Option<(u8, u8)>,
    /// Whether acknowledgments say what arrived behind gaps.
    pub selective: bool,
    /// Whether segments carry timestamps.
    pub stamped: bool,
}

impl Agreement {
    /// What is agreed on after the other side's SYN, to which this side offers everything.
    pub fn with(options: &Options, flow: &Flow, settings: &Settings) -> Agreement {
        let (four, six) = UNNAMED_BYTES;
        let unnamed = if flow.remote.is_ipv4() { four } else { six };
        Agreement {
            segment_bytes: options.segment_bytes.unwrap_or(unnamed).max(LEAST_BYTES),
            scales: options.window_scale.map(|theirs| (theirs.min(LARGEST_SHIFT), shift(settings))),
            selective: options.selective,
            stamped: options.timestamps.is_some(),
        }
    }
}

/// The least shift with which the largest window can be named.
pub fn shift(settings: &Settings) -> u8 {
    (0..LARGEST_SHIFT)
        .find(|shift| settings.receive_bytes >> shift <= 0xffff)
        .unwrap_or(LARGEST_SHIFT)
}

/// The most payload bytes of a segment that this side takes from a path, which SYN names.
pub fn offered_segment_bytes(flow: &Flow, path: &Path) -> u16 {
    let headers = flow.network_header_bytes() + FIXED_BYTES as u16;
    path.packet_bytes.saturating_sub(headers).max(LEAST_BYTES)
}

impl<B: Copy> Connection<B> {
    /// A connection that this side begins. `first` is its first position, `offset` what is added to its clock.
    pub fn open(
        settings: &Settings,
        now_ns: u64,
        flow: Flow,
        path: Path,
        first: Sequence,
        offset: u32,
    ) -> Self {
        let agreement = Agreement {
            segment_bytes: offered_segment_bytes(&flow, &path),
            scales: Some((0, shift(settings))),
            selective: true,
            stamped: true,
        };
        Connection::new(now_ns, flow, path, first, offset, agreement)
    }

    /// A connection that the other side begins with `segment`, a SYN.
    pub fn answer(
        settings: &Settings,
        now_ns: u64,
        flow: Flow,
        path: Path,
        segment: &Segment,
        first: Sequence,
        offset: u32,
    ) -> Self {
        let agreement = Agreement::with(&segment.options, &flow, settings);
        let mut connection = Connection::new(now_ns, flow, path, first, offset, agreement);
        connection.hear_first(now_ns, segment);
        connection.state = State::SynReceived;
        connection
    }

    /// A connection whose SYNs were exchanged before anything was kept of it; `segment` acknowledges this side's one.
    pub fn resume(
        now_ns: u64,
        flow: Flow,
        path: Path,
        segment: &Segment,
        agreement: Agreement,
        offset: u32,
    ) -> Self {
        let first = segment.acknowledgment.unwrap_or_default() - 1;
        let mut connection = Connection::new(now_ns, flow, path, first, offset, agreement);
        let synchronize = Segment { sequence: segment.sequence - 1, ..*segment };
        connection.hear_first(now_ns, &synchronize);
        (connection.unacknowledged, connection.next) = (first + 1, first + 1);
        connection.establish();
        connection
    }

    fn new(
        now_ns: u64,
        flow: Flow,
        path: Path,
        first: Sequence,
        offset: u32,
        agreement: Agreement,
    ) -> Self {
        let mut connection = Connection {
            flow,
            state: State::SynSent,
            end: None,
            path,
            segment_bytes: 0,
            is_unheard: false,
            agreement,
            wishes: Wishes::default(),
            events: Events::NONE,
            first,
            unacknowledged: first,
            next: first,
            queue: SendQueue::new(first + 1),
            window: 0,
            largest_window: 0,
            window_told: (Sequence(0), first),
            small_end: first,
            scoreboard: Scoreboard::default(),
            rack: Rack::new(first),
            round_trip: RoundTrip::new(),
            congestion: Cubic::new(0),
            recovery: None,
            probe: None,
            repeated: 0,
            received: Reassembly::new(Sequence(0)),
            fullness: Fullness::default(),
            finish: None,
            window_bytes: 0,
            window_step: 1,
            window_end: Sequence(0),
            acknowledged: Sequence(0),
            owed: Owed::Nothing,
            doubted: 0,
            silent_at: first,
            resumed: false,
            duplicates: Default::default(),
            question: Question::None,
            limited: false,
            stamps: Stamps { offset, ..Stamps::default() },
            deadlines: Deadlines::none(now_ns),
            counters: Counters::default(),
        };
        connection.fit_segments();
        connection.congestion = Cubic::new(connection.segment_bytes);
        connection
    }

    /// Takes what the other side's SYN says.
    pub(super) fn hear_first(&mut self, now_ns: u64, segment: &Segment) {
        let next = segment.sequence + 1;
        self.received = Reassembly::new(next);
        (self.window_end, self.acknowledged) = (next, next);
        // The window of a SYN is not scaled (RFC 7323, section 2.2).
        self.window = u32::from(segment.window);
        self.largest_window = self.window;
        self.window_told = (segment.sequence, segment.acknowledgment.unwrap_or(self.first));
        if let Some(stamps) = segment.options.timestamps {
            (self.stamps.recent, self.stamps.recent_at_ns) = (stamps.value, now_ns);
        }
        self.fit_segments();
        self.congestion.set_segment_bytes(self.segment_bytes);
    }

    /// Computes how long segments may be.
    pub(super) fn fit_segments(&mut self) {
        let here = offered_segment_bytes(&self.flow, &self.path);
        let stamps = if self.agreement.stamped { STAMP_BYTES } else { 0 };
        self.segment_bytes = self.agreement.segment_bytes.min(here) - stamps;
    }

    /// The path turned out to carry less (RFC 1191, RFC 8201): `packet_bytes`, as a router said of the packet with the position `sequence`.
    /// What was longer is sent again at once, which is no congestion. Returns false if no such packet can be on the way.
    pub fn narrow(&mut self, packet_bytes: u16, sequence: Sequence) -> bool {
        let least = if self.flow.remote.is_ipv4() { 576 } else { 1280 };
        let sent = !sequence.before(self.unacknowledged) && sequence.before(self.next);
        if !sent || packet_bytes >= self.path.packet_bytes {
            return false;
        }
        self.path.packet_bytes = packet_bytes.max(least);
        self.fit_segments();
        let limit = u32::from(self.segment_bytes);
        self.congestion.set_segment_bytes(self.segment_bytes);
        self.scoreboard.lose(|sent| Some(sent.range.length() > limit));
        true
    }

    /// The packet with the position `sequence` did not get to the other side, as a router says, or the other side's network layer. If that was the SYN of a connection that is
    /// not open yet, it ends, with `end` (RFC 5461, section 4.1). One that is open goes on: there was a way, and may be one again (RFC 1122, section 4.2.3.9).
    /// Returns false if the packet was no such SYN.
    pub fn stop(&mut self, sequence: Sequence, end: End, output: &mut impl Output<B>) -> bool {
        let was_sent = sequence == self.first && self.next == self.first + 1;
        if self.state != State::SynSent || !was_sent {
            return false;
        }
        self.close(end, output);
        true
    }

    /// The options of this side's SYN.
    pub(super) fn opening_options(&self, now_ns: u64) -> Options {
        let stamps = Timestamps { value: self.clock(now_ns), echo: self.stamps.recent };
        Options {
            segment_bytes: Some(offered_segment_bytes(&self.flow, &self.path)),
            window_scale: self.agreement.scales.map(|(_, ours)| ours),
            selective: self.agreement.selective,
            timestamps: self.agreement.stamped.then_some(stamps),
            ..Options::default()
        }
    }
}
