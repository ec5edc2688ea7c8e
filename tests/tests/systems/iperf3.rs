//! The server of iperf3, with the stock client on this host: `systems/iperf3.kdl`.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    process::{Command, Output},
};

use serde_json::Value;
use warren_tests::{
    run::Running,
    station::{connect, here, reachable, wait_for},
    variant::{KERNEL, OWN, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
const MIB: u64 = 1 << 20;

/// The system, and this host's port that leads to it. It listens when this returns.
fn system(variant: &Variant) -> (Running, u16) {
    let (run, [port]) = reachable("iperf3", [5201]);
    let datagrams = format!("--forward={}:5201/udp", port.port());
    let run = run.with([datagrams]).placed(variant).start();
    // Whoever names a test is asked what it is about.
    let answers = || -> std::io::Result<()> {
        let mut stream = connect(port)?;
        stream.write_all(&[b'x'; 37])?;
        stream.read_exact(&mut [0])
    };
    wait_for("nobody measures", answers);
    (run, port.port())
}

/// A test that has begun, as a client of this test's own: its control connection, and its stream.
fn begun(port: u16) -> std::io::Result<[TcpStream; 2]> {
    let (cookie, wanted) = ([b'y'; 37], br#"{"tcp":true,"time":60,"parallel":1}"#);
    let mut control = connect(here(port))?;
    control.write_all(&cookie)?;
    let mut state = [0];
    control.read_exact(&mut state)?;
    control.write_all(&(wanted.len() as u32).to_be_bytes())?;
    control.write_all(wanted)?;
    control.read_exact(&mut state)?;
    let mut stream = connect(here(port))?;
    stream.write_all(&cookie)?;
    let mut states = [0; 2];
    control.read_exact(&mut states)?;
    assert_eq!(states, [1, 2], "it starts, and runs");
    Ok([control, stream])
}

/// Runs the stock client.
fn client(port: u16, arguments: &[&str]) -> Output {
    let port = port.to_string();
    let mut command = Command::new("iperf3");
    command.args(["-c", "127.0.0.1", "-p", &port, "-J"]).args(arguments);
    command.output().expect("iperf3 is installed")
}

/// Its result, as it has it.
#[track_caller]
fn result(port: u16, arguments: &[&str]) -> Value {
    let output = client(port, arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{arguments:?}: {text}");
    // The client may say something before.
    let object = &text[text.find('{').unwrap_or(0)..];
    serde_json::from_str(object).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text:?}"))
}

/// Its result, and the sums of what was sent and received.
#[track_caller]
fn measured(port: u16, arguments: &[&str]) -> (Value, u64, u64) {
    let value = result(port, arguments);
    let bytes = |sum: &str| {
        let bytes = value["end"][sum]["bytes"].as_u64();
        bytes.unwrap_or_else(|| panic!("{arguments:?}: no bytes of {sum}: {value}"))
    };
    let (sent, received) = (bytes("sum_sent"), bytes("sum_received"));
    (value, sent, received)
}

#[test]
fn stock_clients_measure_both_directions_in_every_placement() {
    for variant in [DEFAULT, KERNEL, OWN] {
        let (run, port) = system(&variant);
        let (_, sent, received) = measured(port, &["-t", "3"]);
        // What is on its way when the client ends is counted by nobody: many megabytes can lie in this host's buffers.
        assert!((MIB..=sent).contains(&received), "{}: {received} of {sent}", variant.name);
        let shown = run.ask("iperf3").unwrap_or_default();
        assert!(shown.contains(&format!("received {received} bytes")), "{}: {shown}", variant.name);
        let (_, sent, received) = measured(port, &["-n", "4M", "-R"]);
        assert!((MIB..=sent).contains(&received), "{}: {received} of {sent}", variant.name);
        let shown = run.ask("iperf3").unwrap_or_default();
        assert!(shown.contains(&format!("sent {sent} bytes")), "{}: {shown}", variant.name);
        run.end().expect_status(0);
    }
}

#[test]
fn several_streams_go_both_ways_and_the_beginning_can_be_left_out() {
    let (run, port) = system(&DEFAULT);
    let (value, ..) = measured(port, &["-t", "2", "-P", "3"]);
    let streams = value["end"]["streams"].as_array().expect("they are listed");
    assert_eq!(streams.len(), 3);
    for stream in streams {
        assert!(stream["receiver"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{stream}");
    }
    let (value, ..) = measured(port, &["-t", "2", "--bidir"]);
    for sum in ["sum_sent", "sum_received", "sum_sent_bidir_reverse", "sum_received_bidir_reverse"]
    {
        assert!(
            value["end"][sum]["bytes"].as_u64().is_some_and(|bytes| bytes > 0),
            "{sum}: {value}"
        );
    }
    let (value, ..) = measured(port, &["-t", "2", "-O", "4"]);
    let seconds = value["end"]["sum_received"]["seconds"].as_f64().expect("it is a number");
    assert!(seconds < 6.0, "{seconds}");
    run.end().expect_status(0);
}

/// What a direction's datagrams have come to: how many were sent, and how many of them were lost.
#[track_caller]
fn datagrams(value: &Value, sum: &str) -> (u64, u64) {
    let count = |name: &str| value["end"][sum][name].as_u64().expect("it is a number");
    assert!(value["end"][sum]["jitter_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{value}");
    (count("packets"), count("lost_packets"))
}

#[test]
fn datagrams_are_measured_both_ways() {
    let (run, port) = system(&DEFAULT);
    // A megabit and a half in a second is no effort for anybody.
    let wanted = ["-u", "-t", "2", "-b", "750k", "-l", "1000", "-P", "2"];
    for (direction, incoming) in [(&[][..], true), (&["-R"][..], false), (&["--bidir"][..], true)] {
        let value = result(port, &[&wanted[..], direction].concat());
        let (sent, lost) = datagrams(&value, "sum_received");
        // 375 for each of two streams.
        assert!((300..=800).contains(&sent) && lost <= sent / 2, "{direction:?}: {lost} of {sent}");
        let shown = run.ask("iperf3").unwrap_or_default();
        assert_eq!(!shown.contains("received 0 bytes"), incoming, "{direction:?}: {shown}");
    }
    // They end by their number, and numbers can be wide.
    result(port, &["-u", "-k", "100", "-b", "1M", "--udp-counters-64bit"]);
    run.end().expect_status(0);
}

#[test]
fn who_cannot_be_served_is_told_and_does_no_harm() {
    let (run, port) = system(&DEFAULT);
    // Nothing is as long as a day and a second.
    let refused = client(port, &["-t", "86400", "-O", "1"]);
    let text = String::from_utf8_lossy(&refused.stdout);
    assert!(text.contains("test duration"), "{text}");
    // Whoever comes in the middle of a test is told so.
    let first = begun(port).expect("a test begins");
    let busy = client(port, &["-t", "1"]);
    let text = String::from_utf8_lossy(&busy.stdout);
    assert!(text.contains("the server is busy running a test"), "{text}");
    drop(first);
    // What is no client.
    for nonsense in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n           "[..], &[0xff; 5000]] {
        let mut stream = connect(here(port)).expect("QEMU listens");
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let (_, sent, _) = measured(port, &["-n", "1M"]);
    assert!(sent >= MIB);
    run.end().expect_status(0);
}
