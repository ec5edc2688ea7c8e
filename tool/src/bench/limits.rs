//! What is promised of a row, and what is enforced.
//!
//! A limit has an aim, which is what the project promises, and a ceiling, which tests enforce. Where the aim is not
//! reached yet the ceiling is what was measured last, so that it does not get worse. `PROMISES.md` says the same for
//! people, and a test compares the two.

use super::row::{Measure, Row};

/// What is promised of a row, and what is enforced.
pub struct Limit {
    /// Name of the row.
    pub name: &'static str,
    /// What of the row is limited.
    pub kind: Kind,
    /// What is promised.
    pub aim: f64,
    /// What is enforced.
    pub ceiling: f64,
}

/// What of a row is limited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What it costs beyond a plain call.
    More,
    /// The ratio to a plain call.
    Ratio,
    /// The number itself.
    Value,
}

/// All limits.
pub const LIMITS: &[Limit] = &[
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

/// What exceeds its ceiling, and what is limited and was not measured: one line each.
pub fn exceeded(rows: &[Row]) -> Vec<String> {
    LIMITS.iter().filter_map(|limit| limit.broken(rows)).collect()
}

impl Limit {
    /// The number that is limited.
    pub fn of(&self, measure: &Measure) -> Option<f64> {
        match self.kind {
            Kind::More => measure.beyond_plain(),
            Kind::Ratio => Some(measure.value() / measure.plain?),
            Kind::Value => Some(measure.value()),
        }
    }

    /// What is wrong with the row that is limited, if anything is.
    fn broken(&self, rows: &[Row]) -> Option<String> {
        let Limit { name, ceiling, .. } = self;
        let measured = rows.iter().find(|row| row.name == *name).map(|row| &row.measured);
        match measured {
            Some(Ok(measure)) => match self.of(measure) {
                Some(value) if value <= *ceiling => None,
                Some(value) => Some(format!("{name}: {value}, at most {ceiling}")),
                None => Some(format!("{name}: not measured beside a plain call")),
            },
            Some(Err(why)) => Some(format!("{name}: not measured: {why}")),
            None => Some(format!("{name}: no such row")),
        }
    }
}

const fn more(name: &'static str, aim: f64, ceiling: f64) -> Limit {
    Limit { name, kind: Kind::More, aim, ceiling }
}

const fn ratio(name: &'static str, aim: f64, ceiling: f64) -> Limit {
    Limit { name, kind: Kind::Ratio, aim, ceiling }
}

#[cfg(test)]
mod tests {
    use super::{super::row::Unit, *};

    const LIMITED: &str = "calls/nothing/own-own";

    fn row(beyond: f64) -> Row {
        let measure = Measure::new(beyond + 8.0, Unit::Instructions, "counted");
        Row::new(LIMITED, Measure { plain: Some(8.0), ..measure })
    }

    /// What is said of the limited row.
    fn said(rows: &[Row]) -> Vec<String> {
        exceeded(rows).into_iter().filter(|line| line.starts_with(LIMITED)).collect()
    }

    #[test]
    fn what_exceeds_its_ceiling_is_named() {
        assert_eq!(said(&[row(100.0)]), [] as [String; 0]);
        let ceiling = of(LIMITED).map_or(0.0, |limit| limit.ceiling);
        assert_eq!(said(&[row(1e6)]), [format!("{LIMITED}: 1000000, at most {ceiling}")]);
    }

    #[test]
    fn what_was_not_measured_keeps_no_limit() {
        assert_eq!(said(&[]), ["calls/nothing/own-own: no such row"]);
        let failed = Row::failed(LIMITED, "no machine");
        assert_eq!(said(&[failed]), ["calls/nothing/own-own: not measured: no machine"]);
    }
}
