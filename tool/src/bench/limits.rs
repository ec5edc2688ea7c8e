//! What is promised of a row, and what is enforced.
//!
//! A limit may have a ceiling, which tests enforce, and an aim, which is what the number is meant to become. Where
//! the aim is not reached yet the ceiling is what was measured last, so that it does not get worse. What a busy processor makes
//! longer has an aim alone. `PROMISES.md` says
//! the same for people, and a test compares the two.
//!
//! The ceiling of a call is tight: the check also fails where the call is so much cheaper that [`TOLD`] instructions more would
//! not break its promise.

use super::row::{Measure, Row, rounded};

/// What is promised of a row, and what is enforced.
pub struct Limit {
    /// Name of the row.
    pub name: &'static str,
    /// What it is, for people.
    pub says: &'static str,
    /// What of the row is limited.
    pub kind: Kind,
    /// What it is meant to become, where that was decided.
    pub aim: Option<f64>,
    /// What is enforced; nothing where a number is not the same each time.
    pub ceiling: Option<f64>,
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

/// Guest instructions by which a call may not become dearer without breaking its promise.
pub const TOLD: f64 = 10.0;

/// All limits.
pub const LIMITS: &[Limit] = &[
    more("calls/nothing/own-own", "a call from a domain into another", Some(120.0), 113.0),
    more("calls/nothing/own-kernel", "a call from a domain into the kernel", Some(120.0), 93.0),
    more(
        "calls/atomic/own-kernel",
        "an atomic call from a domain into the kernel",
        Some(120.0),
        103.0,
    ),
    more("calls/nothing/kernel-own", "a call from the kernel into a domain", Some(120.0), 120.5),
    more("calls/nothing/kernel-kernel", "a call within the kernel", Some(60.0), 31.0),
    ratio("calls/nothing/hosted-kernel", "a call within a Linux process", 2.5),
    ratio("calls/nothing/hosted-concurrent", "the same, of a server without a lock", 2.0),
    more("calls/nothing/stepped-kernel", "a call within a Linux process", None, 31.0),
    more("calls/nothing/stepped-concurrent", "the same, of a server without a lock", None, 31.0),
    more("calls/atomic/stepped-kernel", "an atomic call within a Linux process", None, 41.0),
    value("calls/in 4096/own-own", "a call with 4096 bytes from a domain into another", 990.0),
    value(
        "references/temporary reference/own-own",
        "a call with a temporary reference, from a domain into another",
        880.0,
    ),
    value(
        "references/permanent reference/own-own",
        "a call whose callee keeps a reference, from a domain into another",
        1945.0,
    ),
    value(
        "files/open, read 4096, close/own-own",
        "a page of a file, each server in a domain of its own",
        50_000.0,
    ),
    value(
        "files/open, read 4096, close/kernel-kernel",
        "a page of a file, all servers in the kernel",
        38_000.0,
    ),
    value(
        "faults/server dies of reading address 0/own-own",
        "the death of a server that reads address 0, until its caller has the error",
        75_000.0,
    ),
    value("domains/created and destroyed/own", "a domain", 58_500.0),
    value("threads/created and joined/own", "a thread", 75_500.0),
    value(
        "servers/loaded and destroyed/own-own",
        "a server loaded into a domain of its own, and destroyed",
        429_000.0,
    ),
    value(
        "switching/woken, answers, blocks/own",
        "a thread that waits is woken, preempts who woke it, answers, and waits again",
        6600.0,
    ),
    value(
        "switching/call, lock's preempted holder helped until it blocks/own",
        "a call whose callee's lock is held by a thread that was preempted, with what the holder does until it blocks",
        3800.0,
    ),
    value(
        "switching/preempted at the end of a slice until the next one runs/own",
        "a preemption at the end of a slice, until the next thread runs",
        3000.0,
    ),
    value(
        "switching/sleep until the sleeper runs, beyond its time/own",
        "a timer that is set and fires, until the sleeper runs",
        3700.0,
    ),
    value(
        "switching/dispatch until a budget is spent, beyond the context's time/own",
        "a dispatch and its return, beyond what is charged to the context",
        3250.0,
    ),
    value(
        "switching/interrupt until its handler runs/own",
        "an interrupt of a device, until the thread runs that waits for it in a domain of its own",
        3550.0,
    ),
    value("switching/interrupt until its handler runs/kernel", "the same, in the kernel", 3950.0),
    value(
        "switching/accounts in woken, answers, blocks/own",
        "the part of a wake and a block that charges time",
        400.0,
    ),
    value(
        "scaling/calls of independent clients, 1 on as many CPUs/own",
        "a call of one client in a loop, on one CPU",
        129.5,
    ),
    value(
        "scaling/calls of independent clients, 4 on as many CPUs/own",
        "a call of each of four independent clients on four CPUs",
        130.0,
    ),
    value("sizes/text/kernel", "executable bytes of the kernel", 225_500.0),
    value("lines/code/average", "lines of an average server", 312.0),
];

/// The limit of the row with this name.
pub fn of(name: &str) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.name == name)
}

/// What exceeds its ceiling, which ceilings are too high to tell, and what is limited and was not measured: one line each.
pub fn broken(rows: &[Row]) -> Vec<String> {
    LIMITS.iter().filter_map(|limit| limit.broken(rows)).collect()
}

impl Limit {
    /// The number that is limited.
    pub fn of(&self, measure: &Measure) -> Option<f64> {
        match self.kind {
            Kind::More => measure.beyond_plain(),
            Kind::Ratio => Some(rounded(measure.value() / measure.plain?)),
            Kind::Value => Some(measure.value()),
        }
    }

    /// In what the number is.
    pub fn unit(&self) -> &'static str {
        match (self.kind, self.name.split('/').next()) {
            (Kind::More, _) => "instructions more than a plain call",
            (Kind::Ratio, _) => "times a plain call",
            (Kind::Value, Some("sizes")) => "bytes",
            (Kind::Value, Some("lines")) => "lines",
            (Kind::Value, _) => "guest instructions",
        }
    }

    /// What is wrong with the row that is limited, if anything is.
    fn broken(&self, rows: &[Row]) -> Option<String> {
        let Limit { name, says, .. } = self;
        let ceiling = self.ceiling.unwrap_or(f64::INFINITY);
        let measured = rows.iter().find(|row| row.name == *name).map(|row| &row.measured);
        match measured {
            Some(Ok(measure)) => match self.of(measure) {
                Some(value) if value > ceiling => {
                    Some(format!("{name} ({says}): {value:.1}, at most {ceiling}"))
                }
                Some(value) if self.kind == Kind::More && value + TOLD <= ceiling => Some(format!(
                    "{name} ({says}): {value:.1}, and {TOLD} more would not break the promise of at most {ceiling}: lower it"
                )),
                Some(_) => None,
                None => Some(format!("{name}: not measured beside a plain call")),
            },
            Some(Err(why)) => Some(format!("{name}: not measured: {why}")),
            None => Some(format!("{name}: no such row")),
        }
    }
}

const fn more(name: &'static str, says: &'static str, aim: Option<f64>, ceiling: f64) -> Limit {
    Limit { name, says, kind: Kind::More, aim, ceiling: Some(ceiling) }
}

const fn ratio(name: &'static str, says: &'static str, aim: f64) -> Limit {
    Limit { name, says, kind: Kind::Ratio, aim: Some(aim), ceiling: None }
}

const fn value(name: &'static str, says: &'static str, ceiling: f64) -> Limit {
    Limit { name, says, kind: Kind::Value, aim: None, ceiling: Some(ceiling) }
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
        broken(rows).into_iter().filter(|line| line.starts_with(LIMITED)).collect()
    }

    #[test]
    fn what_exceeds_its_ceiling_is_named() {
        let ceiling = of(LIMITED).and_then(|limit| limit.ceiling).unwrap_or_default();
        assert_eq!(said(&[row(ceiling)]), [] as [String; 0]);
        let said = said(&[row(ceiling + 1.0)]);
        assert!(
            said[0].ends_with(&format!(": {:.1}, at most {ceiling}", ceiling + 1.0)),
            "{said:?}"
        );
    }

    #[test]
    fn ten_instructions_more_break_the_promise_of_whatever_keeps_it() {
        let ceiling = of(LIMITED).and_then(|limit| limit.ceiling).unwrap_or_default();
        for cheaper in 0..30 {
            let measured = ceiling - f64::from(cheaper);
            let told = !said(&[row(measured + 10.0)]).is_empty();
            assert!(told || !said(&[row(measured)]).is_empty(), "{measured}");
        }
        assert!(said(&[row(ceiling - 9.0)]).is_empty());
        assert!(said(&[row(ceiling - 10.0)])[0].contains("10 more would not break the promise"));
    }

    #[test]
    fn what_was_not_measured_keeps_no_limit() {
        assert_eq!(said(&[]), ["calls/nothing/own-own: no such row"]);
        let failed = Row::failed(LIMITED, "no machine");
        assert_eq!(said(&[failed]), ["calls/nothing/own-own: not measured: no machine"]);
    }
}
