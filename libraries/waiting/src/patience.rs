//! Waiting for something, but not for ever.

use warren::{Cx, Req, ServiceError, SystemError};
use warren_idl::Clock;

/// Runs `work` until the clock shows `until_ns` at most; `None` if it took longer.
///
/// # Errors
///
/// Those of `work`. `Deadline` is one only if it is an outer deadline that has passed.
pub fn until<'f, S, R, E: ServiceError>(
    cx: &mut Cx<'f, S>,
    clock: &Req<dyn Clock>,
    until_ns: u64,
    work: impl FnOnce(&mut Cx<'f, S>) -> Result<R, E>,
) -> Result<Option<R>, E> {
    match cx.until(until_ns, work)? {
        Err(error) if error.number() == SystemError::Deadline.number() => {
            let now_ns = clock.now_ns().map_err(|_| SystemError::Lost)?;
            if now_ns >= until_ns { Ok(None) } else { Err(error) }
        }
        result => result.map(Some),
    }
}
