//! `Clock` and `Timer`.

use warren::{AtomicCx, Cx};
use warren_idl::TimeError;

use crate::{
    cpu::{clock, interrupts},
    threads,
};

/// The clock.
pub struct Clock;

/// What waits.
pub struct Timer;

warren_natives::natives!(Clock, Timer);

impl warren_idl::Clock for Clock {
    fn now_ns(_: &mut AtomicCx<'_, Self>) -> Result<u64, TimeError> {
        Ok(clock::now_ns())
    }
}

impl warren_idl::Timer for Timer {
    fn sleep(_: &mut Cx<'_, Self>, duration_ns: u64) -> Result<(), TimeError> {
        let until = clock::now_ns().saturating_add(duration_ns);
        while clock::now_ns() < until {
            interrupts::off(|| threads::block(until))?;
        }
        Ok(())
    }
}
