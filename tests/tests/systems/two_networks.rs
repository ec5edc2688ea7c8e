//! Two stacks at once: `systems/two-networks.kdl`, where what one of them offers cannot be reached from the other.

use std::{
    fs,
    io::{Read, Write},
};

use warren_tests::{
    run::{Run, Running, root},
    station::{check_echo, connect, free_port, here, wait_for, wait_for_echo},
};

/// Servers of the domain in which the outside lies: its stack without the adapters that are not there, and its small services.
const OUTSIDE: usize = 13;

/// What is answered to a request for a document at a port of this host; nothing if the connection ends without a byte.
fn document(port: u16) -> Vec<u8> {
    let mut answer = Vec::new();
    // A connection that is reset has brought what came before.
    let _ = connect(here(port)).and_then(|mut stream| {
        stream.write_all(b"GET /README.md HTTP/1.0\r\n\r\n")?;
        stream.read_to_end(&mut answer)
    });
    answer
}

/// Whether a document comes.
fn serves(port: u16) -> Result<(), &'static str> {
    if document(port).is_empty() { Err("it comes without a byte") } else { Ok(()) }
}

/// The system, and the ports of this host that lead to echo and to the documents: of the outside, and of the inside.
fn two_networks(adapter: &str) -> (Running, [u16; 2], [u16; 2]) {
    let ports: [u16; 4] = [(); 4].map(|()| free_port());
    let leads = ["7@0", "80@0", "7@1", "80@1"];
    let forwards = ports.iter().zip(leads).map(|(host, lead)| format!("--forward={host}:{lead}"));
    let adapter = ["--adapter", adapter];
    let run = Run::new("two-networks", &[""; 0]).with(adapter).with(forwards).start();
    let [outer_echo, outer_documents, inner_echo, inner_documents] = ports;
    wait_for_echo(here(outer_echo));
    wait_for("nobody serves documents inside", || serves(inner_documents));
    (run, [outer_echo, outer_documents], [inner_echo, inner_documents])
}

#[test]
fn what_one_network_offers_cannot_be_reached_from_the_other() {
    for adapter in ["virtio", "e1000"] {
        let (run, outside, inside) = two_networks(adapter);
        let text = fs::read(root().join("README.md")).expect("it is there");
        assert!(document(inside[1]).ends_with(&text), "{adapter}");
        check_echo(here(outside[0]), 1, 300_000);
        // Both stations are there, and refuse.
        assert_eq!(document(outside[1]), b"", "{adapter}");
        let echoed = connect(here(inside[0])).and_then(|mut stream| {
            stream.write_all(b"?")?;
            stream.read(&mut [0])
        });
        assert!(matches!(echoed, Ok(0) | Err(_)), "{adapter}: {echoed:?}");
        // Not even this station itself reaches it but through the inside.
        let own = run.ask("fetch http://127.0.0.1/README.md").unwrap_or_default();
        assert_eq!(own, "fetch: http://127.0.0.1/README.md: nobody listens there\n", "{adapter}");
        run.end().expect_status(0);
    }
}

#[test]
fn each_network_is_shown_by_programs_of_its_own() {
    let (run, ..) = two_networks("virtio");
    let ask = |line: &str| run.ask(line).unwrap_or_default();
    let [outside, inside] = [ask("ifconfig"), ask("inside-ifconfig")];
    let [listening_outside, listening_inside] =
        ["netstat -j", "inside-netstat -j"].map(|line| ask(&format!("{line} | grep LISTEN")));
    let ended = run.end();
    for (shown, number, subnet) in [(&outside, 1, 2), (&inside, 2, 3)] {
        for text in [
            format!("  ether 52:54:00:77:61:0{number}  "),
            format!(" inet 10.0.{subnet}.15/24  gateway 10.0.{subnet}.2  "),
            format!(" lent by 10.0.{subnet}.2 for "),
        ] {
            assert!(shown.contains(&text), "`{text}`: {shown} {ended}");
        }
    }
    let ports = |shown: &str| -> Vec<u16> {
        let port =
            |line: &str| line.split("\"local_port\":").nth(1)?.split(',').next()?.parse().ok();
        let mut all: Vec<u16> = shown.lines().filter_map(port).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(ports(&listening_outside), [7, 9, 19], "{ended}");
    assert_eq!(ports(&listening_inside), [80], "{ended}");
}

#[test]
fn what_dies_in_one_network_is_not_felt_in_the_other() {
    let (run, outside, inside) = two_networks("virtio");
    // They share a domain, so all of them die.
    assert!(run.ask("crash inside-ipv4 null").is_some());
    check_echo(here(outside[0]), 2, 300_000);
    let mut outer = String::new();
    // The last of them is started while the documents of the inside are there already.
    wait_for("the outside is not whole", || {
        outer = run.ask("servers | grep -v inside | grep outside").unwrap_or_default();
        if outer.lines().count() == OUTSIDE { Ok(()) } else { Err(outer.clone()) }
    });
    wait_for("the inside does not come back", || serves(inside[1]));
    let inner = run.ask("servers | grep inside-ipv4").unwrap_or_default();
    let ended = run.end();
    let restarts = |shown: &str| -> Vec<u32> {
        let column = |line: &str| line.split_whitespace().nth(6)?.parse().ok();
        shown.lines().filter_map(column).collect()
    };
    assert_eq!(restarts(&outer), [0; OUTSIDE], "{outer} {ended}");
    assert_eq!(restarts(&inner), [1], "{inner} {ended}");
}
