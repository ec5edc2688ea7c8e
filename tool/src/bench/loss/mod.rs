//! How long transfers take where frames are lost, late, and doubled.
//!
//! # Shape
//!
//! | module | what |
//! | --- | --- |
//! | [`wire`] | what becomes of each frame: pure, and the same for the same seed |
//! | [`forwarder`] | the threads between the machine and this host's TAP device |
//! | [`device`] | this end of that device |
//!
//! # Method
//!
//! The machine's network device ends in a socket of this program's (QEMU's `-netdev stream`), which hands frames on to a TAP device in a network namespace, and back, and does to
//! some of them what the case says. At the other end is this host's TCP. There are no offloads: a frame is a packet of 1500 bytes at most, and each is lost by
//! itself. Both systems find the same wire: the same numbers decide about the first frame, the second, and so on.
//!
//! TCP waits for what was lost by real clocks, so that the machine runs in real time, and what is measured is time of this host's clock: from when there is a
//! connection until all bytes have arrived. A busy host changes these numbers. So each run boots both systems, one after the other, and the median counts.
//!
//! Whatever arrives here is compared with what it has to be. What arrives at the discard service cannot be; the echo sends it back.

mod device;
mod forwarder;
mod wire;

use std::{
    fs,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt::tcp_congestion;

use self::{forwarder::Forwarder, wire::Chances};
use super::{
    Request, kills,
    network::{
        Place, tap,
        timed::{self, Side, Timed},
        transfer::{Transfer, connect},
    },
    row::{Measure, Row, Unit},
};
use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::packages::IP,
};

/// What these rows are called.
const GROUP: &str = "loss";
/// How often each transfer is made each time that a system is booted.
const TRIES: u32 = 3;
/// How often before that, over a good wire, because the first ones cost more: QEMU translates the system's code.
const WARM_UPS: u32 = 3;
/// How often one is begun that comes to no connection at all.
const ATTEMPTS: u32 = 3;
/// What the other side does about losses, whatever this host does otherwise. It comes with the way to the system: a connection that began with BBR and goes on with
/// something else would still pace what it sends.
const CONGESTION: &str = "cubic";
/// Whether this host remembers what it has found out about a station: one system would find what the other has left.
const FORGETFUL: &str = "/proc/sys/net/ipv4/tcp_no_metrics_save";
/// Frames that wait in the device until the forwarder takes them: more than fit in any window, because what finds no room is lost.
const QUEUE: &str = "10000";
/// Seeds of everything are multiples of it and small numbers.
const SEED: u64 = 0x10_000;

/// What happens to frames, what that is called, and bytes of a transfer.
type Case = (&'static str, Chances, u64);
const CASES: [Case; 5] = [
    ("nothing lost", Chances { lost: 0, late: 0, doubled: 0 }, 4 << 20),
    ("0.1 % lost", Chances { lost: 1_000, late: 0, doubled: 0 }, 4 << 20),
    ("1 % lost", Chances { lost: 10_000, late: 0, doubled: 0 }, 4 << 20),
    ("5 % lost", Chances { lost: 50_000, late: 0, doubled: 0 }, 2 << 20),
    ("mixed", Chances { lost: 5_000, late: 10_000, doubled: 5_000 }, 4 << 20),
];

/// Where bytes go.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Received,
    Sent,
    Echoed,
}

const DIRECTIONS: [Direction; 3] = [Direction::Received, Direction::Sent, Direction::Echoed];

/// Lets transfers go over bad wires, in a namespace.
pub fn measure(project: &Project, request: &Request) -> Vec<Row> {
    timed::measure(project, request, GROUP, Ok(()))
}

/// Measures in the namespace that [`measure`] has made, and writes the rows for it.
pub fn measure_inside(project: &Project, request: &Request) -> Outcome {
    fs::write(FORGETFUL, "1").when(|| format!("cannot write `{FORGETFUL}`"))?;
    ip(&["link", "set", "dev", tap::DEVICE, "txqueuelen", QUEUE])?;
    ip(&["route", "replace", tap::NETWORK, "dev", tap::DEVICE, "congctl", CONGESTION])?;
    let working = ["bad wires of", "a minute"];
    timed::measure_sides(request, (GROUP, "services", &[Place::Default]), working, |side, run| {
        measure_side(project, side, run)
    })
}

fn ip(arguments: &[&str]) -> Outcome {
    let status =
        Command::new(IP.path()?).args(arguments).status().when(|| "cannot run ip".into())?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("`ip {}` failed", arguments.join(" ")))),
    }
}

/// Boots a system, and lets all transfers go over all wires.
fn measure_side(project: &Project, side: Side, run: u32) -> Outcome<Vec<Row>> {
    let forwarder = Forwarder::start(tap::DEVICE)?;
    let system = Timed::boot(project, side, forwarder.outlet(), Transfer::Receive)?;
    for direction in DIRECTIONS {
        for _ in 0..WARM_UPS {
            attempt(direction, CASES[0].2).when(|| "the first transfers failed".into())?;
        }
    }
    let mut rows = Vec::new();
    for (case, seed) in CASES.iter().zip((u64::from(run) * SEED..).step_by(256)) {
        for (direction, seed) in DIRECTIONS.iter().zip((seed..).step_by(16)) {
            let seconds = (seed..).take(TRIES as usize).map(|seed| {
                forwarder.become_bad(case.1, seed);
                attempt(*direction, case.2)
            });
            let seconds = seconds.collect::<io::Result<Vec<_>>>();
            // What follows begins on a good wire: a system that closes may say so once only.
            forwarder.become_bad(Chances::default(), 0);
            let name = format!("loss/{}, {}/{}", direction.name(), case.0, side.place());
            rows.push(match seconds {
                Ok(times) => {
                    Row::new(name, measure_of(times, direction.method(case.2, system.method())))
                }
                Err(error) => Row::failed(name, format!("a transfer failed: {error}")),
            });
        }
    }
    Ok(rows)
}

fn measure_of(times: Vec<Duration>, method: String) -> Measure {
    let samples = times.iter().map(|time| time.as_nanos() as f64).collect();
    Measure { samples, ..Measure::new(0.0, Unit::Nanoseconds, method) }
}

/// Connects, and lets bytes go through; how long that took from when there was a connection.
fn attempt(direction: Direction, bytes: u64) -> io::Result<Duration> {
    let address = (tap::SYSTEM, direction.transfer().port()).into();
    let connected = (1..ATTEMPTS).find_map(|_| connect(address).ok());
    let stream = connected.map_or_else(|| connect(address), Ok)?;
    let congestion = tcp_congestion(&stream)?;
    if congestion != CONGESTION {
        return Err(io::Error::other(format!("this host's TCP uses {congestion}")));
    }
    let start = Instant::now();
    match direction {
        Direction::Received => give(stream, bytes),
        Direction::Sent => take(stream, bytes),
        Direction::Echoed => echo(stream, bytes / 4),
    }?;
    Ok(start.elapsed())
}

impl Direction {
    fn transfer(self) -> Transfer {
        match self {
            Direction::Received => Transfer::Receive,
            Direction::Sent => Transfer::Send,
            Direction::Echoed => Transfer::RoundTrip,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Direction::Received => "received",
            Direction::Sent => "sent",
            Direction::Echoed => "echoed",
        }
    }

    fn method(self, bytes: u64, system: &str) -> String {
        let what = match self {
            Direction::Received => "received by discard, which then closes",
            Direction::Sent => "sent by the character generator, and compared",
            Direction::Echoed => "a quarter of them there and back by the echo, and compared",
        };
        let mib = bytes >> 20;
        format!(
            "{mib} MiB, {what}; time of this host's clock; {system}; without offloads, 1500 bytes in a packet; this host's TCP with {CONGESTION} at the other end; \
             frames of each direction lost, late by {} ms, or doubled by chance, of the same seeds for both systems",
            wire::DELAY.as_millis()
        )
    }
}

/// Sends bytes to who discards them, and waits until that has read all of them.
fn give(mut stream: TcpStream, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(b'x').take(bytes), &mut stream)?;
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::other("the discard service has answered")),
    }
}

/// Reads characters, and compares them.
fn take(stream: TcpStream, bytes: u64) -> io::Result<()> {
    compare(stream, &kills::characters(), bytes)
}

/// Sends bytes and reads them back at the same time, and compares them.
fn echo(stream: TcpStream, bytes: u64) -> io::Result<()> {
    let expected = kills::characters();
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut left = bytes as usize;
            while left > 0 {
                let part = &expected[..left.min(expected.len())];
                (&stream).write_all(part)?;
                left -= part.len();
            }
            stream.shutdown(Shutdown::Write)
        });
        compare(&stream, &expected, bytes)?;
        sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reads `bytes`, which have to be those of `expected` again and again.
fn compare(mut stream: impl Read, expected: &[u8], bytes: u64) -> io::Result<()> {
    let mut buffer = vec![0; expected.len()];
    let mut done = 0;
    while done < bytes {
        let at = (done % expected.len() as u64) as usize;
        let most = (bytes - done).min((expected.len() - at) as u64) as usize;
        match stream.read(&mut buffer[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count if buffer[..count] == expected[at..at + count] => done += count as u64,
            _ => return Err(io::Error::other(format!("wrong bytes behind {done}"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_and_missing_bytes_are_found() {
        assert!(compare(&b"abcabcab"[..], b"abc", 8).is_ok());
        assert!(compare(&b"abcabcab"[..], b"abc", 9).is_err());
        assert!(compare(&b"abcaabab"[..], b"abc", 8).is_err());
        assert!(compare(&b"abcabcab"[..], b"abc", 3).is_ok());
    }

    #[test]
    fn no_two_transfers_of_a_run_have_a_seed_in_common_with_the_next_run() {
        let last = CASES.len() as u64 * 256;
        assert!(last < SEED && DIRECTIONS.len() * 16 < 256 && TRIES < 16);
    }
}
