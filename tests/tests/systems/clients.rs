//! Clients that other people have written, as they come with the distribution: Linux and its programs beside a system, in a namespace of the test's own.

use std::process::Command;

use warren_tests::{
    capture::{Capture, Captured},
    disk,
    dnsmasq::Dnsmasq,
    namespace::{self, TAP},
    run::{Running, root},
    station::{check_echo, wait_for},
    variant::HOSTED,
};

/// The other side of the TAP device, and the system.
const LINUX: &str = "10.9.0.1";
const STATION: &str = "10.9.0.2";
const MIB: usize = 1 << 20;
/// What no packet has.
const WRONG: &str = "_ws.malformed || _ws.expert.severity == error || ip.checksum.status == Bad || tcp.checksum.status == Bad \
    || udp.checksum.status == Bad || icmp.checksum.status == Bad";
/// What no packet of a clean link is. A window that is full or empty is no error: whoever reads slowly has one.
const REPEATED: &str = "tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission \
    || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order || tcp.analysis.duplicate_ack";
/// Who gets no time from the machine that tests is late, and has to send again. That does not happen so often.
const SESSIONS: usize = 3;

/// The small services and the documents, at the TAP device. They listen when this returns.
fn system(further: &[&str]) -> Running {
    let run = namespace::system("outages", "").with(further).start();
    listens(&run);
    run
}

/// Waits until all ports are open.
#[track_caller]
fn listens(run: &Running) {
    wait_for("not all ports are open", || {
        let shown = run.ask("netstat").expect("the system runs");
        let open = |port: u16| {
            let end = format!(":{port}");
            let mut lines = shown.lines().filter(|line| line.contains("LISTEN"));
            lines.any(|line| line.split_whitespace().any(|word| word.ends_with(&end)))
        };
        if [7, 9, 19, 80].into_iter().all(open) { Ok(()) } else { Err(shown) }
    });
}

/// What a client says that ends well.
#[track_caller]
fn said(words: &[&str]) -> String {
    let mut command = Command::new(words[0]);
    let output = command.args(&words[1..]).env("PATH", disk::path()).output();
    let output = output.unwrap_or_else(|error| panic!("{} is not installed: {error}", words[0]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {text}{errors}");
    text
}

/// Nobody has died.
#[track_caller]
fn is_unharmed(run: &Running) {
    let shown = run.ask("servers").expect("the system runs");
    let lives = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        matches!(words[..], [_, _, _, _, "alive", _, "0", ..])
    };
    assert!(shown.lines().skip(1).all(lives), "{shown}");
}

/// All answers to wrk, and whether they were good.
#[track_caller]
fn is_served(text: &str) {
    for wrong in ["Socket errors", "Non-2xx or 3xx responses"] {
        assert!(!text.contains(wrong), "{text}");
    }
    let line = text.lines().find(|line| line.contains(" requests in "));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    assert!(count > Some(100), "{text}");
}

#[test]
fn wrk_gets_all_that_it_asks_for_by_connections_that_stay() {
    namespace::within(|| {
        let url = format!("http://{STATION}/README.md");
        for (further, connections) in [(&["--hosted"][..], "100"), (&[], "16")] {
            let run = system(further);
            is_served(&said(&["wrk", "-t", "1", "-c", connections, "-d", "2", &url]));
            is_unharmed(&run);
            run.end().expect_status(0);
        }
    });
}

#[test]
fn nmap_finds_out_what_is_served() {
    namespace::within(|| {
        let run = system(&["--hosted"]);
        // Few of its questions: who discards never answers any, and each is waited for.
        let few = ["-sV", "--version-intensity", "1"];
        // Of the others each is asked once, all of them together, and there is time for the answer.
        let once = ["--max-retries", "0", "--initial-rtt-timeout", "9s", "--min-rtt-timeout", "9s"];
        let words = [&["nmap", "-n", "-Pn", "-p", "1-100"], &few[..], &once, &[STATION]];
        let shown = said(&words.concat());
        let service = |port: &str| {
            let line = shown.lines().find(|line| line.starts_with(port)).unwrap_or_default();
            let mut words = line.split_whitespace();
            (words.nth(1).unwrap_or_default(), words.next().unwrap_or_default())
        };
        assert_eq!(service("7/tcp"), ("open", "echo"), "{shown}");
        assert_eq!(service("19/tcp"), ("open", "chargen"), "{shown}");
        // Of one it hears nothing, and of the other that it is HTTP, by a server that it does not know.
        assert_eq!(service("9/tcp"), ("open", "discard?"), "{shown}");
        assert_eq!(service("80/tcp"), ("open", "http?"), "{shown}");
        assert!(shown.contains(r"HTTP/1\.1\x20200\x20OK\r\nServer:\x20Warren"), "{shown}");
        assert!(shown.contains("96 closed tcp ports"), "{shown}");
        is_unharmed(&run);
        check_echo(namespace::port(7), 1, 100_000);
        run.end().expect_status(0);
    });
}

#[test]
fn every_ping_of_linux_comes_back() {
    namespace::within(|| {
        for further in [&["--hosted"][..], &[]] {
            let run = system(further);
            for words in [
                &["ping", "-n", "-q", "-f", "-c", "2000", STATION][..],
                &["ping", "-n", "-q", "-i", "0.01", "-c", "20", "-s", "65507", STATION],
                &["ping", "-n", "-q", "-f", "-c", "200", "-s", "1473", STATION],
            ] {
                let shown = said(words);
                assert!(shown.contains(" 0% packet loss"), "{words:?}: {shown}");
            }
            is_unharmed(&run);
            run.end().expect_status(0);
        }
    });
}

/// The packets that a filter selects are there, each of them.
#[track_caller]
fn has(captured: &Captured, filters: &[&str]) {
    for filter in filters {
        assert!(!captured.select(filter).is_empty(), "no packet is `{filter}`");
    }
}

/// A lease, names, pings both ways, a document and ten mebibytes that come back: all that a capture of them holds.
fn session() -> Captured {
    let capture = Capture::start("sessions");
    let range = format!("--dhcp-range={STATION},{STATION},255.255.255.0,1h");
    let _dnsmasq = Dnsmasq::start(&[&range, &format!("--address=/here.test/{LINUX}")]);
    let run = namespace::leased("outages", "").placed(&HOSTED).start();
    listens(&run);
    wait_for("no address is lent", || {
        let shown = run.ask("ifconfig").unwrap_or_default();
        if shown.contains(STATION) { Ok(()) } else { Err(shown) }
    });
    let found = run.ask("nslookup here.test nowhere.test").unwrap_or_default();
    assert!(found.contains(LINUX), "{found}");
    for line in [format!("ping -q -c 3 -i 10 {LINUX}"), format!("ping -q -c 2 -s 65507 {LINUX}")] {
        let shown = run.ask(&line).unwrap_or_default();
        assert!(shown.contains(" 0% packet loss"), "{line}: {shown}");
    }
    said(&["ping", "-n", "-q", "-c", "2", "-i", "0.01", "-s", "65507", STATION]);
    let document = said(&["curl", "-s", "-S", &format!("http://{STATION}/ARCHITECTURE.md")]);
    let expected = std::fs::read_to_string(root().join("ARCHITECTURE.md"));
    assert!(expected.is_ok_and(|expected| document == expected), "it is another document");
    check_echo(namespace::port(7), 1, 10 * MIB);
    run.end().expect_status(0);
    capture.end()
}

/// Mebibytes that come back over an adapter, by connections of which Linux takes segments with so many bytes at most: all that a capture of them holds, and how
/// many frames the adapter was given to send.
fn transfer(adapter: &str, segment_bytes: u16) -> (Captured, usize) {
    let network = "10.9.0.0/24";
    let most = segment_bytes.to_string();
    said(&["ip", "route", "change", network, "dev", TAP, "src", LINUX, "advmss", &most]);
    let run = system(&["--adapter", adapter]);
    let capture = Capture::start(adapter);
    check_echo(namespace::port(7), 1, 3 * MIB);
    let captured = capture.end();
    let shown = run.ask("ifconfig").unwrap_or_default();
    assert!(shown.contains("segment-ipv4"), "{shown}");
    // What comes behind frames that were cut is still as it was. The ring of rtl8139 has room for one of the longer ones at a time.
    for bytes in ["1000", "65507"] {
        let shown = said(&["ping", "-n", "-q", "-c", "2", "-i", "0.3", "-s", bytes, STATION]);
        assert!(shown.contains(" 0% packet loss"), "{shown}");
    }
    check_echo(namespace::port(7), 2, 100);
    is_unharmed(&run);
    run.end().expect_status(0);
    let sent = shown.lines().find_map(|line| line.trim().strip_prefix("sent "));
    let sent = sent.and_then(|line| line.split_whitespace().next()?.parse().ok());
    (captured, sent.unwrap_or_else(|| panic!("{shown}")))
}

#[test]
fn adapters_cut_segments_in_which_wireshark_finds_nothing_wrong() {
    namespace::within(|| {
        for (adapter, segment_bytes) in
            [("e1000", 1460), ("rtl8139", 1460), ("e1000", 536), ("rtl8139", 536)]
        {
            let (captured, frames) = transfer(adapter, segment_bytes);
            // Of the two sums that say the same QEMU's adapters send the other one, which everybody takes.
            let wrong = captured.select(&format!("({WRONG}) && !(tcp.checksum == 0xffff)"));
            assert!(wrong.is_empty(), "{adapter}: {} packets:\n{}", wrong.len(), wrong.join("\n"));
            // Timestamps take twelve bytes of each, and what says that something is missing up to 28 of some.
            let most = segment_bytes - 12;
            let longer_than =
                |bytes| captured.select(&format!("ip.src == {STATION} && tcp.len > {bytes}")).len();
            let segments = longer_than(most - 29);
            assert!(segments * usize::from(segment_bytes) > 2 * MIB, "{adapter}: {segments}");
            assert_eq!(longer_than(most), 0, "{adapter}: segments are too long");
            let frames_too_long =
                captured.select(&format!("ip.src == {STATION} && frame.len > 1514"));
            assert!(frames_too_long.is_empty(), "{adapter}: {}", frames_too_long.join("\n"));
            assert!(frames < segments, "{adapter}: {frames} frames for {segments} segments");
        }
    });
}

#[test]
fn wireshark_finds_nothing_wrong_in_any_session() {
    namespace::within(|| {
        let mut repeated = Vec::new();
        for _ in 0..SESSIONS {
            let captured = session();
            let wrong = captured.select(WRONG);
            assert!(wrong.is_empty(), "{} packets:\n{}", wrong.len(), wrong.join("\n"));
            has(
                &captured,
                &["arp", "dhcp", "dns", "icmp", "http.response.code == 200", "tcp.port == 7"],
            );
            // What is not looked at is not wrong.
            for from in [LINUX, STATION] {
                let good = ["ip", "icmp", "udp", "tcp"]
                    .map(|kind| format!("ip.src == {from} && {kind}.checksum.status == Good"));
                has(&captured, &good.each_ref().map(String::as_str));
            }
            repeated = captured.select(REPEATED);
            if repeated.is_empty() {
                return;
            }
        }
        panic!("{} packets:\n{}", repeated.len(), repeated.join("\n"));
    });
}
