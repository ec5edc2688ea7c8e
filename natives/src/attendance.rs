//! Bringing servers back whose pause is over ([`warren_engine::restart`]). Whoever is cut off by a death brings back at once what is to come back at once; what
//! comes back later is brought back by the thread of the platform's that has started the system and waits for its end.
#![expect(unsafe_code, reason = "the engine's tables are raw memory")]

use warren::SystemError;
use warren_engine::{launch, reference::tables};

use crate::Waiting;

/// Waits until `look` finds what the thread waits for, as [`Waiting::wait_until`] does, and brings servers back meanwhile. For one thread, outside of
/// `critical`.
///
/// # Errors
///
/// `Killed`, if the thread is not to wait any more.
pub fn attend<P: Waiting, R>(mut look: impl FnMut(u64) -> Option<R>) -> Result<R, SystemError> {
    loop {
        let found = P::wait_until(|thread| {
            if let Some(found) = look(thread) {
                return Ok(Some(found));
            }
            // SAFETY: inside `critical`.
            let system = unsafe { tables::<P>() };
            system.attendant = Some(thread);
            match system.next_return_ns() {
                Some(at_ns) if at_ns <= P::now_ns() => Ok(None),
                at_ns => Err(at_ns.unwrap_or(u64::MAX)),
            }
        })?;
        match found {
            Some(found) => return Ok(found),
            None => launch::revive::<P>(),
        }
    }
}
