//! What principals have used.

/// Time that was charged to one principal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Counts.
    pub used: u64,
    /// The part of it that went to holders of locks for which its threads waited.
    pub helped: u64,
}
