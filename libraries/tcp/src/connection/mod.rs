//! One connection: a state machine between segments, the application and time (RFC 9293).
//!
//! # Shape
//!
//! | file | what |
//! | --- | --- |
//! | `state.rs` | the states |
//! | `opening.rs` | SYN, and what is agreed on with it |
//! | `arrival.rs` | a segment arrives: the checks in the order of RFC 9293, section 3.10.7 |
//! | `acknowledgment.rs` | what an acknowledgment tells: what arrived, what is lost, how fast to go on |
//! | `payload.rs` | bytes and FIN arrive; when to acknowledge, and which window to offer |
//! | `transmission.rs` | what to send now |
//! | `timers.rs` | what to do when nothing arrives |
//! | `application.rs` | reading, writing, ending |
//! | `information.rs` | what can be known of a connection |
//!
//! Nothing is sent when a segment arrives. It is noted what is due, and [`Connection::transmit`] sends it: so a batch of segments is
//! answered once.

mod acknowledgment;
mod application;
mod arrival;
mod information;
mod opening;
mod payload;
mod state;
mod timers;
mod transmission;

pub use application::{Events, WriteError};
pub use arrival::Reply;
pub use information::{Counters, Information};
pub use opening::{Agreement, offered_segment_bytes, shift};
pub use state::{End, State};

use crate::{
    cubic::Cubic,
    flow::Flow,
    fullness::Fullness,
    rack::Rack,
    reassembly::Reassembly,
    recovery::Recovery,
    round_trip::RoundTrip,
    scoreboard::Scoreboard,
    sending::SendQueue,
    sequence::{Range, Sequence},
    settings::Path,
    time::NEVER_NS,
};
use payload::{Owed, TOGETHER};
use timers::{Overdue, Question};

/// One connection.
#[derive(Debug)]
pub struct Connection<B> {
    flow: Flow,
    state: State,
    end: Option<End>,
    path: Path,
    /// The most payload bytes of a segment on the wire.
    segment_bytes: u16,
    /// Whether nothing was heard for so long that a router on the way may cut nothing, and say nothing (RFC 2923, section 2.1).
    is_unheard: bool,
    agreement: Agreement,
    wishes: Wishes,
    events: Events,

    /// This side's first position, that of SYN (ISS).
    first: Sequence,
    /// The first position that is not acknowledged (SND.UNA).
    unacknowledged: Sequence,
    /// The position that is sent next (SND.NXT).
    next: Sequence,
    queue: SendQueue<B>,
    /// What the other side has room for, in bytes (SND.WND), and the most it ever had.
    window: u32,
    largest_window: u32,
    /// The segment that told it last (SND.WL1, SND.WL2).
    window_told: (Sequence, Sequence),
    /// End of the last segment that was not full, for Nagle's algorithm.
    small_end: Sequence,
    scoreboard: Scoreboard,
    rack: Rack,
    round_trip: RoundTrip,
    congestion: Cubic,
    recovery: Option<Recovery>,
    /// A transmission that was made to find out whether the end of the stream was lost: its end, and whether it was there before.
    probe: Option<(Sequence, bool)>,
    /// Acknowledgments that told nothing new, one after the other, from a side that does not say what arrived.
    repeated: u8,

    received: Reassembly<B>,
    fullness: Fullness,
    /// Position of the other side's FIN.
    finish: Option<Sequence>,
    /// How large the window may be, with what is not read yet.
    window_bytes: u32,
    /// By how much it has to grow for the other side to be told.
    window_step: u32,
    /// The end of the window that was offered last.
    window_end: Sequence,
    /// The position that was acknowledged last.
    acknowledged: Sequence,
    owed: Owed,
    /// Acknowledgments that are still to be sent twice, because something was lost not long ago.
    doubted: u8,
    /// This side's position (SND.NXT) when payload arrived last: the same as now if only the other side talks.
    silent_at: Sequence,
    /// Whether the segment that is dealt with came after a pause.
    resumed: bool,
    /// What arrived twice, to be reported once each, the first first.
    duplicates: [Option<Range>; TOGETHER as usize],
    question: Question,
    /// Whether it was the congestion window that kept the last transmission from being larger.
    limited: bool,
    stamps: Stamps,

    deadlines: Deadlines,
    counters: Counters,
}

/// What the application has asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    /// Small segments are sent at once (TCP_NODELAY).
    no_delay: bool,
    /// Ask whether the other side is there.
    keep_alive: bool,
    /// Nothing more will be written.
    finish: bool,
    /// Nobody reads any longer.
    deaf: bool,
}

/// Timestamps (RFC 7323).
#[derive(Clone, Copy, Debug, Default)]
struct Stamps {
    /// What is added to this side's clock, so that it tells nothing of others.
    offset: u32,
    /// The other side's clock, as it was last (TS.Recent).
    recent: u32,
    /// When that was.
    recent_at_ns: u64,
}

/// When something is to be done although nothing arrives.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    /// The other side is silent; what that means.
    overdue_ns: u64,
    overdue: Overdue,
    /// When the time began after which something is sent again.
    since_ns: u64,
    /// Packets that were overtaken are not waited for any longer.
    reordering_ns: u64,
    /// An acknowledgment must not wait any longer.
    acknowledgment_ns: u64,
    /// Nobody needs the connection any longer, or both sides have been silent for long.
    idle_ns: u64,
    /// When a segment arrived last.
    heard_ns: u64,
    /// When something was sent last.
    sent_ns: u64,
    /// When an acknowledgment was sent last that nobody is owed.
    challenge_ns: u64,
    /// How often something was sent again, or asked, without an answer.
    attempts: u8,
}

impl Deadlines {
    fn none(now_ns: u64) -> Self {
        Deadlines {
            overdue_ns: NEVER_NS,
            overdue: Overdue::Retransmission,
            since_ns: now_ns,
            reordering_ns: NEVER_NS,
            acknowledgment_ns: NEVER_NS,
            idle_ns: NEVER_NS,
            heard_ns: now_ns,
            sent_ns: now_ns,
            challenge_ns: 0,
            attempts: 0,
        }
    }
}

impl<B: Copy> Connection<B> {
    /// From where to where.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it is closed, once it is.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// When [`Connection::expire`] is to be called, if nothing else happens before; [`NEVER_NS`] if not at all.
    pub fn deadline_ns(&self) -> u64 {
        let Deadlines { overdue_ns, reordering_ns, acknowledgment_ns, idle_ns, .. } =
            self.deadlines;
        overdue_ns.min(reordering_ns).min(acknowledgment_ns).min(idle_ns)
    }

    /// Closes the connection and gives its buffers back, but for what the reader can still have.
    fn close(&mut self, end: End, output: &mut impl crate::output::Output<B>) {
        self.state = State::Closed;
        self.end.get_or_insert(end);
        self.queue.clear(output);
        self.scoreboard.clear();
        self.recovery = None;
        // After an orderly end, what arrived can still be read.
        if end != End::Finished || self.wishes.deaf {
            self.received.clear(output);
        }
        self.deadlines = Deadlines::none(self.deadlines.heard_ns);
        self.events.insert(Events::ENDED | Events::READABLE | Events::WRITABLE);
    }
}
