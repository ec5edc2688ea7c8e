//! `Power`: the end of the process.

use warren::Cx;
use warren_idl::PowerError;

use crate::{critical, signal, terminal};

/// The process's switch.
pub struct Switch;

warren_natives::natives!(Switch);

impl warren_idl::Power for Switch {
    fn off(_: &mut Cx<'_, Self>, status: u32) -> Result<(), PowerError> {
        end(status)
    }
}

/// Ends the process; the lower eight bits of the status are what its parent sees.
pub fn end(status: u32) -> ! {
    critical::enter();
    signal::stop_ticks();
    terminal::restore();
    std::process::exit((status & 0xff) as i32)
}
