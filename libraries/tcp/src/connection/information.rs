//! What can be known of a connection.

use super::{Connection, State};

/// What a connection has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Payload bytes that arrived, also what arrived twice.
    pub bytes_in: u64,
    /// Positions that were sent for the first time.
    pub bytes_out: u64,
    /// Positions that were sent again.
    pub bytes_again: u64,
    /// Segments that arrived; those that were handed over as one count as one.
    pub segments_in: u32,
    /// Segments that were sent, before a device cut them.
    pub segments_out: u32,
    /// Times that the other side was silent for so long that everything was taken for lost.
    pub timeouts: u32,
    /// Times that something was lost, and mended without such silence.
    pub recoveries: u32,
    /// Times that something was taken for lost that was only late.
    pub in_vain: u32,
    /// Times that the other side was asked for the end of the stream.
    pub end_probes: u32,
    /// Pieces that arrived twice.
    pub duplicates: u32,
    /// Segments with a clock that was behind.
    pub old_stamps: u32,
    /// Acknowledgments that nobody was owed.
    pub challenges: u32,
}

/// A connection at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Information {
    /// Where it stands.
    pub state: State,
    /// The smoothed round trip in nanoseconds; 0 if nothing was acknowledged yet.
    pub round_trip_ns: u64,
    /// How much it varies.
    pub variation_ns: u64,
    /// The least of it.
    pub least_round_trip_ns: u64,
    /// After how long something is sent again.
    pub timeout_ns: u64,
    /// How many bytes may be on the way, because of congestion.
    pub congestion_bytes: u32,
    /// From how many on that grows carefully.
    pub threshold_bytes: u32,
    /// Bytes that are on the way.
    pub on_the_way_bytes: u32,
    /// What the other side has room for.
    pub window_bytes: u32,
    /// Bytes that were written and are not acknowledged.
    pub send_queue_bytes: u32,
    /// Bytes that can be read.
    pub receive_queue_bytes: u32,
    /// Payload bytes of a full segment.
    pub segment_bytes: u16,
    /// What it has done.
    pub counters: Counters,
}

impl<B: Copy> Connection<B> {
    /// What can be known of the connection.
    pub fn information(&self) -> Information {
        Information {
            state: self.state,
            round_trip_ns: self.round_trip.smoothed_ns().unwrap_or(0),
            variation_ns: self.round_trip.variation_ns(),
            least_round_trip_ns: self.round_trip.least_ns(),
            timeout_ns: self.round_trip.timeout_ns(),
            congestion_bytes: self.congestion.window(),
            threshold_bytes: self.congestion.threshold(),
            on_the_way_bytes: self.scoreboard.on_the_way(),
            window_bytes: self.window,
            send_queue_bytes: self.queue.bytes(),
            receive_queue_bytes: self.received.ready_bytes(),
            segment_bytes: self.segment_bytes,
            counters: self.counters,
        }
    }
}
