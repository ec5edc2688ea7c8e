//! Names and leases: a resolver that asks a name server of the test's own, or one that a router names, and a DHCP client that is lent an address again.

use std::{
    net::UdpSocket,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use warren_tests::{
    changed::changed,
    run::Run,
    variant::{KERNEL, OWN, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
/// How often the name server looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of the header of a message, and of type and class behind a name.
const HEADER: usize = 12;
const TYPE: usize = 4;

/// A name server on this machine's loopback, which the guest reaches at its gateway's address.
struct NameServer {
    port: u16,
    /// What it was asked, in order.
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port of the loopback");
        socket.set_read_timeout(Some(LOOK)).expect("a socket waits for a while");
        let port = socket.local_addr().expect("it is bound").port();
        let asked: Arc<Mutex<Vec<_>>> = Arc::default();
        let ended = Arc::new(AtomicBool::new(false));
        let (all, end) = (asked.clone(), ended.clone());
        let thread = thread::spawn(move || {
            let mut question = [0; 512];
            while !end.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
                let question = &question[..length];
                let count = {
                    let mut all = all.lock().expect("nobody panics with it");
                    let is_same = |other: &&Vec<u8>| other.get(HEADER..) == question.get(HEADER..);
                    let count = all.iter().filter(is_same).count();
                    all.push(question.to_vec());
                    count
                };
                if let Some(answer) = answer(question, count) {
                    socket.send_to(&answer, from).expect("the loopback takes it");
                }
            }
        });
        NameServer { port, asked, ended, thread: Some(thread) }
    }

    /// The numbers of the questions for names with this label, from 0 on.
    fn asked_for(&self, label: &str) -> Vec<usize> {
        let all = self.asked.lock().expect("nobody panics with it");
        let is_for =
            |question: &&[u8]| question.windows(label.len()).any(|it| it == label.as_bytes());
        let numbered = all.iter().map(Vec::as_slice).enumerate();
        numbered.filter(|(_, question)| is_for(question)).map(|(number, _)| number).collect()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What the name server says to a question that it was asked `count` times before; nothing to the first one for the address of IPv4 of `slow`, and never anything to one for addresses of IPv6 of `half`.
fn answer(question: &[u8], count: usize) -> Option<Vec<u8>> {
    let end = question.get(HEADER..)?.iter().position(|byte| *byte == 0)? + HEADER + 1 + TYPE;
    let name = question.get(HEADER..end - TYPE)?;
    let is_six = question.get(end - TYPE..)?.starts_with(&[0, 28]);
    let mut answer = question.get(..end)?.to_vec();
    let mut records = |code: u8, data: &[&[u8]]| {
        answer[2..4].copy_from_slice(&[0x81, 0x80 | code]);
        answer[7] = data.len() as u8;
        data.iter().for_each(|record| answer.extend_from_slice(record));
    };
    let address = |last| [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last];
    let long = [0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16];
    let long = [&long[..], &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]].concat();
    match name {
        b"\x03two\x04test\0" | b"\x03six\x04test\0" if is_six => records(0, &[&long]),
        b"\x04half\x04test\0" if is_six => return None,
        b"\x04half\x04test\0" => records(0, &[&address(5)]),
        b"\x05alias\x04test\0" | b"\x04slow\x04test\0" if is_six => records(0, &[]),
        b"\x03six\x04test\0" => records(0, &[]),
        b"\x03two\x04test\0" => records(0, &[&address(1), &address(2)]),
        b"\x04slow\x04test\0" if count == 0 => return None,
        b"\x04slow\x04test\0" => records(0, &[&address(3)]),
        b"\x05alias\x04test\0" => {
            let alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 5, 1, b'x', 1, b'y', 0];
            let it = [1, b'X', 1, b'Y', 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 4];
            records(0, &[&alias, &it]);
        }
        b"\x06broken\x04test\0" => records(2, &[]),
        _ => records(3, &[]),
    }
    Some(answer)
}

/// The system `network` with that name server.
fn system(server: &NameServer) -> String {
    let change = format!(
        "change \"ipv4\" {{ parameter \"name-servers\" \"10.0.2.2\"; }}\nchange \"dns\" {{ parameter \"port\" {}; }}",
        server.port
    );
    changed("network", &change)
}

#[test]
fn names_are_resolved_in_every_placement() {
    for variant in [DEFAULT, KERNEL, OWN] {
        let server = NameServer::start();
        let lines = [
            "nslookup slow.test; echo status $?",
            "nslookup six.test half.test; echo status $?",
            "nslookup two.test alias.test; echo status $?",
            "nslookup Two.Test. localhost 10.1.2.3; echo status $?",
            "ping -q -c 1 localhost | grep transmitted",
        ];
        let run = Run::new(&system(&server), &lines).placed(&variant).go();
        let expected = [
            "slow.test 192.0.2.3",
            "status 0",
            "six.test 2001:db8::1",
            "half.test 192.0.2.5",
            "status 0",
            // QEMU's router says no address from which there is a way to the last one.
            "two.test 192.0.2.1",
            "two.test 192.0.2.2",
            "two.test 2001:db8::1",
            "alias.test 192.0.2.4",
            "status 0",
            "Two.Test. 192.0.2.1",
            "Two.Test. 192.0.2.2",
            "Two.Test. 2001:db8::1",
            "localhost 127.0.0.1",
            "10.1.2.3 10.1.2.3",
            "status 0",
            "1 packets transmitted, 1 received, 0% packet loss",
        ];
        assert_eq!(run.lines(), expected, "{}: {run}", variant.name);
        let [slow, two, alias] = ["slow", "two", "alias"].map(|label| server.asked_for(label));
        assert!(slow.len() >= 3, "{}: {slow:?}: {run}", variant.name);
        // What was said of `two.test` is remembered. On a busy host a question is asked again.
        assert!(
            !two.is_empty() && two.last() < alias.first(),
            "{}: {two:?}, {alias:?}",
            variant.name
        );
    }
}

#[test]
fn who_has_no_address_is_said() {
    let server = NameServer::start();
    let lines = [
        "nslookup none.test; echo status $?",
        "nslookup broken.test; echo status $?",
        "nslookup a..b; echo status $?",
        "nslookup; echo status $?",
    ];
    let run = Run::new(&system(&server), &lines).go();
    for said in [
        "none.test: there is no such name",
        "broken.test: the name servers that have answered could not tell",
        "a..b: what was given is no name",
        "NAME is missing",
    ] {
        assert!(run.output.contains(said) || run.errors.contains(said), "`{said}`: {run}");
    }
    let statuses: Vec<_> =
        run.lines().into_iter().filter(|line| line.starts_with("status")).collect();
    assert_eq!(statuses, ["status 1", "status 1", "status 1", "status 2"], "{run}");
}

#[test]
fn an_address_is_lent_again_when_layers_were_restarted() {
    let lines = [
        "ifconfig | grep inet",
        "crash ipv4 null",
        "crash arp null",
        "crash udp null",
        "ping -q -c 10 -i 200 -W 100 10.0.2.2 | grep -c transmitted",
        "ping -q -c 2 -i 10 10.0.2.2 | grep transmitted",
        "ifconfig | grep inet",
        "crash dhcp null",
        // Whoever asks for the lease meets the fault, or loads the client again, which asks for one.
        "ifconfig | grep -c lent",
        "ifconfig | grep -c lent",
        "ifconfig | grep lent",
    ];
    let run = Run::new("network", &lines).go();
    let inet = "ipv4     inet 10.0.2.15/24  gateway 10.0.2.2  name servers 10.0.2.3";
    let shown = run.lines();
    assert_eq!(shown.iter().filter(|line| **line == inet).count(), 2, "{run}");
    assert!(shown.contains(&"2 packets transmitted, 2 received, 0% packet loss"), "{run}");
    let last = shown.last().copied().unwrap_or_default();
    assert!(last.starts_with("         lent by 10.0.2.2 for 86"), "{run}");
}
