//! Time is nanoseconds since anywhere, the same for all calls of one engine, and never goes back.

/// Nanoseconds of a millisecond.
pub const MILLISECOND_NS: u64 = 1_000_000;
/// Nanoseconds of a second.
pub const SECOND_NS: u64 = 1_000_000_000;
/// A deadline that does not come.
pub const NEVER_NS: u64 = u64::MAX;
