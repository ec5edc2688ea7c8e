//! A scheduler that dies again and again, for tests of what becomes of its contexts.
//!
//! It is round robin for so many turns as its parameter says, and then panics. It keeps no count of its lives: whether it comes back is
//! the system file's matter.
#![no_std]
#![forbid(unsafe_code)]

use warren::{Cx, New, Ref, Req, Required, Server, StartError, server};
use warren_idl::{DispatchError, Parameters, Processor, Scheduler, Terms};
use warren_parameters::number;
use warren_scheduling::{
    FOREVER_NS, Line, OnProcessor, PerContext, Place, Policy, Slot, Turn, run,
};

/// Nanoseconds of a slice.
const SLICE_NS: u64 = 5_000_000;

/// What the scheduler needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
}

/// The scheduler that dies.
///
/// Parameter `turns`: how many it gives in each of its lives.
#[server(
    provides(Scheduler),
    parameters("turns"),
    summary = "a scheduler that dies after some turns, for tests"
)]
pub struct Mortal {
    turns: u64,
}

impl Server for Mortal {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let refusal = "`turns` is no number from 1 to 1000000";
        let turns = number(&cx.req().parameters, "turns", 100, 1..=1_000_000, refusal)?;
        Ok(Mortal { turns })
    }
}

impl Scheduler for Mortal {
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError> {
        let policy =
            Limited { line: Line::new(SLICE_NS), places: PerContext::new(), turns: cx.turns };
        run(&mut OnProcessor { cx, processor }, policy)
    }
}

/// Round robin with a last turn.
struct Limited {
    line: Line,
    places: PerContext<Place>,
    turns: u64,
}

impl Policy for Limited {
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
        assert!(self.turns > 0, "the last turn is over");
        self.turns -= 1;
        Some(Turn { slot, budget_ns: self.places[slot].left_ns(), until_ns: FOREVER_NS })
    }
}
