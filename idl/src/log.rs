//! What happens in the system, line by line: writing it, reading it, keeping it.

use warren::{AtomicCx, Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why a log refused.
#[errors]
pub enum LogError {
    /// There is no room.
    Full = 1,
    /// There is no further line.
    End = 2,
}

/// What a log knows of one line. Its text parts lie in the buffer given with it: the server's name, and right
/// behind it the line.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct LogRecord {
    /// Its number. Each line's is one more than that of the line before.
    pub number: u64,
    /// When it was written, in nanoseconds since the system started.
    pub time_ns: u64,
    /// [`LogRecord::ERROR`], [`LogRecord::WARNING`] or [`LogRecord::INFO`].
    pub level: u32,
    /// Bytes of the name of the server that wrote it or that it is about.
    pub server_bytes: u32,
    /// Bytes of the line.
    pub text_bytes: u32,
    /// 0.
    pub padding: u32,
}

impl LogRecord {
    /// `level` of what should not have happened.
    pub const ERROR: u32 = 1;
    /// `level` of what may be a sign of trouble.
    pub const WARNING: u32 = 2;
    /// `level` of what just happens.
    pub const INFO: u32 = 3;
}

impl Flat for LogRecord {}

/// A sink for lines of text.
#[service(id = 0x1090_0004, atomic)]
pub trait Log {
    /// Adds one line, without its end, of a level of [`LogRecord`]. The log puts time and server before it.
    fn write(cx: &mut AtomicCx<'_, Self>, level: u32, line: &str) -> Result<(), LogError>;
}

/// The lines of a log, as many as it still has.
#[service(id = 0x1090_0005)]
pub trait LogBook {
    /// The oldest line whose number is at least `number`, and [`LogError::End`] after the newest.
    fn record(cx: &mut Cx<'_, Self>, number: u64, text: Out<'_>) -> Result<LogRecord, LogError>;
}

/// Where a log gets its lines.
#[service(id = 0x1090_0006, atomic)]
pub trait LogFeed {
    /// The oldest line of the newest few whose number is at least `number`, and [`LogError::End`] after the last.
    fn record(
        cx: &mut AtomicCx<'_, Self>,
        number: u64,
        text: Out<'_>,
    ) -> Result<LogRecord, LogError>;
    /// From now on `follower` is told of new lines, in place of whoever was told before.
    fn follow<'f>(
        cx: &mut AtomicCx<'f, Self>,
        follower: Ref<'f, dyn LogFollower>,
    ) -> Result<(), LogError>;
}

/// Is told of new lines.
#[service(id = 0x1090_0007, atomic)]
pub trait LogFollower {
    /// A server has written a line. Lines of the system itself come with the next of them.
    fn told(cx: &mut AtomicCx<'_, Self>) -> Result<(), LogError>;
}
