//! Lines of JSON, and parameters.

use alloc::{
    format,
    string::{String, ToString},
};

use warren::Cx;
use warren_idl::{EchoError, LaunchError};

use crate::{Run, measure::Base};

/// Why the benchmark ends.
pub enum Failure {
    /// A call that is measured failed.
    Call(EchoError),
    /// A server that is measured was not launched, or did not die as it should.
    Launch(LaunchError),
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

impl Failure {
    /// As a line.
    pub fn line(&self) -> String {
        match self {
            Failure::Call(error) => format!("{{\"error\":\"{error}\"}}\n"),
            Failure::Launch(error) => format!("{{\"error\":\"launch: {error}\"}}\n"),
        }
    }
}

/// Value of a parameter.
pub fn parameter(cx: &Cx<'_, Run>, name: &str) -> Option<String> {
    let mut text = [0; 128];
    let length = cx.req().parameters.get(name, &mut text).ok()?;
    let text = text.get(..usize::try_from(length).ok()?)?;
    Some(core::str::from_utf8(text).ok()?.to_string())
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

/// What one kind of call costs.
pub fn row(name: Name<'_>, round: u64, base: Base) -> String {
    let Name { group, from, to, what } = name;
    let whole = round.saturating_sub(base.empty);
    let plain = base.plain.saturating_sub(base.empty).max(1);
    format!(
        "{{\"group\":\"{group}\",\"from\":\"{from}\",\"to\":\"{to}\",\"what\":\"{what}\",\"ticks\":{},\"whole\":{},\"ratio\":{}}}\n",
        thousandths(round.saturating_sub(base.plain)),
        thousandths(whole),
        thousandths(whole * 1000 / plain),
    )
}

/// What a tick is and what the plain call costs.
pub fn calibration(from: &str, ticks: u64, base: Base) -> String {
    format!(
        "{{\"from\":\"{from}\",\"calibration\":{},\"empty\":{},\"plain\":{}}}\n",
        thousandths(ticks),
        thousandths(base.empty),
        thousandths(base.plain.saturating_sub(base.empty)),
    )
}

/// Thousandths as a decimal number.
fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}
