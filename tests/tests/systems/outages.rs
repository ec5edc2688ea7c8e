//! Servers of the network that die again and again: what `./warren bench kills` measures a hundred times, here a few.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;
use warren_tests::{
    run::Running,
    station::{check_echo, connect, exchange, reachable, wait_for_echo},
};

/// How often each server dies.
const DEATHS: usize = 5;
/// QEMU's gateway, and its address of the other kind.
const GATEWAY: &str = "10.0.2.2";
const GATEWAY_6: &str = "fec0::2";

/// The system on a machine with so many CPUs, and ports of this host that lead to these of its own.
fn system<const N: usize>(cpus: u32, ports: [u16; N]) -> (Running, [SocketAddr; N]) {
    let (run, ports) = reachable("outages", ports);
    (run.cpus(cpus).start(), ports)
}

/// Makes a server fail so often, until it is missed no more each time.
#[track_caller]
fn dies(run: &Running, server: &str, outage: &str, signs: &[&str]) {
    dies_by(run, server, outage, signs, |restarts| restarts == DEATHS);
}

/// The same with as many deaths as are `right`.
#[track_caller]
fn dies_by(
    run: &Running,
    server: &str,
    outage: &str,
    signs: &[&str],
    right: impl Fn(usize) -> bool,
) {
    for _ in 0..DEATHS {
        let said = run.ask(&format!("outage {outage}")).unwrap_or_default();
        let found: Value = serde_json::from_str(&said).unwrap_or_default();
        assert!(signs.iter().all(|sign| found[sign].as_u64() > Some(0)), "{server}: {said}");
    }
    let shown = run.ask(&format!("servers | grep '^{server} '")).unwrap_or_default();
    let restarts = shown.split_whitespace().nth(6).and_then(|word| word.parse().ok());
    assert!(restarts.is_some_and(right), "{server}: {shown}");
}

/// Reads the characters that the system sends (RFC 864) as long as `goes_on` says so, and fails at the first wrong one.
fn download(port: SocketAddr, goes_on: &AtomicBool) -> std::io::Result<usize> {
    let line = |first: usize| (first..first + 72).map(|at| b' ' + (at % 95) as u8);
    let all: Vec<u8> = (0..95).flat_map(|first| line(first).chain(*b"\r\n")).collect();
    let mut stream = connect(port)?;
    let (mut piece, mut count) = (vec![0; all.len()], 0);
    while goes_on.load(Ordering::Relaxed) {
        stream.read_exact(&mut piece)?;
        assert!(piece == all, "other characters behind {count}");
        count += piece.len();
    }
    Ok(count)
}

/// Lets servers die under a download, each of them with the station to which a question goes through it.
#[track_caller]
fn check_download(cpus: u32, servers: &[(&str, &str)]) {
    let (run, [echo, characters]) = system(cpus, [7, 19]);
    wait_for_echo(echo);
    let goes_on = AtomicBool::new(true);
    thread::scope(|scope| {
        let download = scope.spawn(|| download(characters, &goes_on));
        for (server, station) in servers {
            let outage = format!("{server} {station}");
            dies(&run, server, &outage, &["answers_ns", "arrives_ns"]);
        }
        goes_on.store(false, Ordering::Relaxed);
        let count = download.join().expect("the characters are right");
        assert!(count.as_ref().is_ok_and(|count| *count > 0), "{count:?}");
    });
    run.end().expect_status(0);
}

#[test]
fn a_download_survives_every_server_below_tcp_again_and_again() {
    let by_ipv4 = ["virtio-net", "ethernet", "arp", "ipv4", "routing"].map(|it| (it, GATEWAY));
    check_download(1, &[&by_ipv4[..], &[("ipv6", GATEWAY_6)]].concat());
}

#[test]
fn an_endpoint_that_attends_another_instance_than_it_was_announced_to_is_told() {
    let (run, [_echo]) = system(1, [7]);
    dies_by(&run, "routing", "-a routing", &["refused_ns", "leads_ns"], |restarts| {
        restarts >= DEATHS
    });
    let shown = run.ask("ping -q -c 2 -i 10 10.0.2.2 | grep transmitted").unwrap_or_default();
    assert!(shown.contains(" 2 received,"), "{shown}");
    run.end().expect_status(0);
}

#[test]
fn a_download_survives_on_several_cpus() {
    check_download(2, &[("ethernet", GATEWAY), ("arp", GATEWAY)]);
}

#[test]
fn the_next_connection_is_served_after_each_death_of_tcp_and_of_those_above() {
    let (run, [echo, http]) = system(1, [7, 80]);
    wait_for_echo(echo);
    let mut stream = connect(echo).expect("QEMU listens");
    let mut byte = [0];
    stream.write_all(b"?").and_then(|()| stream.read_exact(&mut byte)).expect("it is echoed");
    dies(&run, "tcp", "tcp -p 7", &["serves_ns"]);
    // It was of the first one that died; whatever is sent now is for nobody.
    let _ = stream.write_all(b"?");
    assert!(matches!(stream.read(&mut byte), Ok(0) | Err(_)));
    dies(&run, "services", "-k services -p 7", &["serves_ns"]);
    dies(&run, "http", "-k http -p 80", &["serves_ns"]);
    check_echo(echo, 1, 100_000);
    let request = b"GET /README.md HTTP/1.1\r\nHost: warren\r\nConnection: close\r\n\r\n";
    let answer = connect(http).and_then(|stream| exchange(stream, request));
    assert!(answer.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200 ")));
    run.end().expect_status(0);
}
