//! `Clock` and `Timer`.

use warren::{AtomicCx, Cx};
use warren_idl::TimeError;

use crate::{machine, schedule};

/// The time since the machine started.
pub struct Clock;

/// Waiting by the scheduler.
pub struct Timer;

warren_natives::natives!(Clock, Timer);

impl warren_idl::Clock for Clock {
    fn now_ns(_: &mut AtomicCx<'_, Self>) -> Result<u64, TimeError> {
        Ok(machine::now_ns())
    }
}

impl warren_idl::Timer for Timer {
    fn sleep(_: &mut Cx<'_, Self>, duration_ns: u64) -> Result<(), TimeError> {
        schedule::sleep_ns(duration_ns)?;
        Ok(())
    }
}
