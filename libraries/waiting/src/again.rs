//! Waiting for a time, and for a server below to be restarted.

use warren::{Cx, Req, ServiceError, SystemError};
use warren_idl::{TimeError, Timer};

/// How long to wait before a server below that does not work is called again.
const PAUSE_NS: u64 = 20_000_000;

/// Waits a moment before a server is called again that was to serve the thread for good, and has `returned`: it is being restarted, or will be.
///
/// # Errors
///
/// The thread is not to wait any more, also if that is why the server has returned.
pub fn pause<S, R, E: ServiceError>(
    cx: &mut Cx<'_, S>,
    timer: &Req<dyn Timer>,
    returned: Result<R, E>,
) -> Result<(), SystemError> {
    let error = returned.err().and_then(|error| SystemError::from_number(error.number()));
    if let Some(error @ (SystemError::Killed | SystemError::Deadline)) = error {
        return Err(error);
    }
    sleep(cx, timer, PAUSE_NS)
}

/// Waits for so long.
///
/// # Errors
///
/// The thread is not to wait any more.
pub fn sleep<S>(
    cx: &mut Cx<'_, S>,
    timer: &Req<dyn Timer>,
    duration_ns: u64,
) -> Result<(), SystemError> {
    timer.sleep(cx, duration_ns).map_err(|error| match error {
        TimeError::System(error) => error,
        _ => SystemError::Lost,
    })
}
