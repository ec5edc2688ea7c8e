//! Several pairs of queues of a network device: each interrupts by itself, and several CPUs take packets at the same time.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::Value;
use warren_tests::{
    namespace,
    run::{Run, Running},
    station::{check_echo, echo_on, wait_for_echo},
    variant::{KERNEL, OWN, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };

const ECHO: u16 = 7;
const MIB: usize = 1 << 20;
/// Connections at the same time: it is as good as sure that not all of them take the same pair.
const CONNECTIONS: usize = 8;
/// Connections one after the other, with a byte there and back.
const SHORT: usize = 40;
/// Pieces that each of them gets through before and after the driver dies, if it is one of those that get on well.
const MANY: usize = 5;
/// How often to look whether something has happened.
const LOOK: Duration = Duration::from_millis(5);

/// The system with the small services, on a machine with so many CPUs.
fn services(cpus: u32, variant: &Variant) -> Run {
    namespace::system("services", "").cpus(cpus).placed(variant)
}

/// Starts it, until it echoes.
fn started(run: &Run) -> Running {
    let run = run.start();
    wait_for_echo(namespace::port(ECHO));
    run
}

/// How many pairs `ifconfig` says there are.
#[track_caller]
fn pairs(run: &Running) -> usize {
    let shown = run.ask("ifconfig").expect("the system runs");
    let behind = shown.split_once("  queues ").map(|(_, behind)| behind);
    let count = behind.and_then(|behind| behind.split_whitespace().next()?.parse().ok());
    count.unwrap_or_else(|| panic!("{shown}"))
}

/// How often each message of a device has come.
#[track_caller]
fn messages(run: &Running) -> Vec<(u64, u64)> {
    let shown = run.ask("interrupts -j").expect("the system runs");
    let lines = shown.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let messages = lines.filter(|line| line["kind"] == "message");
    let number = |value: &Value| value.as_u64().expect("it is a number");
    messages.map(|line| (number(&line["line"]), number(&line["count"]))).collect()
}

/// What `netstat` says of segments that were of no use. Before somebody listens there may be some.
#[track_caller]
fn unused(run: &Running) -> String {
    let shown = run.ask("netstat -s").expect("the system runs");
    let line = shown.lines().next().and_then(|line| line.split_once(" segments, "));
    line.unwrap_or_else(|| panic!("{shown}")).1.into()
}

/// Bytes go there and come back by several connections at the same time.
fn check_echoes() {
    thread::scope(|scope| {
        for seed in 0..CONNECTIONS as u64 {
            scope.spawn(move || check_echo(namespace::port(ECHO), seed, MIB));
        }
    });
}

#[test]
fn each_pair_interrupts_for_the_connections_that_it_has() {
    namespace::within_with_queues(|| {
        for (variant, cpus, expected) in [(DEFAULT, 2, 2), (KERNEL, 4, 4), (OWN, 2, 2)] {
            let run = started(&services(cpus, &variant));
            assert_eq!(pairs(&run), expected, "{}", variant.name);
            let (before, unused_before) = (messages(&run), unused(&run));
            // Connections at the same time interrupt seldom, because more comes before anybody waits.
            (0..SHORT).for_each(|_| wait_for_echo(namespace::port(ECHO)));
            check_echoes();
            let after = messages(&run);
            let often = |&(line, count): &(u64, u64)| {
                let before = before.iter().find(|(other, _)| *other == line);
                count > before.map_or(0, |(_, count)| *count) + 10
            };
            let busy = after.iter().filter(|message| often(message)).count();
            assert!(busy >= 2, "{}: {before:?} {after:?}", variant.name);
            assert_eq!(unused(&run), unused_before, "{}", variant.name);
            run.end().expect_status(0);
        }
    });
}

#[test]
fn a_machine_that_gains_nothing_by_several_pairs_or_is_told_so_has_one() {
    namespace::within_with_queues(|| {
        let alone = services(1, &DEFAULT);
        let without_a_bus = services(2, &DEFAULT).with(["--machine", "microvm"]);
        let told = services(2, &DEFAULT).with(["--append", "pairs=1"]);
        for run in [alone, without_a_bus, told] {
            let run = started(&run);
            assert_eq!(pairs(&run), 1);
            check_echoes();
            run.end().expect_status(0);
        }
        for further in [["--adapter", "e1000"], ["--hosted", "--verbose"]] {
            let refused = services(2, &DEFAULT).with(further).go();
            refused.expect_status(1);
            assert!(refused.errors.contains("has several queues"), "{refused}");
        }
    });
}

#[test]
fn the_driver_may_die_while_transfers_go_on_by_all_pairs() {
    namespace::within_with_queues(|| {
        for variant in [DEFAULT, KERNEL] {
            let run = started(&services(2, &variant));
            let counts: Vec<_> = (0..CONNECTIONS).map(|_| AtomicUsize::new(0)).collect();
            let (counts, goes_on) = (&counts, &AtomicBool::new(true));
            thread::scope(|scope| {
                let transfer =
                    |count| scope.spawn(move || echo_on(namespace::port(ECHO), count, goes_on));
                let transfers: Vec<_> = counts.iter().map(transfer).collect();
                // Each of them gets on, whatever pair it has.
                let wait = || {
                    let before: Vec<_> =
                        counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
                    let gets_on = |(count, before): (&AtomicUsize, &usize)| {
                        count.load(Ordering::Relaxed) >= before + MANY
                    };
                    while !counts.iter().zip(&before).all(gets_on)
                        && !transfers.iter().any(|transfer| transfer.is_finished())
                    {
                        thread::sleep(LOOK);
                    }
                };
                wait();
                for _ in 0..2 {
                    let crashed = run.ask("crash virtio-net null");
                    assert!(crashed.is_some(), "{}", variant.name);
                    wait();
                }
                goes_on.store(false, Ordering::Relaxed);
                for transfer in transfers {
                    let done = transfer.join();
                    assert!(matches!(done, Ok(Ok(()))), "{}: {done:?}", variant.name);
                }
            });
            assert_eq!(pairs(&run), 2, "{}", variant.name);
            check_echoes();
            let shown = run.ask("servers | grep virtio-net").unwrap_or_default();
            let line = shown.lines().find(|line| line.starts_with("virtio-net "));
            let deaths = line.and_then(|line| line.split_whitespace().nth(6));
            assert_eq!(deaths, Some("2"), "{shown}");
            run.end().expect_status(0);
        }
    });
}
