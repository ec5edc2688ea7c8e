//! Dispatches, measured by the scheduler that makes them.

use alloc::vec::Vec;

use warren::Cx;

use crate::{
    Run,
    output::{Failure, row},
    signals::{ROUNDS, Signals, TRIES},
};

/// Ticks for which each of two threads computes.
const SPIN_TICKS: u64 = 20_000_000;

/// A context is dispatched, does little, and blocks.
pub fn blocking(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    for rounds in TRIES {
        cx.scope(|cx| {
            let mut signals = Signals::new(cx)?;
            let metered = cx.req().metered.as_ref();
            let thread = metered.answer(cx, signals.call, signals.answerer, rounds)?;
            for _ in 0..rounds {
                signals.raiser.raise()?;
                signals.wait(cx)?;
            }
            thread.join(cx)?;
            tell(
                cx,
                output,
                "dispatch of a context that blocks, beyond the context's time",
                rounds == ROUNDS,
            )
        })?;
    }
    Ok(())
}

/// Two contexts compute, and are preempted at the ends of their budgets.
pub fn preempted(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    let metered = cx.req().metered.as_ref();
    let threads = [metered.spin(cx, SPIN_TICKS)?, metered.spin(cx, SPIN_TICKS)?];
    for thread in threads {
        thread.join(cx)?;
    }
    tell(cx, output, "dispatch until a budget is spent, beyond the context's time", true)
}

fn tell(
    cx: &mut Cx<'_, Run>,
    output: &mut Vec<u8>,
    what: &str,
    is_told: bool,
) -> Result<(), Failure> {
    let meter = &cx.req().meter;
    let dispatches = meter.dispatches()?;
    let (elapsed, used) = (meter.elapsed()?, meter.used_ns()?);
    if is_told {
        row(output, what, elapsed.saturating_sub(used), dispatches);
    }
    Ok(())
}
