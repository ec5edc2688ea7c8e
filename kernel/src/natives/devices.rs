//! `Interrupts`, `InterruptLine`, `InterruptCounts`, `Power`.

use warren::{Cx, Ref, SystemError};
use warren_idl::{
    DataSpace, InterruptCounts, InterruptError, InterruptLine, Interrupts, LineStatus, Power,
    PowerError,
};
use warren_kernel::acpi::Controllers;

use super::{answer, kinds, memory::Space};
use crate::{cpu::messages::ENTRY_BYTES, guarded::Guarded, log::log, machine, threads::interrupts};

/// All lines.
pub struct AllLines;

/// What looks at lines.
pub struct Counts;

/// A line that exists.
pub struct Line(u32);

/// The machine's switch.
pub struct Switch;

warren_natives::natives!(AllLines, Counts, Line, Switch);

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

    fn message<'f>(
        _: &mut Cx<'f, Self>,
        registers: Ref<'f, dyn DataSpace>,
        offset: u64,
    ) -> Result<Ref<'f, dyn InterruptLine>, InterruptError> {
        // Main memory is no device's, whoever says so.
        let Some(space @ Space::Device { first, .. }) = kinds().spaces.state(registers) else {
            return Err(InterruptError::NoEntry);
        };
        let last = space.bytes().checked_sub(ENTRY_BYTES).ok_or(InterruptError::NoEntry)?;
        if offset > last || !offset.is_multiple_of(8) {
            return Err(InterruptError::NoEntry);
        }
        let number = interrupts::of_message(first + offset).map_err(|_| SystemError::Budget)?;
        let line = Line(number.ok_or(InterruptError::TooMany)?);
        answer(kinds().lines, line).map_err(InterruptError::System)
    }
}

impl InterruptCounts for Counts {
    fn line(
        _: &mut Cx<'_, Self>,
        from: u32,
        by_cpu: &mut [u8],
    ) -> Result<LineStatus, InterruptError> {
        let sight = interrupts::sight(from, by_cpu).ok_or(InterruptError::NoSuchLine)?;
        let kind = match (sight.is_message, sight.is_level) {
            (true, _) => LineStatus::MESSAGE,
            (_, true) => LineStatus::LEVEL,
            (_, false) => LineStatus::EDGE,
        };
        Ok(LineStatus {
            line: sight.number,
            kind,
            cpu: sight.cpu as u32,
            cpus: sight.cpus as u32,
            count: sight.count,
        })
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
