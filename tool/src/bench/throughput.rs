//! How much goes through the network in a second.
//!
//! # Method
//!
//! This host is the other side, over a TAP device in a network namespace, with virtio's offloads: a plain client, the same as where instructions are counted. The
//! machine runs in real time, because what is measured is work in a second; so a busy host changes these numbers, and the ratio of two systems less. Each run boots all
//! systems, one after the other.
//!
//! QEMU translates the guest's instructions, and not all take as long: a change of page tables costs it as much as thousands of others, because it forgets
//! what it knows of all addresses.

use std::time::Instant;

use super::{
    Request,
    network::{
        Place, tap,
        timed::{self, Side, Timed},
        transfer::Transfer,
    },
    row::{Measure, Row, Unit},
};
use crate::{failure::Outcome, project::Project, run::machine::Outlet};

/// What these rows are called.
const GROUP: &str = "throughput";
/// What goes through, how many of what is counted, and how many are one of what the row says. It takes a second or more, but for connections, each of which keeps a port of this host's for a
/// minute.
const WORK: [(Transfer, &str, u64, u64); 5] = [
    (Transfer::Receive, "MiB received", 512 << 20, 1 << 20),
    (Transfer::Send, "MiB sent", 512 << 20, 1 << 20),
    (Transfer::RoundTrip, "round trips by TCP", 10_000, 1),
    (Transfer::Datagram, "round trips by UDP", 10_000, 1),
    (Transfer::Connection, "connections", 1000, 1),
];
/// What part of that goes before, unmeasured.
const WARM_UP: u64 = 10;

/// Lets bytes through in a namespace.
pub fn measure(project: &Project, request: &Request) -> Vec<Row> {
    timed::measure(project, request, GROUP, Ok(()))
}

/// Measures in the namespace that [`measure`] has made, and writes the rows for it.
pub fn measure_inside(project: &Project, request: &Request) -> Outcome {
    let working = ["what goes through", "half a minute"];
    let what = (GROUP, "services", &Place::ALL[..]);
    timed::measure_sides(request, what, working, |side, _| measure_side(project, side))
}

fn measure_side(project: &Project, side: Side) -> Outcome<Vec<Row>> {
    let outlet = Outlet::tap(tap::DEVICE);
    let system = Timed::boot(project, side, outlet, Transfer::Receive)?;
    let row = |(transfer, what, amount, each): (Transfer, &str, u64, u64)| {
        let name = format!("{GROUP}/{what}/{}", side.place());
        let port = (tap::SYSTEM, transfer.port()).into();
        let timed = transfer.run(port, amount / WARM_UP).and_then(|_| {
            let start = Instant::now();
            let done = transfer.run(port, amount)?;
            Ok(done as f64 / each as f64 / start.elapsed().as_secs_f64())
        });
        let method =
            format!("{}, over TAP; more is better; {}", transfer.method(), system.method());
        match timed {
            Ok(rate) => Row::new(name, Measure::new(rate, Unit::PerSecond, method)),
            Err(error) => Row::failed(name, error.to_string()),
        }
    };
    Ok(WORK.into_iter().map(row).collect())
}
