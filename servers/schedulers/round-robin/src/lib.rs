//! Round robin: all contexts are treated alike, and run in turn for a slice each.
//!
//! # Shape
//!
//! [`RoundRobin`] is the policy, which is pure and tested on a simulated processor; [`RoundRobinServer`] is the server around it. All
//! contexts stand in one [`Line`], whose rules say what becomes of those that block: a context that waited for
//! a device runs as soon as that has answered, if those before it in line are blocked, too; but for the rest of its slice only. One that waited for
//! another context lets that go on until it waits itself, and for a millisecond at most.
//!
//! # State, and what a restart loses
//!
//! The order of the line. The processor tells a new instance of all contexts again.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests;

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

/// The scheduler that treats all contexts alike.
///
/// Parameter `slice-ms`: how long a context runs before it is the next one's turn.
#[server(
    provides(Scheduler),
    concurrent,
    parameters("slice-ms"),
    summary = "treats all contexts alike: a slice for each in turn"
)]
pub struct RoundRobinServer {
    slice_ns: u64,
}

impl Server for RoundRobinServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(RoundRobinServer { slice_ns: slice_ns(&cx.req().parameters)? })
    }
}

impl Scheduler for RoundRobinServer {
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError> {
        let policy = RoundRobin::new(cx.slice_ns);
        run(&mut OnProcessor { cx, processor }, policy)
    }
}

/// All contexts in one line.
pub struct RoundRobin {
    line: Line,
    places: PerContext<Place>,
}

impl RoundRobin {
    /// The policy with slices of so many nanoseconds.
    pub const fn new(slice_ns: u64) -> Self {
        RoundRobin { line: Line::new(slice_ns), places: PerContext::new() }
    }
}

impl Policy for RoundRobin {
    const HEEDS_OWN: bool = false;

    fn arrived(&mut self, slot: Slot, _terms: &Terms, _now_ns: u64) {
        self.places.set(slot, self.line.place());
    }

    fn ready(&mut self, slot: Slot, _now_ns: u64) {
        self.line.enter(slot, &mut self.places[slot]);
    }

    fn blocked(&mut self, slot: Slot, _now_ns: u64) {
        self.line.leave(&mut self.places[slot]);
    }

    fn gone(&mut self, _slot: Slot, _now_ns: u64) {}

    fn charge(&mut self, slot: Slot, used_ns: u64, gave_way: bool, _now_ns: u64) {
        self.line.charge(slot, &mut self.places[slot], used_ns, gave_way);
    }

    fn choose(&mut self, _now_ns: u64) -> Option<Turn> {
        let slot = self.line.first()?;
        Some(Turn { slot, budget_ns: self.places[slot].left_ns(), until_ns: FOREVER_NS })
    }
}
