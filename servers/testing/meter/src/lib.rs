//! Meter: round robin that measures what its dispatches take.
//!
//! Of each dispatch it counts how long the call took, and how much of that was charged to whoever was dispatched: the rest is what the
//! scheduler pays. It lies below another scheduler, whose contexts are not to run meanwhile.
//!
//! # State, and what a restart loses
//!
//! What was counted.
#![no_std]
#![forbid(unsafe_code)]

use warren::{AtomicCx, Cx, New, Ref, Server, StartError, cycles, server};
use warren_idl::{DispatchError, Meter, Outcome, PartnerError, Processor, Scheduler, Terms};
use warren_scheduling::{
    Dispatch, Dispatcher, FOREVER_NS, Line, OnProcessor, PerContext, Place, Policy, Slot, Turn, run,
};

/// Nanoseconds of a slice.
const SLICE_NS: u64 = 1_000_000;

/// The scheduler that measures.
#[server(provides(Scheduler, Meter), summary = "a scheduler that measures its dispatches")]
pub struct MeterServer {
    counted: Count,
    /// What was counted when it was asked last.
    told: Count,
}

#[derive(Clone, Copy, Default)]
struct Count {
    dispatches: u64,
    elapsed: u64,
    used_ns: u64,
}

impl Server for MeterServer {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(MeterServer { counted: Count::default(), told: Count::default() })
    }
}

impl Meter for MeterServer {
    fn dispatches(cx: &mut AtomicCx<'_, Self>) -> Result<u64, PartnerError> {
        cx.told = core::mem::take(&mut cx.counted);
        Ok(cx.told.dispatches)
    }

    fn elapsed(cx: &mut AtomicCx<'_, Self>) -> Result<u64, PartnerError> {
        Ok(cx.told.elapsed)
    }

    fn used_ns(cx: &mut AtomicCx<'_, Self>) -> Result<u64, PartnerError> {
        Ok(cx.told.used_ns)
    }
}

impl Scheduler for MeterServer {
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError> {
        let policy = InTurn { line: Line::new(SLICE_NS), places: PerContext::new() };
        run(&mut Measured(OnProcessor { cx, processor }), policy)
    }
}

/// A processor whose dispatches are measured.
struct Measured<'a, 'f>(OnProcessor<'a, 'f, MeterServer>);

impl Dispatcher for Measured<'_, '_> {
    fn dispatch(&mut self, dispatch: Dispatch) -> Result<Outcome, DispatchError> {
        let start = cycles();
        let outcome = self.0.dispatch(dispatch)?;
        let elapsed = cycles() - start;
        // Waiting is none, and no more is one that ended before it began, because there were news.
        if dispatch.context != 0 && outcome.used_ns != 0 {
            let counted = &mut self.0.cx.counted;
            counted.dispatches += 1;
            counted.elapsed += elapsed;
            counted.used_ns += outcome.used_ns;
        }
        Ok(outcome)
    }

    fn terms(&mut self, context: u64) -> Result<Terms, DispatchError> {
        self.0.terms(context)
    }
}

/// One line for all.
struct InTurn {
    line: Line,
    places: PerContext<Place>,
}

impl Policy for InTurn {
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
