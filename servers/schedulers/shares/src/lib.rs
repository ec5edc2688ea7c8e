//! Shares: each principal gets processor time in proportion to its weight, however many contexts it has.
//!
//! # Shape
//!
//! [`Shares`] is the policy, which is pure and tested on a simulated processor; [`SharesServer`] is the server around it. Who runs is
//! decided by [`Principals`], whose rules say what is promised, and what becomes of those that block: nobody catches up
//! on what they slept through, but whoever wakes is not behind either, and mostly runs soon.
//!
//! # State, and what a restart loses
//!
//! How much each principal has used of its share. The processor tells a new instance of all contexts again.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, server};
use warren_idl::{DispatchError, Parameters, Processor, Scheduler, Terms};
use warren_scheduling::{FOREVER_NS, OnProcessor, Policy, Principals, Slot, Turn, run, slice_ns};

/// What the scheduler needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
}

/// The scheduler that gives each principal a share.
///
/// Parameter `slice-ms`: how long a context runs before the shares are looked at again.
#[server(
    provides(Scheduler),
    concurrent,
    parameters("slice-ms"),
    summary = "gives each principal time in proportion to its weight"
)]
pub struct SharesServer {
    slice_ns: u64,
}

impl Server for SharesServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(SharesServer { slice_ns: slice_ns(&cx.req().parameters)? })
    }
}

impl Scheduler for SharesServer {
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError> {
        let policy = Shares::new(cx.slice_ns);
        run(&mut OnProcessor { cx, processor }, policy)
    }
}

/// Principals, of which nothing more need be known.
pub struct Shares {
    principals: Principals<()>,
}

impl Shares {
    /// The policy with slices of so many nanoseconds.
    pub const fn new(slice_ns: u64) -> Self {
        Shares { principals: Principals::new(slice_ns) }
    }
}

impl Policy for Shares {
    fn arrived(&mut self, slot: Slot, terms: &Terms, _now_ns: u64) {
        self.principals.forget(|()| true);
        self.principals.arrived(slot, terms, || ());
    }

    fn ready(&mut self, slot: Slot, _now_ns: u64) {
        self.principals.ready(slot);
    }

    fn blocked(&mut self, slot: Slot, _now_ns: u64) {
        self.principals.blocked(slot);
    }

    fn gone(&mut self, slot: Slot, _now_ns: u64) {
        self.principals.gone(slot);
    }

    fn charge(&mut self, slot: Slot, used_ns: u64, gave_way: bool, _now_ns: u64) {
        self.principals.charge_slice(slot, used_ns, gave_way);
        self.principals.charge_share(slot, used_ns);
    }

    fn choose(&mut self, _now_ns: u64) -> Option<Turn> {
        let slot = self.principals.furthest_behind()?;
        Some(Turn { slot, budget_ns: self.principals.left_ns(slot), until_ns: FOREVER_NS })
    }
}
