//! Waiting for a server below to be restarted.

use warren::{Cx, Req, SystemError};
use warren_idl::{TimeError, Timer};

/// How long to wait before a layer below that does not work is called again.
const PAUSE_NS: u64 = 20_000_000;

/// Waits a moment before a server is called again that has died.
///
/// # Errors
///
/// The thread is not to wait any more.
pub fn pause<S>(cx: &mut Cx<'_, S>, timer: &Req<dyn Timer>) -> Result<(), SystemError> {
    timer.sleep(cx, PAUSE_NS).map_err(|error| match error {
        TimeError::System(error) => error,
        _ => SystemError::Lost,
    })
}
