//! Who pays: two clients of one file server, of which one asks for ten times as much as the other.

use serde_json::Value;

use super::{
    programs,
    row::{Measure, Row, Unit},
};
use crate::failure::{Failure, Outcome};

/// Where all servers are.
const PLACES: [(&str, &str); 3] =
    [("kernel", "all=kernel"), ("own", "all=own"), ("one domain", "all=shared:one")];
/// Principals of the two clients.
const SMALL: &str = "small";
const LARGE: &str = "large";
const METHOD: &str = "QEMU -icount shift=0: a nanosecond is an instruction; processor time that the system's books charge to the \
    client's principal, from its start to its end";

/// Lets the clients work once in each place.
pub fn measure() -> Vec<Row> {
    let in_place = |(name, place): (&str, &str)| {
        let said =
            programs::counted("accounts", &format!("auditor {SMALL} {LARGE}"), &["--place", place]);
        let failed = |failure: Failure| {
            vec![Row::failed(format!("accounts/large over small/{name}"), failure.message())]
        };
        said.and_then(|said| read(&said, name)).unwrap_or_else(failed)
    };
    PLACES.into_iter().flat_map(in_place).collect()
}

/// Reads what the auditor said.
fn read(said: &str, place: &str) -> Outcome<Vec<Row>> {
    let used = |principal: &str| {
        let mut lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = lines.find(|line| line["principal"] == principal);
        let used = line.and_then(|line| line["used_ns"][1].as_f64());
        used.ok_or_else(|| Failure::new(format!("the auditor said `{}`", said.trim())))
    };
    let (small, large) = (used(SMALL)?, used(LARGE)?);
    let row = |what: &str, value, unit| {
        Row::new(format!("accounts/{what}/{place}"), Measure::new(value, unit, METHOD))
    };
    Ok(vec![
        row("charged to a client", small, Unit::Nanoseconds),
        row("charged to one that asks for ten times as much", large, Unit::Nanoseconds),
        row("large over small", large / small, Unit::Times),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_what_was_charged_at_the_end() {
        let said = "{\"principal\":\"small\",\"used_ns\":[3,20]}\n{\"principal\":\"large\",\"used_ns\":[7,190]}\n";
        let rows = read(said, "own").unwrap_or_default();
        let found: Vec<_> = rows.iter().filter_map(Row::value).collect();
        assert_eq!(found, [20.0, 190.0, 9.5]);
    }

    #[test]
    fn an_auditor_that_failed_is_an_error() {
        assert!(read("{\"error\":\"the timer does not answer\"}", "own").is_err());
    }
}
