//! Interrupt lines, and who waits for them.
//!
//! A line that signals by a level is closed when it arrives, because its device asserts it until a driver has
//! served it; the driver's next wait opens it again. An edge would be lost while its line is closed, so
//! lines that signal by edges are open from the beginning: before a driver exists that could let its device
//! interrupt.

use alloc::boxed::Box;

use warren_abi::call::SystemError;
use warren_kernel::acpi::Controllers;
use warren_natives::Waiters;

use super::{wait_until, wake};
use crate::{
    cpu::io_apic::{self, LINES, Line},
    guarded::Guarded,
};

struct State {
    line: Line,
    count: u64,
    waiting: Waiters,
}

static STATES: Guarded<[Option<Box<State>>; LINES as usize]> =
    Guarded::new([const { None }; LINES as usize]);

/// Whether there is a line with this number; its first use routes it.
pub fn exists(controllers: &Controllers, number: u32) -> bool {
    STATES.with(|states| {
        let Some(state) = states.get_mut(number as usize) else { return false };
        if state.is_none() {
            let line = io_apic::route(controllers, number);
            line.filter(|line| !line.level).inspect(|line| line.set_open(true));
            *state = line.map(|line| Box::new(State { line, count: 0, waiting: Waiters::new() }));
        }
        state.is_some()
    })
}

/// Opens a line that exists, and waits until its count differs from `seen`. Returns the count.
pub fn wait(number: u32, seen: u64) -> Result<u64, SystemError> {
    wait_until(|waiter| {
        let count = with(number, |state| {
            if state.count == seen {
                state.waiting.note(waiter);
            }
            state.count
        });
        if count == seen {
            // The line may arrive at once; the waiter is on its list.
            with(number, |state| state.line.set_open(true));
        }
        (count != seen).then_some(count)
    })
}

/// An interrupt arrived on a line: whoever waits for it is ready.
pub fn arrived(number: u32) {
    let waiting = with(number, |state| {
        state.count += 1;
        if state.line.level {
            state.line.set_open(false);
        }
        state.waiting.take()
    });
    waiting.into_iter().for_each(wake);
}

fn with<R: Default>(number: u32, work: impl FnOnce(&mut State) -> R) -> R {
    STATES.with(|states| match states.get_mut(number as usize) {
        Some(Some(state)) => work(state),
        _ => R::default(),
    })
}
