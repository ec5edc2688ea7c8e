//! Lines of JSON, and parameters.

use alloc::{
    format,
    string::{String, ToString},
};

use warren::Cx;
use warren_idl::{EchoError, LaunchError, TerminalError, ThreadError};

use crate::{Benchmark, measure::Base};

/// Why the benchmark ends.
pub enum Failure {
    /// A call that is measured failed.
    Call(EchoError),
    /// A server that is measured was not launched, or did not die as it should.
    Launch(LaunchError),
    /// The output cannot be written.
    Output(ThreadError),
}

impl From<EchoError> for Failure {
    fn from(error: EchoError) -> Self {
        Failure::Call(error)
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        Failure::Launch(error)
    }
}

impl From<ThreadError> for Failure {
    fn from(error: ThreadError) -> Self {
        Failure::Output(error)
    }
}

/// Value of a parameter.
pub fn parameter(cx: &Cx<'_, Benchmark>, name: &str) -> Option<String> {
    let mut text = [0; 128];
    let length = cx.req().parameters.get(name, &mut text).ok()?;
    let text = text.get(..usize::try_from(length).ok()?)?;
    Some(core::str::from_utf8(text).ok()?.to_string())
}

/// Writes one line.
pub fn write(cx: &mut Cx<'_, Benchmark>, line: &str) -> Result<(), ThreadError> {
    match cx.req().terminal.write(cx, line.as_bytes()) {
        Ok(()) => Ok(()),
        Err(TerminalError::System(error)) => Err(error.into()),
        Err(_) => Err(ThreadError::Failed),
    }
}

/// What is measured.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// The kind of row: `calls`, `files` and so on.
    pub group: &'a str,
    /// Where the caller runs.
    pub from: &'a str,
    /// Where the callee runs.
    pub to: &'a str,
    /// What is done.
    pub what: &'a str,
}

/// Writes what one kind of call costs.
pub fn row(
    cx: &mut Cx<'_, Benchmark>,
    name: Name<'_>,
    round: u64,
    base: Base,
) -> Result<(), ThreadError> {
    let Name { group, from, to, what } = name;
    let whole = round.saturating_sub(base.empty);
    let plain = base.plain.saturating_sub(base.empty).max(1);
    let line = format!(
        "{{\"group\":\"{group}\",\"from\":\"{from}\",\"to\":\"{to}\",\"what\":\"{what}\",\"ticks\":{},\"whole\":{},\"ratio\":{}}}\n",
        thousandths(round.saturating_sub(base.plain)),
        thousandths(whole),
        thousandths(whole * 1000 / plain),
    );
    write(cx, &line)
}

/// Writes what a tick is and what the plain call costs.
pub fn calibration(
    cx: &mut Cx<'_, Benchmark>,
    from: &str,
    ticks: u64,
    base: Base,
) -> Result<(), ThreadError> {
    let line = format!(
        "{{\"from\":\"{from}\",\"calibration\":{},\"empty\":{},\"plain\":{}}}\n",
        thousandths(ticks),
        thousandths(base.empty),
        thousandths(base.plain.saturating_sub(base.empty)),
    );
    write(cx, &line)
}

/// Says why the benchmark ends.
pub fn failure(cx: &mut Cx<'_, Benchmark>, failure: Failure) -> Result<(), ThreadError> {
    match failure {
        Failure::Call(error) => write(cx, &format!("{{\"error\":\"{error}\"}}\n")),
        Failure::Launch(error) => write(cx, &format!("{{\"error\":\"launch: {error}\"}}\n")),
        Failure::Output(error) => Err(error),
    }
}

/// Thousandths as a decimal number.
fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}
