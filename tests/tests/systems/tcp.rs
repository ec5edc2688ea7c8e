//! TCP, with this host as the other side: through QEMU's user network, which makes connections of its own to the system.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use warren_tests::{
    changed::changed,
    namespace,
    run::Running,
    station::{bytes, check_echo, connect, echo_on, exchange, reachable, wait_for_echo},
    variant::{HOSTED, KERNEL, OWN, PROCESSES, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };

const MIB: usize = 1 << 20;
/// How many pieces are many.
const MANY: usize = 10;
/// How often to look whether something has happened.
const LOOK: Duration = Duration::from_millis(5);

/// The system with the small services, and the ports that lead to echo, discard and character generator.
fn services(variant: &Variant) -> (Running, [SocketAddr; 3]) {
    system("services", variant)
}

/// The same for a system like that one.
fn system(name: &str, variant: &Variant) -> (Running, [SocketAddr; 3]) {
    let (run, ports) = reachable(name, [7, 9, 19]);
    let run = run.placed(variant).start();
    wait_for_echo(ports[0]);
    (run, ports)
}

/// The bytes that `services` shows for one of them.
fn bytes_of(service: &str, shown: &str) -> Option<u64> {
    let line = shown.lines().find(|line| line.starts_with(service))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[test]
fn ten_mebibytes_come_back_in_every_placement() {
    ten_mebibytes_come_back(&[DEFAULT, KERNEL, OWN]);
}

fn ten_mebibytes_come_back(variants: &[Variant]) {
    for variant in variants {
        let (run, [echo, ..]) = services(variant);
        check_echo(echo, 1, 10 * MIB);
        let shown = run.ask("netstat -s").unwrap_or_default();
        let ended = run.end();
        ended.expect_status(0);
        assert!(shown.contains(" 0 bad, 0 for ports that nobody has"), "{}: {ended}", variant.name);
    }
}

#[test]
fn a_hundred_connections_go_on_at_the_same_time() {
    a_hundred_connections_go_on(services(&DEFAULT));
}

#[test]
fn a_hundred_connections_take_turns_in_one_mebibyte_of_packets() {
    let little = changed("services", "change \"packet-memory\" { parameter \"mib\" 1; }");
    a_hundred_connections_go_on(system(&little, &DEFAULT));
}

fn a_hundred_connections_go_on((run, [echo, ..]): (Running, [SocketAddr; 3])) {
    // QEMU has a short line of those that wait to be accepted, so they come one after the other.
    let open = |seed: u64| {
        let mut stream = connect(echo).expect("somebody listens");
        let mut byte = [0];
        let echoed = stream.write_all(b"!").and_then(|()| stream.read_exact(&mut byte));
        assert!(echoed.is_ok() && byte == *b"!", "{echoed:?}");
        (seed, stream)
    };
    let streams: Vec<_> = (0..100).map(open).collect();
    thread::scope(|scope| {
        for (seed, stream) in streams {
            scope.spawn(move || {
                let sent = bytes(seed, 64 * 1024 + seed as usize);
                let came = exchange(stream, &sent);
                assert!(came.is_ok_and(|came| came == sent), "connection {seed}");
            });
        }
    });
    let shown = run.ask("services").unwrap_or_default();
    let ended = run.end();
    // With what found out whether the system was there, perhaps several times.
    let sent = (0..100).map(|seed| 64 * 1024 + seed + 1).sum::<u64>();
    assert!(bytes_of("echo", &shown).is_some_and(|bytes| bytes > sent), "{ended}");
}

#[test]
fn what_is_discarded_is_counted_and_what_is_generated_is_right() {
    bytes_are_discarded_and_generated(&DEFAULT);
}

fn bytes_are_discarded_and_generated(variant: &Variant) {
    let (run, [_, discard, characters]) = services(variant);
    let stream = connect(discard).expect("somebody listens");
    let came = exchange(stream, &vec![7; 3 * MIB]).expect("it ends in order");
    assert!(came.is_empty());
    let mut stream = connect(characters).expect("somebody listens");
    let mut text = vec![0; MIB];
    stream.read_exact(&mut text).expect("there is no end of it");
    drop(stream);
    let text = String::from_utf8(text).expect("they are characters");
    let mut lines = text.split("\r\n");
    assert!(lines.next().is_some_and(|line| line.starts_with(" !\"#$") && line.len() == 72));
    assert!(lines.next().is_some_and(|line| line.starts_with("!\"#$%") && line.len() == 72));
    let shown = run.ask("services").unwrap_or_default();
    let sockets = run.ask("netstat -u").unwrap_or_default();
    let ended = run.end();
    assert!(sockets.lines().any(|line| line.starts_with("*:7 ")), "{sockets}");
    assert_eq!(bytes_of("discard", &shown), Some(3 * MIB as u64), "{ended}");
}

#[test]
fn servers_below_may_die_while_a_transfer_goes_on() {
    let all = ["virtio-net", "ethernet", "arp", "ipv4"];
    // What dies at the border of a domain and within one space is alike above and below.
    servers_below_may_die(&[(DEFAULT, &all[..]), (KERNEL, &all[..1]), (OWN, &all[3..])]);
}

fn servers_below_may_die(cases: &[(Variant, &[&str])]) {
    for (variant, servers) in cases {
        for server in *servers {
            let (run, [echo, ..]) = services(variant);
            let (pieces, goes_on) = (AtomicUsize::new(0), AtomicBool::new(true));
            thread::scope(|scope| {
                let transfer = scope.spawn(|| echo_on(echo, &pieces, &goes_on));
                let wait_for = |count: usize| {
                    while pieces.load(Ordering::Relaxed) < count && !transfer.is_finished() {
                        thread::sleep(LOOK);
                    }
                };
                wait_for(MANY);
                let crashed = run.ask(&format!("crash {server} null"));
                wait_for(pieces.load(Ordering::Relaxed) + MANY);
                goes_on.store(false, Ordering::Relaxed);
                assert!(crashed.is_some(), "{server} {}", variant.name);
                let done = transfer.join();
                assert!(matches!(done, Ok(Ok(()))), "{server} {}: {done:?}", variant.name);
            });
            let shown = run.ask(&format!("servers | grep {server}")).unwrap_or_default();
            let line = shown.lines().find(|line| line.starts_with(server)).unwrap_or_default();
            assert!(line.split_whitespace().nth(6) == Some("1"), "{server} has not died: {shown}");
            run.end().expect_status(0);
        }
    }
}

#[test]
fn connections_of_a_dead_server_are_reset_and_new_ones_come() {
    tcp_may_die(&DEFAULT);
}

fn tcp_may_die(variant: &Variant) {
    let (run, [echo, _, characters]) = services(variant);
    let [mut talking, mut waiting] = [echo; 2].map(|port| {
        let mut stream = connect(port).expect("somebody listens");
        echoed(&mut stream, b"a");
        stream
    });
    let mut reading = connect(characters).expect("somebody listens");
    reading.read_exact(&mut vec![0; MIB]).expect("there is no end of it");
    assert!(run.ask("crash tcp null").is_some());
    // Whatever is sent now is for nobody.
    let _ = talking.write_all(b"b");
    let ended = talking.read(&mut [0]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    // Who says nothing hears of it, too.
    for stream in [&mut waiting, &mut reading] {
        let ended = stream.read_to_end(&mut Vec::new());
        let is_reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        // QEMU only ends what was reset.
        let qemu = !namespace::is_inside() && ended.is_ok();
        assert!(qemu || ended.as_ref().is_err_and(is_reset), "{ended:?}");
    }
    wait_for_echo(echo);
    check_echo(echo, 5, 100_000);
    let shown = run.ask("netstat -s").unwrap_or_default();
    let ended = run.end();
    assert!(!shown.contains(" 0 resets"), "{shown}: {ended}");
}

#[test]
fn a_linux_process_is_a_station_beside_linux() {
    namespace::within(|| {
        ten_mebibytes_come_back(&[HOSTED, PROCESSES]);
        a_hundred_connections_go_on(services(&HOSTED));
        bytes_are_discarded_and_generated(&HOSTED);
        tcp_may_die(&HOSTED);
        servers_below_may_die(&[
            (HOSTED, &["tap", "ethernet", "arp", "ipv4"]),
            (PROCESSES, &["tap", "ethernet"]),
        ]);
    });
}

#[test]
fn a_machine_is_a_station_beside_linux() {
    namespace::within(|| {
        ten_mebibytes_come_back(&[DEFAULT]);
        tcp_may_die(&DEFAULT);
    });
}

#[test]
fn ten_thousand_connections_go_on_at_the_same_time_in_256_mib() {
    namespace::within(|| {
        let nodes = "change \"services\" { parameter \"conversations\" 12000; }";
        let run = namespace::system("services", nodes).with(["--memory", "256"]).start();
        let echo = namespace::port(7);
        wait_for_echo(echo);
        let open = |number: usize| {
            let connected = connect(echo);
            let mut stream =
                connected.unwrap_or_else(|error| panic!("connection {number}: {error}"));
            let text = bytes(number as u64, 16);
            echoed(&mut stream, &text);
            (stream, text)
        };
        let mut all: Vec<_> = (0..10_000).map(open).collect();
        // All of them are there still, the first ones too.
        for (stream, text) in &mut all {
            echoed(stream, text);
        }
        let shown = run.ask("netstat | grep -c ESTABLISHED").unwrap_or_default();
        assert_eq!(shown.trim(), "10000");
        drop(all);
        check_echo(echo, 1, 100_000);
        run.end().expect_status(0);
    });
}

/// Sends bytes, which come back.
fn echoed(stream: &mut TcpStream, text: &[u8]) {
    let mut back = vec![0; text.len()];
    stream.write_all(text).expect("it is taken");
    stream.read_exact(&mut back).expect("it comes back");
    assert_eq!(back, text);
}
