//! Maker: makes objects over and over, and keeps some of them.
//!
//! In each round it makes a signal of the platform's and a local server of its own, and computes a little. Those of the first rounds it keeps for good,
//! and it holds memory besides; all others it lets go. So what its principal is charged for in the end is known.
//!
//! # Result
//!
//! The exit status is 0 if everything was made.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::black_box;

use warren::{Cx, Kept, New, Req, Required, Server, StartError, local, server};
use warren_idl::{
    DataSpace, Memory, MemoryError, Parameters, Signal, SignalError, Signals, Task, ThreadError,
};
use warren_load::{PIECE_BYTES, work};
use warren_parameters::number;

/// Rounds whose objects are kept.
const KEPT_ROUNDS: u64 = 100;
/// Memory that is held.
const SPACE_BYTES: u64 = 256 * 1024;

/// What the maker needs.
#[derive(Required)]
pub struct Needs {
    memory: Req<dyn Memory>,
    parameters: Req<dyn Parameters>,
    signals: Req<dyn Signals>,
}

/// Makes objects over and over.
#[server(
    provides(Task),
    locals(Thing),
    parameters("rounds", "passes"),
    stack = 16384,
    summary = "makes objects over and over, and keeps some of them"
)]
pub struct Maker {
    rounds: u64,
    /// Times that it adds up the bytes of a piece in each round.
    passes: u64,
    signals: Vec<Kept<dyn Signal>>,
    things: Vec<Kept<dyn Task>>,
    space: Option<Kept<dyn DataSpace>>,
}

/// A local server that does nothing.
#[local(provides = Task, parent = Maker)]
pub struct Thing {}

impl Server for Maker {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let parameters = &cx.req().parameters;
        let most = 0..=u64::MAX;
        let rounds = number(parameters, "rounds", KEPT_ROUNDS, most, "`rounds` is no number")?;
        let few = 0..=100_000;
        let passes =
            number(parameters, "passes", 0, few, "`passes` is no number from 0 to 100000")?;
        Ok(Maker { rounds, passes, signals: Vec::new(), things: Vec::new(), space: None })
    }
}

/// Why not everything was made.
struct Refused;

impl From<SignalError> for Refused {
    fn from(_: SignalError) -> Self {
        Refused
    }
}

impl From<MemoryError> for Refused {
    fn from(_: MemoryError) -> Self {
        Refused
    }
}

impl From<warren::SystemError> for Refused {
    fn from(_: warren::SystemError) -> Self {
        Refused
    }
}

impl Task for Maker {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        make_all(cx).map(|()| 0).map_err(|Refused| ThreadError::Failed)
    }
}

fn make_all(cx: &mut Cx<'_, Maker>) -> Result<(), Refused> {
    let space = cx.req().memory.anonymous(cx, SPACE_BYTES)?.keep()?;
    cx.space = Some(space);
    for round in 0..cx.rounds {
        cx.scope(|cx| make(cx, round < KEPT_ROUNDS))?;
        black_box(work(&[0; PIECE_BYTES], cx.passes));
    }
    Ok(())
}

fn make(cx: &mut Cx<'_, Maker>, is_kept: bool) -> Result<(), Refused> {
    let signal = cx.req().signals.signal(cx)?;
    let thing = cx.spawn(Thing {})?;
    if is_kept {
        let (signal, thing) = (signal.keep()?, thing.keep()?);
        cx.signals.push(signal);
        cx.things.push(thing);
    }
    Ok(())
}

impl Task for Thing {
    fn run(_: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        Ok(0)
    }
}
