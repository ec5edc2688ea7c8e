//! What is promised of a row, and what is enforced.
//!
//! A limit has an aim, which is what the project promises, and a ceiling, which tests enforce. Where the aim is not
//! reached yet the ceiling is what was measured last, so that it does not get worse.

/// What is promised of a row, and what is enforced.
pub struct Limit {
    /// Name of the row.
    pub name: &'static str,
    /// What of the row is limited.
    pub unit: Unit,
    /// What is promised.
    pub aim: f64,
    /// What is enforced.
    pub ceiling: f64,
}

/// What of a row is limited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Guest instructions beyond a plain call.
    More,
    /// The ratio to a plain call.
    Ratio,
}

/// All limits.
pub const LIMITS: [Limit; 7] = [
    more("calls/nothing/own-own", 120.0, 173.0),
    more("calls/nothing/own-kernel", 120.0, 146.0),
    more("calls/atomic/own-kernel", 120.0, 148.0),
    more("calls/nothing/kernel-own", 120.0, 870.0),
    more("calls/nothing/kernel-kernel", 60.0, 60.0),
    ratio("calls/nothing/hosted-kernel", 2.5, 30.0),
    ratio("calls/nothing/hosted-concurrent", 2.0, 30.0),
];

/// The limit of the row with this name.
pub fn of(name: &str) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.name == name)
}

const fn more(name: &'static str, aim: f64, ceiling: f64) -> Limit {
    Limit { name, unit: Unit::More, aim, ceiling }
}

const fn ratio(name: &'static str, aim: f64, ceiling: f64) -> Limit {
    Limit { name, unit: Unit::Ratio, aim, ceiling }
}
