//! IPv6: beside QEMU's user network, whose router says where the system is, and beside Linux.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv6Addr, SocketAddr, TcpListener},
    process::Command,
    thread,
};

use socket2::{Domain, Protocol, Socket, Type};
use warren_tests::{
    dnsmasq::Dnsmasq,
    namespace::{self, TAP},
    run::{Run, Running, root},
    station::{bytes, check_echo, connect, wait_for, wait_for_echo},
    variant::{HOSTED, KERNEL, OWN, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
const MIB: usize = 1 << 20;
/// Bytes that are sent before they are waited for.
const PIECE: usize = 64 << 10;
/// Addresses of Linux, and of the system.
const LINUX: &str = "fd00::1";
const SYSTEM: &str = "fd00::2";

/// A system beside Linux, in whose namespace this is.
fn beside_linux(name: &str, variant: &Variant) -> Running {
    let nodes =
        format!("change \"ipv6\" {{ parameter \"address\" \"{SYSTEM}/64\"; }}\nstart \"icmp\"");
    namespace::system(name, &nodes).placed(variant).start()
}

/// A port of the system's.
fn port(port: u16) -> SocketAddr {
    (SYSTEM.parse::<Ipv6Addr>().expect("it is an address"), port).into()
}

/// Whether a command of Linux's succeeds, and what it says.
fn linux(line: &str) -> (bool, Vec<u8>) {
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", warren_tests::disk::path());
    let ended = command.output().expect("there is a shell");
    (ended.status.success(), ended.stdout)
}

#[test]
fn a_router_says_where_the_system_is() {
    let ask = "ping -q -c 2 -i 10 fec0::2 | grep transmitted";
    let lines =
        [ask, "ifconfig", "crash ipv6 null", "ping -q -c 8 -i 100 -W 100 fec0::2 | grep -c x", ask];
    for variant in [DEFAULT, KERNEL, OWN] {
        let run = Run::new("network", &lines).placed(&variant).go();
        let all = "2 packets transmitted, 2 received, 0% packet loss";
        let shown = run.lines();
        assert_eq!(shown.iter().filter(|line| **line == all).count(), 2, "{}: {run}", variant.name);
        let own = "ipv6     inet6 fe80::5054:ff:fe77:6101/64 fec0::5054:ff:fe77:6101/64  gateway fe80::2 ";
        assert!(shown.iter().any(|line| line.starts_with(own)), "{}: {run}", variant.name);
    }
}

#[test]
fn the_system_reaches_itself() {
    let sizes = [0, 1452, 3960, 65_507];
    let lines = sizes.map(|bytes| format!("ping -c 1 -s {bytes} ::1 | grep from"));
    let run = Run::new("network", &lines).go();
    for (line, bytes) in run.lines().iter().zip(sizes) {
        assert!(line.starts_with(&format!("{} bytes from ::1: ", bytes + 8)), "{run}");
        assert!(line.ends_with(" ms"), "{run}");
    }
    assert_eq!(run.lines().len(), sizes.len(), "{run}");
}

#[test]
fn linux_and_the_system_reach_each_other() {
    namespace::within(|| {
        assert!(linux(&format!("ip addr add {LINUX}/64 dev {TAP} nodad")).0);
        for variant in [HOSTED, DEFAULT] {
            reach_each_other(&variant);
        }
    });
}

fn reach_each_other(variant: &Variant) {
    let run = beside_linux("services", variant);
    wait_for_echo(port(7));
    // What does not fit into a packet travels in fragments.
    for bytes in [56, 20_000] {
        let asked = linux(&format!("ping -6 -q -c 3 -i 0.2 -W 5 -s {bytes} {SYSTEM}"));
        assert!(asked.0, "{bytes} {}: {asked:?}", variant.name);
        let ask = format!("ping -q -c 2 -i 10 -s {bytes} {LINUX} | grep transmitted");
        let shown = run.ask(&ask).unwrap_or_default();
        assert!(shown.contains(" 2 received,"), "{bytes} {}: {shown}", variant.name);
    }
    check_echo(port(7), 1, 10 * MIB);
    let mut stream = connect(port(7)).expect("somebody listens");
    let mut back = vec![0; PIECE];
    let mut echo = |seed| {
        let text = bytes(seed, PIECE);
        let came = stream.write_all(&text).and_then(|()| stream.read_exact(&mut back));
        assert!(came.is_ok() && back == text, "{}: {came:?}", variant.name);
    };
    echo(1);
    let shown = run.ask("netstat").unwrap_or_default();
    assert!(shown.contains("[fd00::2]:7"), "{}: {shown}", variant.name);
    assert!(run.ask("crash ipv6 null").is_some());
    (2..8).for_each(&mut echo);
    let shown = run.ask("servers | grep ipv6").unwrap_or_default();
    assert_eq!(shown.split_whitespace().nth(6), Some("1"), "it has not died: {shown}");
    run.end().expect_status(0);
}

/// Sends a message that a packet from the system to Linux was too big, of a protocol and with this beginning.
fn too_big(protocol: u8, beginning: &[u8]) {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6));
    let socket = socket.expect("this process is root in the namespace");
    let [system, linux] = [SYSTEM, LINUX].map(|it| it.parse::<Ipv6Addr>().expect("an address"));
    let mut message = vec![2, 0, 0, 0, 0, 0, 5, 0, 0x60, 0, 0, 0, 5, 0, protocol, 64];
    message.extend(system.octets());
    message.extend(linux.octets());
    message.extend(beginning);
    // Linux fills in the checksum.
    let sent = socket.send_to(&message, &SocketAddr::from((system, 0)).into());
    assert_eq!(sent.expect("the system is there"), message.len());
}

#[test]
fn nobody_is_told_of_a_narrow_path_by_whoever_has_not_seen_what_was_sent() {
    namespace::within(|| {
        assert!(linux(&format!("ip addr add {LINUX}/64 dev {TAP} nodad")).0);
        let run = beside_linux("services", &HOSTED);
        wait_for_echo(port(7));
        let stream = connect(port(7)).expect("somebody listens");
        let there = stream.local_addr().expect("it is connected").port().to_be_bytes();
        // A connection that there is not, a position that is not on the way, a datagram and a question that nobody has sent, and the like in fragments.
        let segment = |port: [u8; 2]| [&[0, 7], &port[..], &[1, 2, 3, 4], &[0; 12]].concat();
        too_big(6, &segment([1, 1]));
        too_big(6, &segment(there));
        too_big(17, &[0, 7, 1, 1, 5, 0, 0, 0]);
        too_big(58, &[128, 0, 0, 0, 0, 1, 0, 0]);
        too_big(44, &[17, 0, 0, 1, 1, 2, 3, 4]);
        too_big(99, &[0; 8]);
        // Whatever has come before this is dealt with.
        assert!(linux(&format!("ping -6 -q -c 1 -W 5 {SYSTEM}")).0);
        check_echo(port(7), 1, 100_000);
        let mut stream = connect(port(7)).expect("somebody listens");
        let mut back = [0; 8];
        let came = stream.write_all(&back).and_then(|()| stream.read_exact(&mut back));
        assert!(came.is_ok(), "{came:?}");
        let shown = run.ask("netstat -j").unwrap_or_default();
        let own = shown.lines().filter(|line| line.contains("\"ESTABLISHED\""));
        let segments: Vec<&str> = own.filter(|line| line.contains(SYSTEM)).collect();
        assert_eq!(segments.len(), 2, "{shown}");
        // All but the headers of IPv6 and of TCP with timestamps.
        let all = segments.iter().all(|line| line.contains("\"segment_bytes\":1428"));
        assert!(all, "{shown}");
        run.end().expect_status(0);
    });
}

#[test]
fn documents_come_to_linux() {
    namespace::within(|| {
        assert!(linux(&format!("ip addr add {LINUX}/64 dev {TAP} nodad")).0);
        let run = beside_linux("web", &HOSTED);
        wait_for("nobody serves documents", || connect(port(80)).map(drop));
        let url = format!("http://[{SYSTEM}]/ARCHITECTURE.md");
        let (is_there, document) = linux(&format!("curl -6 -s -g --max-time 60 {url}"));
        let text = fs::read(root().join("ARCHITECTURE.md")).expect("it is there");
        assert!(is_there && document == text, "{} bytes", document.len());
        run.end().expect_status(0);
    });
}

/// A server of one document at Linux's address of IPv4 alone: where it is, by a name that has an address of IPv6, too.
fn document() -> String {
    let listener = TcpListener::bind("10.9.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that hears no more is no failure.
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhere\n");
        }
    });
    format!("http://here.test:{port}/")
}

#[test]
fn names_lead_to_ipv6_by_name_servers_that_a_router_or_the_system_file_names() {
    namespace::within(|| {
        assert!(linux(&format!("ip addr add {LINUX}/64 dev {TAP} nodad")).0);
        let _dnsmasq = Dnsmasq::start(&[
            "--enable-ra",
            "--dhcp-range=fd00::,ra-only,64",
            &format!("--dhcp-option=option6:dns-server,[{LINUX}]"),
            &format!("--address=/here.test/{LINUX}"),
            "--address=/here.test/10.9.0.1",
        ]);
        let url = document();
        let said = format!(
            "change \"ipv6\" {{ parameter \"address\" \"{SYSTEM}/64\"; parameter \"name-servers\" \"{LINUX}\"; }}"
        );
        for (nodes, variant) in [("", HOSTED), (&said, HOSTED), ("", DEFAULT)] {
            let run = namespace::system("network", nodes).placed(&variant).start();
            wait_for("no name server is known", || {
                let shown = run.ask("ifconfig").unwrap_or_default();
                let known =
                    |line: &str| line.contains("inet6") && line.ends_with("name servers fd00::1");
                // And there is an address to ask from.
                let is_there = shown.lines().any(|line| known(line) && line.contains(" fd00::"));
                if is_there { Ok(()) } else { Err(shown) }
            });
            let ask = |line: &str| run.ask(line).unwrap_or_default();
            let found = ask("nslookup here.test");
            let found: Vec<&str> = found.lines().map(str::trim).collect();
            assert_eq!(found, ["here.test fd00::1", "here.test 10.9.0.1"], "{nodes}");
            let shown = ask("ping -q -c 2 -i 10 here.test");
            assert!(shown.contains("--- fd00::1 ping statistics"), "{nodes}: {shown}");
            assert!(shown.contains(" 0% packet loss"), "{nodes}: {shown}");
            // Nobody listens at the first of its addresses.
            assert_eq!(ask(&format!("fetch {url}")).trim(), "here", "{nodes}");
            run.end().expect_status(0);
        }
    });
}
