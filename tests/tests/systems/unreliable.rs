//! TCP over a bad network: `systems/unreliable.kdl`, in which frames are lost, repeated and delayed in both directions.
//!
//! The other side is Linux. QEMU's user network would forget what it has received and not handed on yet when a segment that comes once more after the last
//! one is answered by RST, as it must be (RFC 9293, section 3.10.7.1).

use std::{io::Read, net::SocketAddr};

use warren_tests::{
    namespace,
    run::Running,
    station::{check_echo, connect, reachable, wait_for_echo},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The system on this network, and the ports of this host that lead to echo and character generator.
fn system(network: &[&str], place: &str) -> (Running, SocketAddr, SocketAddr) {
    let (run, [echo, characters]) = reachable("unreliable", [7, 19]);
    let run = run
        .with(network.iter().flat_map(|word| ["--append", word]))
        .with(["--place", place])
        .start();
    wait_for_echo(echo);
    (run, echo, characters)
}

/// Reads so many of the characters that the system sends (RFC 864), and fails unless they are the right ones.
#[track_caller]
fn check_characters(port: SocketAddr, count: usize) {
    let line = |first: usize| (first..first + 72).map(|at| b' ' + (at % 95) as u8);
    let all: Vec<u8> = (0..95).flat_map(|first| line(first).chain(*b"\r\n")).collect();
    let mut stream = connect(port).expect("QEMU listens");
    let mut text = vec![0; count];
    stream.read_exact(&mut text).expect("there is no end of it");
    assert!(text.iter().eq(all.iter().cycle().take(count)), "the characters are other ones");
}

/// The number before a word in a line of `ifconfig`.
fn number(shown: &str, line: &str, word: &str) -> u64 {
    let line = shown.lines().find(|it| it.contains(line) && it.contains(word)).unwrap_or_default();
    let before = line.split(word).next().unwrap_or_default();
    before.split_whitespace().next_back().and_then(|it| it.parse().ok()).unwrap_or(0)
}

#[test]
fn bytes_come_right_whatever_is_lost() {
    come_right(&[&["lose=1"], &["lose=10"], &["lose=50"]]);
}

#[test]
fn bytes_come_right_whatever_is_repeated_and_delayed() {
    come_right(&[
        &["repeat=20"],
        &["repeat=1000"],
        &["delay=20"],
        &["delay=20", "delay-us=5000"],
        &["lose=10", "repeat=10", "delay=10", "seed=7"],
    ]);
}

/// Lets many bytes of the system's come through each of these networks, and as many there and back.
#[track_caller]
fn come_right(networks: &[&[&str]]) {
    namespace::within(|| networks.iter().for_each(|network| comes_right(network)));
}

#[track_caller]
fn comes_right(network: &[&str]) {
    let (run, echo, characters) = system(network, "unreliable-link=kernel");
    check_characters(characters, 10 * MIB);
    check_echo(echo, 1, 10 * MIB);
    let shown = run.ask("ifconfig").unwrap_or_default();
    let segments = run.ask("netstat -s").unwrap_or_default();
    run.end().expect_status(0);
    assert!(segments.contains(" 0 bad, 0 for ports that nobody has"), "{network:?}: {segments}");
    // The network was as bad as it was said to be.
    let (received, sent) = ("received", "sent");
    let lost = [received, sent].map(|way| number(&shown, way, " dropped") > 0);
    let loses = network[0].starts_with("lose");
    assert_eq!(lost, [loses; 2], "{network:?}: {shown}");
    let (frames, packets) =
        (number(&shown, received, " frames"), number(&shown, received, " packets"));
    let repeats = network.iter().any(|it| it.starts_with("repeat"));
    if !(loses && repeats) {
        // Some arrive between the one count and the other.
        assert_eq!(packets > frames + frames / 200, repeats, "{network:?}: {shown}");
    }
}

#[test]
fn a_network_of_which_nothing_is_said_is_reliable_and_comes_back() {
    for place in ["unreliable-link=kernel", "unreliable-link=own"] {
        let (run, echo, _) = system(&[], place);
        check_echo(echo, 1, 3 * MIB);
        let shown = run.ask("ifconfig").unwrap_or_default();
        assert_eq!(
            ["received", "sent"].map(|way| number(&shown, way, " dropped")),
            [0, 0],
            "{shown}"
        );
        assert!(run.ask("crash unreliable-link null").is_some());
        wait_for_echo(echo);
        check_echo(echo, 2, 300 * KIB);
        let shown = run.ask("servers | grep unreliable-link").unwrap_or_default();
        let ended = run.end();
        assert_eq!(shown.split_whitespace().nth(6), Some("1"), "{place}: {shown} {ended}");
        ended.expect_status(0);
    }
}
