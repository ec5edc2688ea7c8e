//! `Interrupts`, `InterruptLine`, `Power`.

use warren::{Cx, Ref};
use warren_idl::{InterruptError, InterruptLine, Interrupts, Power, PowerError};
use warren_kernel::acpi::Controllers;

use super::{answer, kinds};
use crate::{guarded::Guarded, log::log, machine, threads::interrupts};

/// All lines.
pub struct AllLines;

/// A line that exists.
pub struct Line(u32);

/// The machine's switch.
pub struct Switch;

warren_natives::natives!(AllLines, Line, Switch);

static CONTROLLERS: Guarded<Option<Controllers>> = Guarded::new(None);

/// Remembers which interrupt controllers there are.
pub fn install(controllers: Controllers) {
    CONTROLLERS.with(|stored| *stored = Some(controllers));
}

impl Line {
    /// The line with this number; its first use routes it.
    pub fn find(number: u32) -> Option<Self> {
        let controllers = CONTROLLERS.with(|controllers| *controllers)?;
        interrupts::exists(&controllers, number).then_some(Line(number))
    }
}

impl Interrupts for AllLines {
    fn line<'f>(
        _: &mut Cx<'f, Self>,
        number: u32,
    ) -> Result<Ref<'f, dyn InterruptLine>, InterruptError> {
        let line = Line::find(number).ok_or(InterruptError::NoSuchLine)?;
        answer(kinds().lines, line).map_err(InterruptError::System)
    }
}

impl InterruptLine for Line {
    fn wait(cx: &mut Cx<'_, Self>, seen: u64) -> Result<u64, InterruptError> {
        Ok(interrupts::wait(cx.state().0, seen)?)
    }
}

impl Power for Switch {
    fn off(_: &mut Cx<'_, Self>, status: u32) -> Result<(), PowerError> {
        log!("off with status {status}");
        machine::exit(status as u8)
    }
}
