//! What can be chosen.

use crate::time::{MILLISECOND_NS, SECOND_NS};

/// Bytes of the largest segment that a device puts together, or cuts.
pub const LARGEST_SEGMENT_BYTES: u32 = 64 << 10;

/// What holds for all connections of an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes that a reader may leave unread: the largest window that is offered. At most 1 GiB (RFC 7323, section 2.3).
    pub receive_bytes: u32,
    /// The window that is offered before anything has come. It grows by twice what comes, as fast as a sender may go.
    pub first_window_bytes: u32,
    /// Most bytes of a piece.
    pub piece_bytes: u32,
    /// Pieces that all connections may hold, and be offered windows for if bytes come to them, together: of so many bytes as those had that arrived lately, a segment at least. Each of these has an equal part, but no less than two segments; where there is no
    /// room for that, they take turns. Nothing is counted that others are offered, who may be more than there is memory; whoever has been sent nothing yet is offered a segment at least.
    pub window_pieces: usize,
    /// Bytes that a writer may leave unacknowledged. At most 1 GiB.
    pub send_bytes: u32,
    /// Pieces that all writers together may leave unacknowledged. Each has an equal part of what is left, but no less than [`Settings::LEAST_PIECES`]
    /// as long as they are not [`Settings::most_send_pieces`].
    pub send_pieces: usize,
    /// Pieces that all writers together leave unacknowledged at most, however many they are.
    pub most_send_pieces: usize,
    /// Pieces of buffers that a reader may leave unread, so that many small segments in large buffers have a limit.
    pub receive_pieces: usize,
    /// Pieces that all connections together may hold behind gaps. What would be more is forgotten, and comes again; so that what closes the gaps finds room.
    pub island_pieces: usize,
    /// For how long an acknowledgment may wait for company (RFC 9293, section 3.8.6.3, says less than 0.5 s).
    pub delayed_acknowledgment_ns: u64,
    /// After how long without a segment a connection that wants it asks whether the other side is there (RFC 9293, section 3.8.4).
    pub keep_alive_ns: u64,
    /// How long it waits for an answer.
    pub keep_alive_interval_ns: u64,
    /// How often it asks.
    pub keep_alive_probes: u8,
    /// How often something is sent again before the connection is given up.
    pub attempts: u8,
    /// The same of SYN.
    pub opening_attempts: u8,
    /// For how long a closed connection answers late segments: twice the longest life of a packet (RFC 9293, section 3.6.1).
    pub time_wait_ns: u64,
    /// For how long a connection that nobody uses any longer waits for the other side's end.
    pub abandoned_ns: u64,
    /// The most connections. Half of them at most may be in TIME-WAIT.
    pub connections: usize,
}

impl Settings {
    /// Pieces that a writer may leave unacknowledged, however many there are.
    pub const LEAST_PIECES: usize = 4;
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            receive_bytes: 1 << 20,
            first_window_bytes: 16 << 10,
            piece_bytes: 4096,
            window_pieces: 65_536,
            send_bytes: 1 << 20,
            send_pieces: 65_536,
            most_send_pieces: 131_072,
            receive_pieces: 4096,
            island_pieces: 65_536,
            delayed_acknowledgment_ns: 40 * MILLISECOND_NS,
            keep_alive_ns: 7200 * SECOND_NS,
            keep_alive_interval_ns: 75 * SECOND_NS,
            keep_alive_probes: 9,
            attempts: 15,
            opening_attempts: 6,
            time_wait_ns: 60 * SECOND_NS,
            abandoned_ns: 60 * SECOND_NS,
            connections: 65_536,
        }
    }
}

/// What the way to the other side can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Bytes of the largest IP packet, at least 576 for IPv4 and 1280 for IPv6.
    pub packet_bytes: u16,
    /// Payload bytes of a segment that the device cuts by itself; 0 if it does not.
    pub offload_bytes: u32,
    /// Pieces that such a payload may lie in, at least 1.
    pub offload_pieces: usize,
}

impl Path {
    /// A way of Ethernet packets, and a device that can do nothing.
    pub const ETHERNET: Path = Path { packet_bytes: 1500, offload_bytes: 0, offload_pieces: 16 };
}
