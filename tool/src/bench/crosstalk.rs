//! A film that is played beside greedy clients of the same file server: how late its frames are.
//!
//! # Method
//!
//! The clock counts instructions, one for each nanosecond, so that a loaded host changes nothing. Each number of clients is a boot of its own.
//! In the Linux guest the file server, the output, the player and each client are processes that talk through Unix sockets.

use std::path::Path;

use serde_json::Value;

use super::{
    linux::{self, Guest},
    programs,
    row::{self, Measure, Row, Unit},
};
use crate::failure::{Failure, Outcome};

/// Systems that differ in who schedules.
const SCHEDULERS: [(&str, &str); 2] =
    [("guarantees", "crosstalk-guaranteed"), ("round-robin", "crosstalk")];
/// Where all servers are.
const PLACES: [&str; 2] = ["kernel", "own"];
/// Greedy clients.
const CLIENTS: [u32; 4] = [0, 1, 4, 16];
/// What the player says of a film, what that is for people, and in what it is.
const FACTS: [(&str, &str, Unit); 4] = [
    ("late", "late frames", Unit::Frames),
    ("p50_ns", "half done after", Unit::Nanoseconds),
    ("p99_ns", "99 of 100 done after", Unit::Nanoseconds),
    ("max_ns", "all done after", Unit::Nanoseconds),
];

/// How the Linux guest schedules the player: what its program calls it, and what it is.
const LINUX_SCHEDULING: [(&str, &str); 3] =
    [("other", "SCHED_OTHER"), ("nice", "SCHED_OTHER, nice -10"), ("deadline", "SCHED_DEADLINE")];

/// Plays the film once for each scheduler, place and number of clients.
pub fn measure() -> Vec<Row> {
    let mut rows = Vec::new();
    for (scheduler, system) in SCHEDULERS {
        for place in PLACES {
            for clients in CLIENTS {
                let behind = format!("{clients} greedy clients/{scheduler}, {place}");
                rows.extend(rows_of(&behind, || play(system, place, clients)));
            }
        }
    }
    rows
}

/// Plays the film once for each way of scheduling and number of clients in the Linux guest.
pub fn measure_linux(guest: &Guest, disk: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for (player, scheduling) in LINUX_SCHEDULING {
        for clients in CLIENTS {
            let behind = format!("{clients} greedy clients/linux, {scheduling}");
            rows.extend(rows_of(&behind, || linux::play(guest, disk, clients, player)));
        }
    }
    rows
}

/// The rows of one film, or one that says why there are none.
fn rows_of(behind: &str, play: impl FnOnce() -> Outcome<String>) -> Vec<Row> {
    eprintln!("film beside {behind}: a minute …");
    let failed = |failure: Failure| {
        vec![Row::failed(format!("crosstalk/late frames, {behind}"), failure.message())]
    };
    let rows = play().and_then(|said| read(&said, behind)).unwrap_or_else(failed);
    // All films together take long: whoever looks on, or stops before the end, has what there is.
    eprint!("{}", row::table(&rows));
    rows
}

/// What the player says.
fn play(system: &str, place: &str, clients: u32) -> Outcome<String> {
    let place = format!("all={place}");
    let clients = format!("clients={clients}");
    let further = ["--place", &place, "--append", &clients];
    programs::counted(system, "player", &further)
}

/// Reads what the player said.
fn read(said: &str, behind: &str) -> Outcome<Vec<Row>> {
    let nonsense = || Failure::new(format!("the player said `{}`", said.trim()));
    let found: Value = serde_json::from_str(said).map_err(|_| nonsense())?;
    if let Some(error) = found["error"].as_str() {
        return Err(Failure::new(format!("the player failed: {error}")));
    }
    let (frames, decode_ns) = (&found["frames"], &found["decode_ns"]);
    let method = format!(
        "QEMU -icount shift=0: a nanosecond is an instruction; {frames} frames of 40 ms, of which decoding is {decode_ns} ns; times from \
         a frame's release"
    );
    let row = |&(key, what, unit): &(&str, &str, Unit)| {
        let measure = Measure::new(found[key].as_f64()?, unit, &method);
        Some(Row::new(format!("crosstalk/{what}, {behind}"), measure))
    };
    FACTS.iter().map(row).collect::<Option<_>>().ok_or_else(nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str =
        r#"{"frames":100,"late":3,"decode_ns":4000000,"p50_ns":5,"p99_ns":6,"max_ns":7}"#;

    #[test]
    fn what_the_player_says_becomes_rows() {
        let rows = read(SAID, "4 greedy clients/guarantees, own").unwrap_or_default();
        let found: Vec<_> = rows.iter().map(|row| (&*row.name, row.value())).collect();
        assert_eq!(found.len(), FACTS.len());
        let late = "crosstalk/late frames, 4 greedy clients/guarantees, own";
        assert_eq!(found[0], (late, Some(3.0)));
        assert_eq!(found[3].1, Some(7.0));
    }

    #[test]
    fn a_player_that_failed_or_said_nothing_is_an_error() {
        assert!(read(r#"{"error":"the film: not found"}"#, "").is_err());
        assert!(read(r#"{"frames":100,"late":3}"#, "").is_err());
        assert!(read("", "").is_err());
    }
}
