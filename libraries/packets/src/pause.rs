//! Waiting for a server below to be restarted.

use warren::{Cx, Req, SystemError};
use warren_idl::{Clock, TimeError, Timer};

/// How long to wait before a layer below that does not work is called again.
const PAUSE_NS: u64 = 20_000_000;
/// How late a wait may be.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Waits a moment before a server is called again that has died.
///
/// A deadline that an activation of that server had set when it died still counts for the calls of this one. Setting one here ends that: those of
/// activations that are over are forgotten then.
///
/// # Errors
///
/// The thread is not to wait any more.
pub fn pause<S>(
    cx: &mut Cx<'_, S>,
    clock: &Req<dyn Clock>,
    timer: &Req<dyn Timer>,
) -> Result<(), SystemError> {
    let system = |error| match error {
        TimeError::System(error) => error,
        _ => SystemError::Lost,
    };
    let until_ns = clock.now_ns().map_err(system)? + PAUSE_NS + PATIENCE_NS;
    cx.until(until_ns, |cx| timer.sleep(cx, PAUSE_NS))?.map_err(system)
}
