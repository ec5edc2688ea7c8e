//! Bits that nobody can guess.

use warren::{Cx, Out, errors, service};

/// Why there are no random bits.
#[errors]
pub enum EntropyError {
    /// The machine has no source of them.
    NoSource = 1,
}

/// A source of random bits that are fit for keys.
#[service(id = 0xe974_0001)]
pub trait Entropy {
    /// Fills all of the buffer.
    fn fill(cx: &mut Cx<'_, Self>, bytes: Out<'_>) -> Result<(), EntropyError>;
}
