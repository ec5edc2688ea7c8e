//! Priorities: of the contexts that are ready one with the highest priority runs, and equals run in turn.
//!
//! # Shape
//!
//! [`Priorities`] is the policy, which is pure and tested on a simulated processor; [`PrioritiesServer`] is the server around it. Each
//! priority has a [`Line`]. The first context of the highest line that is not empty runs, until one of a higher priority is ready.
//! It keeps its place and the rest of its slice then.
//!
//! # What it does not promise
//!
//! That everybody runs: as long as somebody is ready, nobody with a lower priority is. One who gives way lets others
//! run once, lower ones, too: it waits for something that one of them may have to do.
//!
//! # State, and what a restart loses
//!
//! The order of the lines. The processor tells a new instance of all contexts again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::cmp::Reverse;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, server};
use warren_idl::{DispatchError, Parameters, Processor, Scheduler, Terms};
use warren_scheduling::{
    FOREVER_NS, Line, OnProcessor, PerContext, Place, Policy, Slot, Turn, run, slice_ns,
};

/// What the scheduler needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
}

/// The scheduler that lets the most important contexts run.
///
/// Parameter `slice-ms`: how long a context runs before it is the turn of the next one with the same priority.
#[server(
    provides(Scheduler),
    concurrent,
    parameters("slice-ms"),
    summary = "runs the highest priority; a slice for each in turn among equals"
)]
pub struct PrioritiesServer {
    slice_ns: u64,
}

impl Server for PrioritiesServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(PrioritiesServer { slice_ns: slice_ns(&cx.req().parameters)? })
    }
}

impl Scheduler for PrioritiesServer {
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError> {
        let policy = Priorities::new(cx.slice_ns);
        run(&mut OnProcessor { cx, processor }, policy)
    }
}

/// A line for each priority.
pub struct Priorities {
    /// The highest first. Each has contexts.
    levels: Vec<Level>,
    contexts: PerContext<Context>,
    slice_ns: u64,
}

struct Level {
    priority: u32,
    contexts: usize,
    line: Line,
}

struct Context {
    priority: u32,
    place: Place,
}

impl Priorities {
    /// The policy with slices of so many nanoseconds.
    pub const fn new(slice_ns: u64) -> Self {
        Priorities { levels: Vec::new(), contexts: PerContext::new(), slice_ns }
    }

    fn position(&self, priority: u32) -> Result<usize, usize> {
        self.levels.binary_search_by_key(&Reverse(priority), |level| Reverse(level.priority))
    }

    /// The level that a context has come to, and its place there.
    fn of(&mut self, slot: Slot) -> (&mut Level, &mut Place) {
        let position = self.position(self.contexts[slot].priority).expect("it has contexts");
        (&mut self.levels[position], &mut self.contexts[slot].place)
    }
}

impl Policy for Priorities {
    fn arrived(&mut self, slot: Slot, terms: &Terms, _now_ns: u64) {
        let priority = terms.priority;
        let position = self.position(priority).unwrap_or_else(|position| {
            let line = Line::new(self.slice_ns);
            self.levels.insert(position, Level { priority, contexts: 0, line });
            position
        });
        let level = &mut self.levels[position];
        level.contexts += 1;
        self.contexts.set(slot, Context { priority, place: level.line.place() });
    }

    fn ready(&mut self, slot: Slot, _now_ns: u64) {
        let (level, place) = self.of(slot);
        level.line.enter(slot, place);
    }

    fn blocked(&mut self, slot: Slot, _now_ns: u64) {
        let (level, place) = self.of(slot);
        level.line.leave(place);
    }

    fn gone(&mut self, slot: Slot, _now_ns: u64) {
        self.of(slot).0.contexts -= 1;
        self.levels.retain(|level| level.contexts > 0);
    }

    fn charge(&mut self, slot: Slot, used_ns: u64, gave_way: bool, _now_ns: u64) {
        let (level, place) = self.of(slot);
        level.line.charge(slot, place, used_ns, gave_way);
    }

    fn choose(&mut self, _now_ns: u64) -> Option<Turn> {
        let slot = self.levels.iter().find_map(|level| level.line.first())?;
        let budget_ns = self.contexts[slot].place.left_ns();
        Some(Turn { slot, budget_ns, until_ns: FOREVER_NS })
    }
}
