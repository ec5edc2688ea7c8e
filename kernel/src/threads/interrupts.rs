//! Interrupt lines, and who waits for them.
//!
//! A line that signals by a level is closed when it arrives, because its device asserts it until a driver has
//! served it; the driver's next wait opens it again. An edge would be lost while its line is closed, so
//! lines that signal by edges are open from the beginning: before a driver exists that could let its device
//! interrupt.

use alloc::{boxed::Box, vec::Vec};

use warren_kernel::acpi::Controllers;

use super::{Token, block, running, wake_first};
use crate::{
    cpu::{
        interrupts,
        io_apic::{self, LINES, Line},
    },
    guarded::Guarded,
};

struct State {
    line: Line,
    count: u64,
    waiting: Vec<Token>,
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
            *state = line.map(|line| Box::new(State { line, count: 0, waiting: Vec::new() }));
        }
        state.is_some()
    })
}

/// Opens a line that exists, and waits until its count differs from `seen`. Returns the count.
pub fn wait(number: u32, seen: u64) -> u64 {
    interrupts::off(|| {
        loop {
            let running = running();
            let count = with(number, |state| {
                if state.count == seen && !state.waiting.contains(&running) {
                    state.waiting.push(running);
                }
                state.count
            });
            if count != seen {
                return count;
            }
            with(number, |state| state.line.set_open(true));
            // The line may have arrived at once only after interrupts are on again, in another thread.
            block(u64::MAX);
        }
    })
}

/// An interrupt arrived on a line. Returns whether somebody has waited for it.
pub fn arrived(number: u32) -> bool {
    let waiting = with(number, |state| {
        state.count += 1;
        if state.line.level {
            state.line.set_open(false);
        }
        core::mem::take(&mut state.waiting)
    });
    let woken = !waiting.is_empty();
    waiting.into_iter().for_each(wake_first);
    woken
}

fn with<R: Default>(number: u32, work: impl FnOnce(&mut State) -> R) -> R {
    STATES.with(|states| match states.get_mut(number as usize) {
        Some(Some(state)) => work(state),
        _ => R::default(),
    })
}
