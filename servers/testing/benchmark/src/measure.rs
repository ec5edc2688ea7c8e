//! A loop and what one round of it costs.

use core::hint::black_box;

use warren::Cx;
use warren_idl::EchoError;

use crate::Benchmark;

/// How a loop is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds of the loop.
    pub rounds: u64,
    /// Times that it is measured. The shortest counts: whatever else happens only makes it longer.
    pub tries: u64,
}

/// Thousandths of a tick for one round of `work`, loop included.
pub fn round<'f>(
    cx: &mut Cx<'f, Benchmark>,
    effort: Effort,
    mut work: impl FnMut(&mut Cx<'f, Benchmark>) -> Result<(), EchoError>,
) -> Result<u64, EchoError> {
    let mut best = u64::MAX;
    for _ in 0..effort.tries {
        let start = warren::cycles();
        for _ in 0..black_box(effort.rounds) {
            work(cx)?;
        }
        best = best.min(warren::cycles() - start);
    }
    Ok(best.saturating_mul(1000) / effort.rounds)
}

/// The loop alone, and the loop around a plain indirect call of a function that does nothing.
#[derive(Clone, Copy)]
pub struct Base {
    pub empty: u64,
    pub plain: u64,
}

impl Base {
    /// Measures both.
    pub fn measure(cx: &mut Cx<'_, Benchmark>, effort: Effort) -> Result<Self, EchoError> {
        let empty = round(cx, effort, |_| nothing())?;
        let function: fn(u64) -> Result<(), EchoError> = black_box(plain);
        let plain = round(cx, effort, |_| black_box(function)(0))?;
        Ok(Base { empty, plain })
    }
}

/// What the loop alone does.
#[inline(always)]
fn nothing() -> Result<(), EchoError> {
    black_box(0_u64);
    Ok(())
}

/// What a service function looks like that does nothing.
#[inline(never)]
fn plain(state: u64) -> Result<(), EchoError> {
    black_box(state);
    Ok(())
}
