//! Samples of who runs and in which server, taken by the timer while somebody wants them.
//!
//! While there are samples to be taken each CPU's timer interrupts at each multiple of the interval at which a thread runs. The interrupt looks into
//! whose call it came: the newest frame names the server, the books the principal that pays. While kernel code runs, interrupts are off,
//! so that its time counts for the server to which it returns.
//!
//! While nobody wants samples, the timer is set as ever, by one look at a word.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use warren_engine::reference::current;
use warren_natives::profile::{Found, Profile};

use super::{switching::running_has_calls, with_books};
use crate::{
    cpu::{self, block, clock},
    guarded::Guarded,
    system::Kernel,
};

/// From one sample to the next, in counts of the clock; 0 if none are taken.
static INTERVAL: AtomicU64 = AtomicU64::new(0);
static PROFILE: Guarded<Option<Profile>> = Guarded::new(None);

/// Takes samples from now on; `false` if somebody else has them taken.
pub fn start(interval_ns: u64, profile: Profile) -> bool {
    PROFILE.with(|stored| {
        let is_free = stored.is_none();
        if is_free {
            *stored = Some(profile);
            INTERVAL.store(clock::counts_of(interval_ns), Relaxed);
        }
        is_free
    })
}

/// Takes none any more.
pub fn stop() {
    INTERVAL.store(0, Relaxed);
    PROFILE.with(|stored| *stored = None);
}

/// What was found, from this number on.
pub fn found(index: usize) -> Option<Found> {
    PROFILE.with(|stored| stored.as_ref().and_then(|profile| profile.next(index)))
}

/// The clock's count at which this CPU takes its next sample, if it runs a thread from `now` on; the end of time if none are taken.
pub fn next(now: u64) -> u64 {
    match INTERVAL.load(Relaxed) {
        0 => u64::MAX,
        interval => {
            let due = &block::local().sample;
            // One that fell into a time when nobody ran here is left out; one that is due just now is not.
            if due.load(Relaxed) + interval <= now {
                due.store((now / interval + 1) * interval, Relaxed);
            }
            due.load(Relaxed)
        }
    }
}

/// The timer has interrupted whoever runs: takes a sample if one is due.
pub fn rang() {
    let interval = INTERVAL.load(Relaxed);
    if interval != 0 {
        take(interval, clock::counts());
    }
}

fn take(interval: u64, now: u64) {
    let due = &block::local().sample;
    if now < due.load(Relaxed) || !running_has_calls() {
        return;
    }
    due.store((now / interval + 1) * interval, Relaxed);
    let server = current::<Kernel>().planned;
    let payer = with_books(|contexts| contexts.payer(cpu::number()));
    PROFILE.with(|stored| {
        if let (Some(profile), Some(payer)) = (stored, payer) {
            profile.note(payer, server);
        }
    });
}
