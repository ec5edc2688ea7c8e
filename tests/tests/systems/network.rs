//! The network as far as a station next door is concerned: QEMU's user network, whose gateway answers.

use warren_tests::{
    run::{Ended, Run},
    variant::{KERNEL, OWN, SHARED, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };

fn has(run: &Ended, line: &str) -> bool {
    run.lines().contains(&line)
}

/// The answers that `ping` has shown.
fn answers(run: &Ended) -> Vec<&str> {
    run.lines().into_iter().filter(|line| line.contains(" bytes from ")).collect()
}

#[test]
fn the_gateway_answers_in_every_placement() {
    for variant in [DEFAULT, KERNEL, OWN, SHARED] {
        let lines = ["ping -c 3 -i 10 10.0.2.2", "echo status $?"];
        let run = Run::new("network", &lines).placed(&variant).go();
        let received = "3 packets transmitted, 3 received, 0% packet loss";
        assert!(has(&run, received) && has(&run, "status 0"), "{}: {run}", variant.name);
        for (sequence, line) in answers(&run).iter().enumerate() {
            let expected = format!("64 bytes from 10.0.2.2: icmp_seq={sequence} ttl=255 time=");
            assert!(line.starts_with(&expected), "{}: {run}", variant.name);
        }
    }
}

#[test]
fn the_gateway_answers_where_there_is_no_bus() {
    let lines = ["ping -c 2 -i 10 10.0.2.2"];
    let run = Run::new("network", &lines).with(["--machine", "microvm"]).go();
    assert!(has(&run, "2 packets transmitted, 2 received, 0% packet loss"), "{run}");
}

#[test]
fn all_fragments_of_the_first_packet_wait_for_its_neighbour() {
    let lines = ["ping -q -c 1 -s 60000 10.0.2.2"];
    let run = Run::new("network", &lines).go();
    assert!(has(&run, "1 packets transmitted, 1 received, 0% packet loss"), "{run}");
}

#[test]
fn every_adapter_is_driven_and_comes_back() {
    for adapter in ["e1000", "rtl8139"] {
        for place in ["kernel", "own"] {
            let crash = format!("crash {adapter} null");
            let lines = [
                "ping -q -c 3 -s 3000 -i 10 10.0.2.2 | grep transmitted",
                &crash,
                // The first question meets the fault.
                "ping -q -c 8 -i 100 -W 100 10.0.2.2 | grep -c transmitted",
                // One at a time: the ring of rtl8139 has room for one.
                "ping -q -c 3 -s 60000 -i 300 10.0.2.2 | grep transmitted",
                "ifconfig | grep quarantine",
            ];
            let place = format!("--place={adapter}={place}");
            let run = Run::new("network", &lines).with(["--adapter", adapter, &place]).go();
            let all = "3 packets transmitted, 3 received, 0% packet loss";
            let shown = run.lines();
            assert_eq!(shown.iter().filter(|line| **line == all).count(), 2, "{place}: {run}");
            let memory = shown.last().copied().unwrap_or_default();
            assert!(memory.contains(" 0 in quarantine, 6 shares"), "{place}: {run}");
            assert!(!run.errors.contains("not started"), "{place}: {run}");
        }
    }
}

#[test]
fn packets_of_every_length_come_back_as_they_were_sent() {
    // Around the edges of packets and buffers, here and over the link.
    let sizes = [0, 1, 1472, 1473, 2952, 3960, 3961, 4096, 20_000, 65_507];
    let ask = |address| move |bytes| format!("ping -c 1 -s {bytes} {address}");
    let lines: Vec<String> =
        sizes.iter().map(ask("10.0.2.2")).chain(sizes.iter().map(ask("127.0.0.1"))).collect();
    let run = Run::new("network", &lines).go();
    let answers = answers(&run);
    let sources = ["10.0.2.2", "127.0.0.1"];
    let expected = sources.iter().flat_map(|source| sizes.iter().map(move |bytes| (source, bytes)));
    assert_eq!(answers.len(), 2 * sizes.len(), "{run}");
    for (answer, (source, bytes)) in answers.iter().zip(expected) {
        assert!(answer.starts_with(&format!("{} bytes from {source}: ", bytes + 8)), "{run}");
        assert!(answer.ends_with(" ms"), "{run}");
    }
}

#[test]
fn who_does_not_answer_is_said() {
    let lines = [
        "ping -c 2 -i 0 -W 50 10.0.2.99; echo status $?",
        "ping -x 10.0.2.2; echo status $?",
        "ping -c 1 -s 65508 10.0.2.2; echo status $?",
        "ifconfig -n",
    ];
    let run = Run::new("network", &lines).go();
    assert!(has(&run, "icmp_seq=0: no answer came in time"), "{run}");
    assert!(has(&run, "2 packets transmitted, 0 received, 100% packet loss"), "{run}");
    assert!(has(&run, "status 1") && has(&run, "status 2"), "{run}");
    assert!(run.lines().iter().any(|line| line.starts_with("10.0.2.99  unknown")), "{run}");
}

#[test]
fn the_state_of_the_network_is_shown() {
    let lines = ["ping -q -c 1 10.0.2.2", "ifconfig", "ifconfig -n", "netstat -u", "netstat -us"];
    let run = Run::new("network", &lines).go();
    for start in [
        "LOCAL  RECEIVED  UNREAD  DROPPED  SENT",
        // The DHCP server's answers, for which the port is open only until they are there.
        "received 2 datagrams, 0 bad, 0 for ports that nobody has, 0 dropped",
        "link     up  ether 52:54:00:77:61:01  mtu 1500  ",
        "ipv4     inet 10.0.2.15/24  gateway 10.0.2.2  name servers 10.0.2.3",
        // Two answers of the DHCP server, and that of the gateway.
        "         received 3 packets, 0 bad, 0 of unknown protocols",
        "10.0.2.2  52:55:0a:00:02:02  ",
    ] {
        assert!(run.lines().iter().any(|line| line.starts_with(start)), "`{start}`: {run}");
    }
}

#[test]
fn the_way_to_this_station_itself_comes_back_when_what_leads_there_has_died() {
    let ask = "ping -q -c 2 -i 10 127.0.0.1 | grep transmitted";
    // The first question meets the fault.
    let meet = "ping -q -c 3 -i 100 127.0.0.1 | grep -c x";
    let lines = ["crash loopback null", meet, ask, "crash routing null", meet, ask, "ifconfig -r"];
    let run = Run::new("network", &lines).go();
    let all = "2 packets transmitted, 2 received, 0% packet loss";
    assert_eq!(run.lines().iter().filter(|line| **line == all).count(), 2, "{run}");
    for route in ["127.0.0.0/8 ", "::1/128 ", "10.0.2.0/24 "] {
        assert!(run.lines().iter().any(|line| line.starts_with(route)), "{route}: {run}");
    }
}

#[test]
fn every_server_below_may_die_and_comes_back() {
    for variant in [DEFAULT, KERNEL, OWN] {
        let servers = ["virtio-net", "ethernet", "arp", "ipv4", "routing", "icmp"];
        let lines = servers.iter().flat_map(|server| {
            [
                // The first question meets the fault; the layers notice within half a second.
                format!("crash {server} null"),
                "ping -q -c 8 -i 100 -W 100 10.0.2.2 | grep transmitted".into(),
                format!("echo {server}"),
                "ping -q -c 2 -i 10 10.0.2.2 | grep transmitted".into(),
            ]
        });
        let first = ["ping -q -c 1 10.0.2.2".into()];
        let last = ["ifconfig | grep quarantine".into()];
        let lines: Vec<String> = first.into_iter().chain(lines).chain(last).collect();
        let run = Run::new("network", &lines).placed(&variant).go();
        let shown = run.lines();
        for server in servers {
            let at = shown.iter().position(|line| *line == server);
            let after = at.and_then(|at| shown.get(at + 1)).copied();
            let all = "2 packets transmitted, 2 received, 0% packet loss";
            assert_eq!(after, Some(all), "{server} {}: {run}", variant.name);
        }
        let memory = shown.last().copied().unwrap_or_default();
        assert!(memory.contains(" 0 in quarantine, 6 shares"), "{}: {run}", variant.name);
    }
}
