//! Samples of who runs in which server, taken by the timer while somebody wants them.
//!
//! As long as samples are taken the timer ticks at each interval, and a slice is over at the first tick behind its end. A tick notes who pays
//! and in which server the thread is, by its newest frame. One that comes in a critical section is dealt with at the section's end, and so is noted
//! where the section returns to. While nobody wants samples, the timer ticks at the ends of slices alone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use warren_engine::reference::current;
use warren_natives::profile::{Found, Profile};

use crate::{Hosted, machine, signal, time};

/// From one sample to the next; 0 if none are taken.
static INTERVAL_NS: AtomicU64 = AtomicU64::new(0);

/// Samples that are taken.
#[derive(Debug)]
pub struct Samples {
    profile: Profile,
    /// When the next one is due, by the monotonic clock.
    due_ns: u64,
}

/// Takes samples from now on; `false` if somebody else has them taken. Inside a critical section.
pub fn start(interval_ns: u64, profile: Profile) -> bool {
    let due_ns = time::monotonic_ns() + interval_ns;
    let is_free = machine::with(|machine| {
        let is_free = machine.samples.is_none();
        if is_free {
            machine.samples = Some(Samples { profile, due_ns });
        }
        is_free
    });
    if is_free {
        INTERVAL_NS.store(interval_ns, Relaxed);
        signal::start_slice();
    }
    is_free
}

/// Takes none any more. Inside a critical section.
pub fn stop() {
    INTERVAL_NS.store(0, Relaxed);
    machine::with(|machine| machine.samples = None);
}

/// What was found, from this number on. Inside a critical section.
pub fn found(index: usize) -> Option<Found> {
    machine::with(|machine| machine.samples.as_ref()?.profile.next(index))
}

/// How long after a tick the next one may come at most; `None` if that does not matter.
pub fn interval_ns() -> Option<u64> {
    Some(INTERVAL_NS.load(Relaxed)).filter(|interval| *interval != 0)
}

/// Takes a sample if one is due. Inside the outermost critical section.
pub fn take(interval_ns: u64, now_ns: u64) {
    let server = current::<Hosted>().planned;
    machine::with(|machine| {
        let payer = machine.running().principal;
        if let Some(samples) = machine.samples.as_mut().filter(|samples| samples.due_ns <= now_ns) {
            samples.due_ns = now_ns + interval_ns;
            samples.profile.note(payer, server);
        }
    });
}
