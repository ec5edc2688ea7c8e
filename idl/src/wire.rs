//! Where frames of Ethernet go in and out by copies: a network device that another system has.

use warren::{Cx, Out, errors, service};

/// Bytes of the longest frame that goes through a wire.
pub const WIRE_FRAME_BYTES: usize = 2048;

/// Why a wire refused.
#[errors]
pub enum WireError {
    /// There is none.
    Absent = 1,
    /// The frame is empty or too long, or there is no room for one that has arrived.
    BadLength = 2,
    /// No more can be taken now.
    Full = 3,
    /// It does not work.
    Broken = 4,
}

/// Frames of Ethernet, without their check sequence, one at a time.
#[service(id = 0x3173_0001)]
pub trait Wire {
    /// The address of this end: its first byte is the highest of the six lowest.
    fn address(cx: &mut Cx<'_, Self>) -> Result<u64, WireError>;
    /// Waits for a frame; its length. There must be room for [`WIRE_FRAME_BYTES`].
    fn receive(cx: &mut Cx<'_, Self>, frame: Out<'_>) -> Result<u64, WireError>;
    /// The same without waiting; 0 if none has arrived.
    fn poll(cx: &mut Cx<'_, Self>, frame: Out<'_>) -> Result<u64, WireError>;
    /// Sends a frame.
    fn send(cx: &mut Cx<'_, Self>, frame: &[u8]) -> Result<(), WireError>;
}
