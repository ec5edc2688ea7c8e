//! A loop and what one round of it costs.

use core::hint::black_box;

use warren::Cx;
use warren_idl::EchoError;

use crate::Run;

/// How a loop is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds of the loop.
    pub rounds: u64,
    /// Times that it is measured. The shortest counts: whatever else happens only makes it longer.
    pub tries: u64,
    /// Ticks after which it is not measured once more.
    pub patience: u64,
}

/// Thousandths of a tick for one round of `work`, loop included.
pub fn round<'f>(
    cx: &mut Cx<'f, Run>,
    effort: Effort,
    mut work: impl FnMut(&mut Cx<'f, Run>) -> Result<(), EchoError>,
) -> Result<u64, EchoError> {
    let mut best = u64::MAX;
    let begun = warren::cycles();
    for _ in 0..effort.tries {
        let start = warren::cycles();
        for _ in 0..black_box(effort.rounds) {
            work(cx)?;
        }
        let end = warren::cycles();
        best = best.min(end - start);
        if end - begun > effort.patience {
            break;
        }
    }
    Ok(best.saturating_mul(1000) / effort.rounds)
}

/// Thousandths of a tick for what `prepare` has prepared, without the preparation. The shortest of several tries counts.
pub fn once<'f, T, E>(
    cx: &mut Cx<'f, Run>,
    tries: u64,
    mut prepare: impl FnMut(&mut Cx<'f, Run>) -> Result<T, E>,
    mut work: impl FnMut(&mut Cx<'f, Run>, T) -> Result<(), E>,
) -> Result<u64, E> {
    let mut best = u64::MAX;
    for _ in 0..tries {
        let prepared = prepare(cx)?;
        let start = warren::cycles();
        work(cx, prepared)?;
        best = best.min(warren::cycles() - start);
    }
    Ok(best.saturating_mul(1000))
}

/// The loop alone, and the loop around plain calls of a function that does nothing.
#[derive(Clone, Copy)]
pub struct Base {
    pub empty: u64,
    /// By a pointer to the function: what every other call is compared with.
    pub plain: u64,
    pub direct: u64,
    /// By a trait object.
    pub dynamic: u64,
}

impl Base {
    /// Measures all of them.
    pub fn measure(cx: &mut Cx<'_, Run>, effort: Effort) -> Result<Self, EchoError> {
        let empty = round(cx, effort, |_| nothing())?;
        let function: fn(u64) -> Result<(), EchoError> = black_box(plain);
        let plain = round(cx, effort, |_| black_box(function)(0))?;
        let direct = round(cx, effort, |_| self::plain(0))?;
        let object: &dyn Plain = black_box(&0_u64);
        let dynamic = round(cx, effort, |_| object.call())?;
        Ok(Base { empty, plain, direct, dynamic })
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

/// What a plain trait object is.
trait Plain {
    fn call(&self) -> Result<(), EchoError>;
}

impl Plain for u64 {
    #[inline(never)]
    fn call(&self) -> Result<(), EchoError> {
        black_box(*self);
        Ok(())
    }
}
