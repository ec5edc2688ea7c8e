//! Numbers that others cannot guess.

use warren::{Cx, Req};
use warren_idl::{Clock, Entropy};

/// A number that others cannot guess, so that they cannot answer what they were not asked. Where the machine has no source of such numbers, it is
/// made of the time.
pub fn unguessable<S>(
    cx: &mut Cx<'_, S>,
    entropy: &Req<dyn Entropy>,
    clock: &Req<dyn Clock>,
) -> u16 {
    let mut bytes = [0; 2];
    match entropy.fill(cx, &mut bytes) {
        Ok(()) => u16::from_ne_bytes(bytes),
        Err(_) => clock.now_ns().map_or(0, |now| (now ^ now >> 16) as u16),
    }
}
