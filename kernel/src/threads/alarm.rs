//! A CPU's timer: one interrupt, at the next moment at which something is due.

use core::sync::atomic::Ordering::Relaxed;

use super::{early, sampling};
use crate::cpu::{block, clock, local::NEVER, local_apic};

/// Nobody runs for longer without the watchdog looking.
const LOOK_NS: u64 = 10_000_000;
/// How much later an interrupt comes again that was not handled to its end.
const AGAIN_NS: u64 = 100_000;

/// The clock's count at which the watchdog looks next, or a sample is taken, if the timer is set now. With interrupts off.
pub fn next_look() -> u64 {
    let now = clock::counts();
    let distance_ns = early::draw_ns().map_or(LOOK_NS, |drawn_ns| drawn_ns.min(LOOK_NS));
    now.saturating_add(clock::counts_of(distance_ns)).min(sampling::next(now))
}

/// Interrupts at a count of the clock, or before: a timer that is set to an earlier one stays as it is, because setting it is
/// dearer than an interrupt too many.
pub fn set(count: u64) {
    let alarm = &block::local().alarm;
    let now = clock::counts();
    let is_set = (now..=count).contains(&alarm.load(Relaxed));
    if !is_set && count != NEVER {
        alarm.store(count, Relaxed);
        local_apic::interrupt_after(clock::timer_counts_of(count.saturating_sub(now)));
    }
}

/// An interrupt could not be handled where it arrived, or not as far as [`set`]: the timer interrupts again a little later.
pub fn try_again() {
    rang();
    set(clock::counts() + clock::counts_of(AGAIN_NS));
}

/// The timer has interrupted.
pub fn rang() {
    block::local().alarm.store(NEVER, Relaxed);
}
