//! Which row of Linux's stands beside which of ours.

use super::row::{Peer, Row};

/// Where the peer is.
const LINUX: &str = "linux";

/// Groups in which each row stands beside Linux's of the same name.
const ALIKE: [&str; 4] = ["network", "loss", "requests", "throughput"];

/// Names of our rows, and of Linux's that do the nearest to the same.
const PEERS: &[(&str, &[&str])] = &[
    ("calls/nothing/own-kernel", &["calls/null system call"]),
    ("calls/atomic/own-kernel", &["calls/null system call"]),
    ("calls/nothing/own-own", ROUND_TRIPS),
    ("calls/nothing/kernel-own", ROUND_TRIPS),
    ("calls/nothing/kernel-kernel", &["calls/null system call"]),
    ("calls/in 64/own-own", &["calls/pipe, 64 bytes", "calls/Unix socket, 64 bytes"]),
    ("calls/in 4096/own-own", &["calls/pipe, 4096 bytes", "calls/Unix socket, 4096 bytes"]),
    ("calls/out 4096/own-own", &["calls/pipe, 4096 bytes", "calls/Unix socket, 4096 bytes"]),
    (
        "references/temporary reference/own-own",
        &["references/descriptor sent over a Unix socket and closed"],
    ),
    (
        "references/permanent reference/own-own",
        &["references/descriptor sent over a Unix socket and closed"],
    ),
    ("references/permanent reference/own-kernel", &["references/descriptor duplicated and closed"]),
    ("files/open, read 4096, close/own-own", FILES),
    ("files/open, read 4096, close/kernel-kernel", FILES),
    ("files/open, read 4096, close/own-one domain", FILES),
    ("faults/server dies of reading address 0/own-own", FAULTS),
    ("faults/server dies of reading address 0/own-kernel", FAULTS),
    ("domains/created and destroyed/own", &["domains/fork, exit, wait"]),
    ("switching/woken, answers, blocks/own", WAKES),
    ("switching/woken, answers, blocks/kernel", WAKES),
    ("threads/created and joined/own", &["threads/created and joined"]),
    ("threads/created and joined/kernel", &["threads/created and joined"]),
    (
        "servers/loaded and destroyed/own-own",
        &[
            "servers/posix_spawn of a tiny program, exit, wait",
            "servers/fork, exec of a tiny program, exit, wait",
        ],
    ),
    ("servers/loaded and destroyed/own-kernel", &["servers/dlopen, dlclose"]),
    ("accounts/charged to a client/own", &["accounts/charged to a client"]),
    ("accounts/charged to a client/kernel", &["accounts/charged to a client"]),
    ("boot/instructions to the prompt/demo", &["boot/instructions to the prompt"]),
    ("boot/memory touched at the prompt/demo", &["boot/memory touched at the prompt"]),
    ("boot/least memory that boots/demo", &["boot/least memory that boots"]),
];

/// Between two that do not share their memory.
const ROUND_TRIPS: &[&str] = &[
    "calls/pipe, 1 byte",
    "calls/Unix socket, 1 byte",
    "calls/eventfd",
    "calls/futex between processes",
    "calls/futex between threads",
];
/// What wakes another one, is answered, and waits for that.
const WAKES: &[&str] = &["calls/futex between threads", "calls/eventfd", "calls/pipe, 1 byte"];
const FILES: &[&str] = &["files/open, read 4096, close"];
/// A fault that a handler mends is Linux's alone: here a server that faults dies.
const FAULTS: &[&str] = &["faults/process forked, killed by SIGSEGV, waited for"];

/// Puts Linux's numbers beside ours.
pub fn connect(rows: &mut [Row]) {
    let theirs: Vec<_> =
        rows.iter().filter_map(|row| Some((row.name.clone(), row.value()?))).collect();
    for (ours, names) in PEERS {
        let Some(row) = rows.iter_mut().find(|row| row.name == *ours) else { continue };
        for name in *names {
            let full = format!("{name}/{LINUX}");
            let found = theirs.iter().find(|(name, _)| *name == full);
            row.peers.extend(found.map(|(_, value)| Peer {
                name: format!("{LINUX}: {}", name.split_once('/').map_or(*name, |(_, what)| what)),
                value: *value,
            }));
        }
    }
    for row in rows.iter_mut().filter(|row| ALIKE.contains(&row.group())) {
        let Some((what, place)) = row.name.rsplit_once('/') else { continue };
        let beside = format!("{what}/{LINUX}");
        let found = theirs.iter().find(|(name, _)| place != LINUX && *name == beside);
        row.peers.extend(found.map(|(_, value)| Peer { name: LINUX.into(), value: *value }));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::row::{Measure, Unit},
        *,
    };

    #[test]
    fn ours_stands_beside_theirs() {
        let row =
            |name: &str, value| Row::new(name, Measure::new(value, Unit::Instructions, "counted"));
        let mut rows =
            [row("calls/nothing/own-kernel", 50.0), row("calls/null system call/linux", 325.0)];
        connect(&mut rows);
        assert_eq!(rows[0].peers, [Peer { name: "linux: null system call".into(), value: 325.0 }]);
        assert_eq!(rows[1].peers, []);
    }

    #[test]
    fn what_goes_through_the_network_stands_beside_the_same_of_theirs() {
        let row =
            |name: &str, value| Row::new(name, Measure::new(value, Unit::Instructions, "counted"));
        let mut rows = [
            row("network/sent, per KiB/own", 5.0),
            row("network/received, per KiB/own", 5.0),
            row("network/sent, per KiB/linux", 7.0),
        ];
        connect(&mut rows);
        assert_eq!(rows[0].peers, [Peer { name: "linux".into(), value: 7.0 }]);
        assert!(rows[1].peers.is_empty() && rows[2].peers.is_empty());
    }
}
