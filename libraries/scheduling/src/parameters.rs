//! What the system file says to a scheduler.

use warren::{Req, StartError};
use warren_idl::Parameters;
use warren_parameters::number;

/// Milliseconds of a slice if the system file does not say: long beside the cost of a dispatch, and short for a person who waits
/// for several contexts.
const DEFAULT_SLICE_MS: u64 = 10;

/// The parameter `slice-ms` of all schedulers, in nanoseconds.
pub fn slice_ns(parameters: &Req<dyn Parameters>) -> Result<u64, StartError> {
    let refusal = "`slice-ms` is no number of milliseconds from 1 to 1000";
    Ok(number(parameters, "slice-ms", DEFAULT_SLICE_MS, 1..=1000, refusal)? * 1_000_000)
}
