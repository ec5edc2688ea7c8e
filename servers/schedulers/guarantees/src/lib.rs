//! Guarantees: principals that have been promised a slice of each period get it, whatever the others do.
//!
//! This is how Nemesis schedules (Leslie and others, 1996).
//!
//! # Shape
//!
//! [`Guarantees`] is the policy, which is pure and tested on a simulated processor; [`GuaranteesServer`] is the server around it.
//! [`reservation`] says what a guarantee is, and what becomes of it when a principal blocks.
//!
//! # Who runs
//!
//! 1. Of the principals with a guarantee, a context ready and something left of their slice, that one whose period ends first.
//! 2. If there is none, all who have a context ready, in proportion to their weights, the others, too. This is extra time: it is not
//!    charged to anybody's slice.
//!
//! The contexts of a principal share what it gets: they run in turn.
//!
//! # Who is admitted
//!
//! Whoever asks for a guarantee gets it if all guarantees together do not exceed the limit. It is decided when the first context of
//! a principal arrives, and holds as long as it has contexts and to the end of the period. Whoever does not get it runs in extra time; the
//! log says so, once.
//!
//! # What it does not promise
//!
//! What the scheduler above does not give: guarantees are of the time that this scheduler gets.
//!
//! # State, and what a restart loses
//!
//! What was used of periods and shares. The processor tells a new instance of all contexts again; all periods start then.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod policy;
pub mod reservation;
#[cfg(test)]
mod tests;

use alloc::format;

use warren::{Cx, New, Ref, Req, Required, Server, StartError, server};
use warren_idl::{
    DispatchError, GUARANTEED_PERCENT, LIMIT_PARAMETER, Log, LogRecord, Parameters, Processor,
    Scheduler,
};
use warren_parameters::number;
use warren_scheduling::{OnProcessor, run, slice_ns};

use crate::policy::{Guarantees, Refused};

/// What the scheduler needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
    log: Req<dyn Log>,
}

/// The scheduler that guarantees slices of periods.
///
/// Parameter `limit-percent`: how much of the processor's time is guaranteed at most, all principals together.
///
/// Parameter `slice-ms`: how long a context runs before it is another one's turn, where no guarantee says otherwise.
#[server(
    provides(Scheduler),
    concurrent,
    parameters("limit-percent", "slice-ms"),
    summary = "guarantees principals a slice of each period"
)]
pub struct GuaranteesServer {
    limit_percent: u64,
    slice_ns: u64,
}

impl Server for GuaranteesServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let parameters = &cx.req().parameters;
        let refusal = "`limit-percent` is no number from 1 to 100";
        let limit = number(parameters, LIMIT_PARAMETER, GUARANTEED_PERCENT, 1..=100, refusal)?;
        Ok(GuaranteesServer { limit_percent: limit, slice_ns: slice_ns(parameters)? })
    }
}

impl Scheduler for GuaranteesServer {
    fn schedule<'f>(
        cx: &mut Cx<'f, Self>,
        processor: Ref<'f, dyn Processor>,
    ) -> Result<(), DispatchError> {
        let log = &cx.req().log;
        // A log without room is no reason not to schedule.
        let warn = |refused: &Refused| {
            let _ = log.write(LogRecord::WARNING, &format!("{refused}"));
        };
        let policy = Guarantees::new(cx.slice_ns, cx.limit_percent, warn);
        run(&mut OnProcessor { cx, processor }, policy)
    }
}
