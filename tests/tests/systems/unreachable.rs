//! What cannot be reached: beside a system stands Linux, as its router, which says so, or as a client that is told.

use std::{
    fs,
    io::{ErrorKind, Read},
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};
use warren_tests::{
    namespace::{self, TAP, linux},
    run::Running,
    station::wait_for,
    variant::{HOSTED, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
/// What nobody needs who is told. Who is not waits for half a minute.
const PATIENCE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
/// Stations behind the router that it cannot reach, what it says of them, and where the router is. Linux says so over IPv4 only five times at once.
const FAR: [(&str, &str, &str); 3] = [
    ("192.168.77.1", "host unreachable", "10.9.0.1"),
    ("192.168.78.1", "network unreachable", "10.9.0.1"),
    ("fd77::1", "network unreachable", "fd00::1"),
];

/// Addresses of Linux and of the system, and what Linux makes of it that nobody there is served a protocol: ENOPROTOOPT, EPROTO.
const BOTH: [(&str, &str, i32); 2] = [("10.9.0.1", "10.9.0.2", 92), ("fd00::1", "fd00::2", 71)];
/// A port that nobody has, and a protocol that nobody is served.
const NOBODYS_PORT: u16 = 9999;
const NOBODYS_PROTOCOL: i32 = 99;
/// Answers to strangers in a second, and datagrams that are more.
const MOST: u64 = 1000;
const FLOOD: u64 = 3 * MOST;

/// A system whose router is Linux, in whose namespace this is.
fn behind_a_router(variant: &Variant) -> Running {
    let nodes = "change \"ipv4\" { parameter \"gateway\" \"10.9.0.1\"; }
        change \"ipv6\" { parameter \"address\" \"fd00::2/64\"; parameter \"gateway\" \"fd00::1\"; }";
    namespace::system("network", nodes).placed(variant).start()
}

/// Makes Linux a router.
fn make_router() {
    linux(&format!(
        "echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
        echo 0 > /proc/sys/net/ipv4/icmp_ratemask
        echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
        ip addr add fd00::1/64 dev {TAP} nodad
        ip route add unreachable 192.168.77.0/24"
    ));
}

fn check_far_stations(variant: &Variant) {
    make_router();
    let run = behind_a_router(variant);
    for (station, reason, router) in FAR {
        let start = Instant::now();
        let shown = run.ask(&format!("ping -c 1 -W 20000 {station}")).unwrap_or_default();
        let expected = format!("icmp_seq=0: {router} says: {reason}");
        assert_eq!(shown.lines().next(), Some(&*expected), "{}: {shown}", variant.name);
        assert!(shown.contains("1 packets transmitted, 0 received"), "{}: {shown}", variant.name);
        let host = if station.contains(':') { format!("[{station}]") } else { station.into() };
        let shown = run.ask(&format!("fetch http://{host}/")).unwrap_or_default();
        assert!(shown.contains("no way leads to the address"), "{}: {shown}", variant.name);
        assert!(start.elapsed() < PATIENCE, "{} {station}: {:?}", variant.name, start.elapsed());
    }
    run.end().expect_status(0);
}

#[test]
fn whoever_asks_for_a_station_to_which_no_way_leads_is_told_in_a_process() {
    namespace::within(|| check_far_stations(&HOSTED));
}

#[test]
fn whoever_asks_for_a_station_to_which_no_way_leads_is_told() {
    namespace::within(|| check_far_stations(&DEFAULT));
}

/// A socket of Linux at `here`, from which datagrams can go to groups and to all.
fn socket(here: &str) -> UdpSocket {
    let here: IpAddr = here.parse().expect("it is an address");
    let socket = UdpSocket::bind(SocketAddr::new(here, 0)).expect("it is Linux's");
    socket.set_broadcast(true).expect("it is a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    socket
}

/// What a connected socket hears that has sent a datagram to a port of the system.
fn asked(here: &str, there: &str, port: u16) -> ErrorKind {
    let socket = socket(here);
    let there = SocketAddr::new(there.parse().expect("it is an address"), port);
    socket.connect(there).expect("there is a way");
    socket.send(b"is anybody there?").expect("there is a way");
    socket.recv(&mut [0; 64]).expect_err("nobody answers").kind()
}

/// What one hears that has sent a packet of a protocol that nobody is served.
fn asked_by_protocol(here: &str, there: &str) -> Option<i32> {
    let domain = if there.contains(':') { Domain::IPV6 } else { Domain::IPV4 };
    let protocol = Protocol::from(NOBODYS_PROTOCOL);
    let mut socket = Socket::new(domain, Type::RAW, Some(protocol)).expect("this is root");
    let [here, there] =
        [here, there].map(|it| SocketAddr::new(it.parse().expect("it is an address"), 0));
    socket.bind(&here.into()).expect("it is Linux's");
    socket.connect(&there.into()).expect("there is a way");
    socket.set_read_timeout(Some(SECOND)).expect("it is a socket");
    socket.send(b"is anybody there?").expect("there is a way");
    socket.read(&mut [0; 64]).expect_err("nobody answers").raw_os_error()
}

/// Messages of ICMP that Linux has received in this namespace: that destinations cannot be reached.
fn told() -> u64 {
    let read = |name: &str| fs::read_to_string(format!("/proc/net/{name}")).expect("Linux has it");
    let (four, six) = (read("snmp"), read("snmp6"));
    let mut rows = four.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (rows.next().expect("names"), rows.next().expect("numbers"));
    let mut four = names.split_whitespace().zip(values.split_whitespace());
    let (_, four) = four.find(|(name, _)| *name == "InDestUnreachs").expect("it is counted");
    let mut six = six.lines().filter_map(|line| line.strip_prefix("Icmp6InDestUnreachs"));
    let six = six.next().expect("it is counted").trim();
    [four, six].map(|number| number.parse::<u64>().expect("it is a number")).iter().sum()
}

/// Linux's number of the device between it and the system.
fn device() -> u32 {
    let all = fs::read_to_string("/proc/net/if_inet6").expect("Linux has it");
    let own = all.lines().find(|line| line.ends_with(TAP)).expect("it has an address");
    let number = own.split_whitespace().nth(1).expect("it has a number");
    u32::from_str_radix(number, 16).expect("it is a number")
}

fn check_refusals(variant: &Variant) {
    linux(&format!("ip addr add fd00::1/64 dev {TAP} nodad"));
    let run = behind_a_router(variant);
    for (here, there, no_protocol) in BOTH {
        let shown = run.ask(&format!("ping -c 1 {here} | grep from")).unwrap_or_default();
        assert!(shown.contains(here), "{}: {shown}", variant.name);
        assert_eq!(asked(here, there, NOBODYS_PORT), ErrorKind::ConnectionRefused, "{there}");
        // A layer that has just started says nothing of protocols.
        wait_for("it is not refused", || match asked_by_protocol(here, there) {
            Some(error) if error == no_protocol => Ok(()),
            other => Err(format!("{there} {other:?}")),
        });
    }
    let before = told();
    let group =
        SocketAddrV6::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), NOBODYS_PORT, 0, device());
    let several = ["10.9.0.255", "224.0.0.1"].map(|it| it.parse::<IpAddr>().expect("an address"));
    for all in several {
        let there = SocketAddr::new(all, NOBODYS_PORT);
        socket("10.9.0.1").send_to(b"is anybody there?", there).expect("there is a way");
    }
    socket("fd00::1").send_to(b"is anybody there?", group).expect("there is a way");
    // Whatever has come before this is dealt with.
    assert_eq!(asked("10.9.0.1", "10.9.0.2", NOBODYS_PORT), ErrorKind::ConnectionRefused);
    assert_eq!(told() - before, 1, "{}: what is for all is not refused", variant.name);
    run.end().expect_status(0);
}

fn check_flood(variant: &Variant) {
    let run = behind_a_router(variant);
    assert!(run.ask("ping -c 1 10.9.0.1").is_some());
    let (before, start) = (told(), Instant::now());
    let socket = socket("10.9.0.1");
    for _ in 0..FLOOD {
        socket.send_to(b"", ("10.9.0.2", NOBODYS_PORT)).expect("there is a way");
    }
    assert!(run.ask("ping -c 1 10.9.0.1").is_some());
    let (count, seconds) = (told() - before, start.elapsed().as_secs());
    let most = MOST * (seconds + 2);
    assert!(count > 0 && count <= most.min(FLOOD - 1), "{}: {count} in {seconds} s", variant.name);
    run.end().expect_status(0);
}

#[test]
fn whoever_sends_what_nobody_wants_is_told_in_a_process() {
    namespace::within(|| check_refusals(&HOSTED));
}

#[test]
fn whoever_sends_what_nobody_wants_is_told() {
    namespace::within(|| check_refusals(&DEFAULT));
}

#[test]
fn whoever_sends_much_that_nobody_wants_is_told_only_so_often() {
    namespace::within(|| check_flood(&HOSTED));
}
