//! How many requests of HTTP are answered in a second, by connections that stay.
//!
//! # Method
//!
//! `wrk` asks for one document again and again, over a TAP device in a network namespace, by as many connections as the row says. The machine runs in real
//! time, because what is measured is work in a second; so a busy host changes these numbers, and the ratio of two systems less. Each run boots both, one
//! after the other.

use std::process::Command;

use super::{
    Request,
    network::{
        Place, tap,
        timed::{self, Side, Timed},
        transfer::{DOCUMENT, Transfer},
    },
    row::{Measure, Row, Unit},
};
use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::{machine::Outlet, packages::WRK},
};

/// What these rows are called.
const GROUP: &str = "requests";
/// As how many connections ask at once.
const CONNECTIONS: [u32; 2] = [1, 16];
/// For how many seconds.
const SECONDS: u32 = 5;
/// And before that, unmeasured.
const WARM_UP_SECONDS: u32 = 1;

/// Asks in a namespace.
pub fn measure(project: &Project, request: &Request) -> Vec<Row> {
    timed::measure(project, request, GROUP, WRK.path().map(drop))
}

/// Measures in the namespace that [`measure`] has made, and writes the rows for it.
pub fn measure_inside(project: &Project, request: &Request) -> Outcome {
    let working = ["requests to", "half a minute"];
    let what = (GROUP, "web", &Place::ALL[..]);
    timed::measure_sides(request, what, working, |side, _| measure_side(project, side))
}

fn measure_side(project: &Project, side: Side) -> Outcome<Vec<Row>> {
    let outlet = Outlet::tap(tap::DEVICE);
    let system = Timed::boot(project, side, outlet, Transfer::Request)?;
    let row = |connections: u32| {
        let count = ask(connections, WARM_UP_SECONDS).and_then(|_| ask(connections, SECONDS));
        let plural = if connections == 1 { "" } else { "s" };
        let place = side.place();
        let name = format!("requests/answered, {connections} connection{plural}/{place}");
        let method = format!(
            "wrk -t 1 -c {connections} -d {SECONDS} for {DOCUMENT}, over TAP; more is better; {}",
            system.method()
        );
        match count {
            Ok(count) => Row::new(name, Measure::new(count, Unit::PerSecond, method)),
            Err(failure) => Row::failed(name, failure.message()),
        }
    };
    Ok(CONNECTIONS.into_iter().map(row).collect())
}

/// Lets `wrk` ask; how many answers come in a second.
fn ask(connections: u32, seconds: u32) -> Outcome<f64> {
    let url = format!("http://{}{DOCUMENT}", tap::SYSTEM);
    let output = Command::new(WRK.path()?)
        .args(["-t", "1", "-c", &connections.to_string(), "-d", &seconds.to_string(), &url])
        .output()
        .when(|| "cannot run wrk".into())?;
    answered(&String::from_utf8_lossy(&output.stdout))
}

/// What `wrk` says of good answers; an error if there were others.
fn answered(text: &str) -> Outcome<f64> {
    let wrong = ["Socket errors", "Non-2xx or 3xx responses"];
    if let Some(line) = text.lines().find(|line| wrong.iter().any(|wrong| line.contains(wrong))) {
        return Err(Failure::new(format!("not all requests were answered: {}", line.trim())));
    }
    let number = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let number = number.and_then(|number| number.trim().parse().ok());
    number.ok_or_else(|| Failure::new(format!("wrk says: {}", text.trim())))
}

#[cfg(test)]
mod tests {
    use super::answered;

    const GOOD: &str = "Running 5s test @ http://10.0.2.15/ARCHITECTURE.md\n  1 threads and 16 connections\n  \
        11713 requests in 5.00s, 228.70MB read\nRequests/sec:   2342.17\nTransfer/sec:     45.73MB\n";

    #[test]
    fn wrk_says_how_many_requests_were_answered_in_a_second() {
        assert_eq!(answered(GOOD).ok(), Some(2342.17));
    }

    #[test]
    fn answers_that_are_wrong_or_missing_are_no_number() {
        let refused = format!("  Socket errors: connect 0, read 3, write 0, timeout 0\n{GOOD}");
        assert!(answered(&refused).is_err());
        assert!(answered(&format!("  Non-2xx or 3xx responses: 5\n{GOOD}")).is_err());
        assert!(answered("unable to connect to 10.0.2.15:80 Connection refused\n").is_err());
    }
}
