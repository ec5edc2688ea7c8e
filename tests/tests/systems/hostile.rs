//! Stations that mean harm: a system that is attacked goes on serving others. It is a station beside Linux, in a namespace of the test's own.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    time::{Duration, Instant},
};

use warren_tests::{
    namespace,
    packets::{Noise, Segment, Sender, mutate},
    run::{Run, Running},
    station::{bytes, check_echo, connect, exchange, wait_for_echo},
    variant::HOSTED,
};

/// Requests for connections that nobody will ever answer.
const FLOOD: u64 = 200_000;
/// Packets in which something is wrong.
const MUTATED: u64 = 1_000_000;
/// Packets that are sent before it is asked how many have arrived.
const ROUND: u64 = 20_000;
/// Clients that begin a request and never end it. One station may have a thousand conversations.
const SLOW: usize = 900;
/// How long a head may take: what the HTTP server allows, and as long again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The address of Linux.
const LINUX: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);

fn system(name: &str) -> Run {
    namespace::system(name, "").placed(&HOSTED)
}

/// Nothing below and beside TCP has died, and almost all packet memory is free.
#[track_caller]
fn is_unharmed(run: &Running) {
    let servers = run.ask("servers").unwrap_or_default();
    let lines: Vec<Vec<_>> =
        servers.lines().map(|line| line.split_whitespace().collect()).collect();
    for server in ["tap", "ethernet", "arp", "ipv4", "tcp"] {
        let line = lines.iter().find(|line| line.first() == Some(&server));
        let state = line.and_then(|line| Some((*line.get(4)?, *line.get(6)?)));
        assert_eq!(state, Some(("alive", "0")), "{server} has died: {servers}");
    }
    let shown = run.ask("ifconfig").unwrap_or_default();
    let packets = shown.lines().find(|line| line.starts_with("packets")).unwrap_or_default();
    let number = |place| packets.split_whitespace().nth(place)?.parse::<u32>().ok();
    let (all, free) = (number(1), number(3));
    let most = all.zip(free).is_some_and(|(all, free)| free >= all / 2);
    assert!(most, "packet memory is lost: {shown}");
}

/// Sends until so many segments have arrived: Linux drops what it has no room for.
fn send_until(run: &Running, many: u64, mut send: impl FnMut()) {
    loop {
        let shown = run.ask("netstat -s").expect("the system runs");
        let line = shown.lines().find(|line| line.starts_with("received "));
        let arrived: Option<u64> =
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        match arrived.expect("the segments are counted") {
            arrived if arrived >= many => return,
            _ => (0..ROUND).for_each(|_| send()),
        }
    }
}

fn v4(port: SocketAddr) -> SocketAddrV4 {
    match port {
        SocketAddr::V4(port) => port,
        SocketAddr::V6(_) => unreachable!("the system has an address of IPv4"),
    }
}

#[test]
fn a_flood_of_requests_for_connections_is_survived() {
    namespace::within(|| {
        let run = system("services").start();
        let echo = namespace::port(7);
        wait_for_echo(echo);
        let (sender, mut noise) = (Sender::new(), Noise::new(1));
        // One that was there before, and has to go on.
        let stream = connect(echo).expect("somebody listens");
        let (before, mut came) = (bytes(2, 100_000), Vec::new());
        let mut stream = echoed(stream, &before[..50_000], &mut came);
        send_until(&run, FLOOD, || {
            let address = LINUX.to_bits() & !0xff | noise.below(256) as u32;
            let from = SocketAddrV4::new(address.into(), noise.draw() as u16);
            let sequence = noise.draw();
            let syn = Segment {
                from,
                to: v4(echo),
                sequence,
                acknowledges: None,
                syn: true,
                payload: &[],
            };
            sender.send(&syn.packet());
        });
        stream = echoed(stream, &before[50_000..], &mut came);
        drop(stream);
        assert!(came == before, "the bytes are not those that were sent");
        // And others come in.
        (3..8).for_each(|seed| check_echo(echo, seed, 100_000));
        is_unharmed(&run);
        run.end().expect_status(0);
    });
}

/// Sends bytes and adds what comes back.
fn echoed(mut stream: TcpStream, sent: &[u8], came: &mut Vec<u8>) -> TcpStream {
    let mut back = vec![0; sent.len()];
    stream.write_all(sent).expect("it is taken");
    stream.read_exact(&mut back).expect("it comes back");
    came.extend(back);
    stream
}

#[test]
fn packets_in_which_anything_may_be_wrong_are_survived() {
    namespace::within(|| {
        let run = system("services").start();
        let echo = namespace::port(7);
        wait_for_echo(echo);
        let (sender, mut noise) = (Sender::new(), Noise::new(4));
        let stream = connect(echo).expect("somebody listens");
        let port = stream.local_addr().expect("it is connected").port();
        let text = bytes(9, 64);
        send_until(&run, MUTATED, || {
            // Of that connection, or of any other one, or what begins one.
            let from = if noise.below(2) == 0 { port } else { noise.draw() as u16 };
            let kind = noise.below(3);
            let segment = Segment {
                from: SocketAddrV4::new(LINUX, from),
                to: v4(echo),
                sequence: noise.draw(),
                acknowledges: (kind != 0).then(|| noise.draw()),
                syn: kind == 0,
                payload: if kind == 2 { &text } else { &[] },
            };
            let mut packet = segment.packet();
            mutate(&mut packet, &mut noise);
            sender.send(&packet);
        });
        drop(stream);
        (3..8).for_each(|seed| check_echo(echo, seed, 100_000));
        is_unharmed(&run);
        run.end().expect_status(0);
    });
}

#[test]
fn clients_that_never_end_their_requests_keep_nobody_out() {
    namespace::within(|| {
        let run = system("web").start();
        let web = namespace::port(80);
        let request = b"GET /README.md HTTP/1.1\r\nHost: warren\r\nConnection: close\r\n\r\n";
        let get = || connect(web).and_then(|stream| exchange(stream, request));
        let start = Instant::now();
        while !get().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200 ")) {
            assert!(start.elapsed() < PATIENCE * 3, "nobody answers");
        }
        let slow: Vec<_> = (0..SLOW)
            .map(|_| {
                let mut stream = connect(web).expect("somebody listens");
                stream.write_all(b"GET / HTTP/1.1\r\nX: ").expect("it is taken");
                stream
            })
            .collect();
        let whole = get().expect("an answer");
        assert!(whole.starts_with(b"HTTP/1.1 200 "));
        // Each of them is sent away, and not before it had some time.
        for mut stream in slow {
            stream.set_read_timeout(Some(PATIENCE)).expect("there is time");
            let mut answer = Vec::new();
            let ended = stream.read_to_end(&mut answer);
            let timed_out =
                ended.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
            assert!(!timed_out, "it may stay for ever");
        }
        assert!(get().is_ok_and(|answer| answer == whole));
        is_unharmed(&run);
        run.end().expect_status(0);
    });
}
