//! With Linux's TCP, over a device in a network namespace of its own, in which nothing else is.
//!
//! Linux lives in real time, so this does too; but nothing here is measured, and how long something takes changes no result.

use std::{
    fs::File,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use warren_tcp::{Path, Settings};

use crate::{
    host::{Host, Speaker, Task, pattern},
    random::Random,
    tun,
};

const DEVICE: &str = "warren0";
/// Linux's address. The host's is 10.0.0.1.
const LINUX: &str = "10.0.0.77";
const BYTES: u64 = 3_000_000;
/// After so long, something hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs each of the tests below in a namespace of its own, where that is permitted.
#[test]
fn linux_and_this_tcp_understand_each_other() {
    let namespace =
        |arguments: &[&str]| Command::new("unshare").arg("-rn").args(arguments).output();
    let is_permitted =
        namespace(&["test", "-w", "/dev/net/tun"]).is_ok_and(|output| output.status.success());
    if !is_permitted || Command::new("ip").arg("-V").output().is_err() {
        eprintln!(
            "skipped: needs unshare, ip, /dev/net/tun, and the permission to make a network namespace"
        );
        return;
    }
    let executable = std::env::current_exe().expect("this test has a file");
    let executable = executable.to_str().expect("its name is UTF-8");
    for test in ["connects", "listens", "connects_with_losses", "listens_with_losses"] {
        let name = format!("linux::inside_linux_{test}");
        let inside = [executable, "--ignored", "--nocapture", "--exact", &name];
        let output = namespace(&inside).expect("unshare runs");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.is_ok_and(|status| status.success()), "ip {arguments}");
}

/// The device, and the packets that come from it.
fn device() -> (File, Receiver<Vec<u8>>) {
    let device = tun::open(DEVICE).expect("the device can be made");
    ip(&format!("address add {LINUX}/24 dev {DEVICE}"));
    ip(&format!("link set {DEVICE} up"));
    let (sender, receiver) = channel();
    let mut reader = device.try_clone().expect("the file can be shared");
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(length) = reader.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    (device, receiver)
}

/// What Linux's side does: sends `BYTES` and ends, and reads to the end. Returns how many bytes were wrong or missing.
fn talk(stream: TcpStream) -> u64 {
    let mut writer = stream.try_clone().expect("the stream can be shared");
    let sending = thread::spawn(move || {
        let bytes: Vec<u8> = (0..BYTES).map(pattern).collect();
        writer.write_all(&bytes).and_then(|()| writer.shutdown(Shutdown::Write))
    });
    let (mut stream, mut bytes) = (stream, Vec::new());
    let result = stream.read_to_end(&mut bytes);
    let sent = sending.join().expect("the thread ends");
    assert!(result.is_ok() && sent.is_ok(), "{result:?}, {sent:?}");
    let wrong =
        bytes.iter().zip(0..).filter(|(byte, position)| **byte != pattern(*position)).count();
    wrong as u64 + BYTES.abs_diff(bytes.len() as u64)
}

/// Lets the host's TCP run until its task and Linux's are done. Of a million packets, `lost` are lost in each direction.
fn run(
    mut host: Host,
    (mut device, packets): (File, Receiver<Vec<u8>>),
    lost: u32,
    linux: thread::JoinHandle<u64>,
) {
    let start = Instant::now();
    let mut random = Random(3);
    let done =
        |host: &Host| host.tasks.first().is_some_and(|(_, task)| task.at_end && task.finished);
    while !done(&host) || !linux.is_finished() {
        assert!(
            start.elapsed() < LIMIT,
            "{:?}",
            host.tasks.first().map(|_| host.connection(0).information())
        );
        let now_ns = start.elapsed().as_nanos() as u64 + 1;
        for packet in host.run(now_ns) {
            if !random.happens(lost) {
                device.write_all(&packet).expect("the device takes packets");
            }
        }
        let wait_ns = host
            .deadline_ns()
            .map_or(1_000_000, |at_ns| at_ns.saturating_sub(now_ns).min(1_000_000));
        let mut next = packets.recv_timeout(Duration::from_nanos(wait_ns)).ok();
        let now_ns = start.elapsed().as_nanos() as u64 + 1;
        // As a driver does it: what has come is delivered in one batch.
        while let Some(packet) = next {
            if !random.happens(lost) {
                host.receive(now_ns, packet);
            }
            next = packets.try_recv().ok();
        }
    }
    let task = &host.tasks[0].1;
    println!("{:?}", host.connection(0).information());
    assert_eq!((task.read, task.wrong), (BYTES, 0));
    assert_eq!(linux.join().expect("the thread ends"), 0);
}

fn host() -> Host {
    let mut host = Host::new(1, Settings::default());
    host.path = Path { offload_bytes: 30_000, ..Path::ETHERNET };
    host
}

fn linux_connects(lost: u32) {
    let device = device();
    let mut host = host();
    host.listen(80, Task::sending(BYTES));
    let linux =
        thread::spawn(|| talk(TcpStream::connect("10.0.0.1:80").expect("somebody listens")));
    run(host, device, lost, linux);
}

fn linux_listens(lost: u32) {
    let device = device();
    let mut host = host();
    let listener = TcpListener::bind((LINUX, 81)).expect("nobody listens");
    let linux = thread::spawn(move || talk(listener.accept().expect("somebody comes").0));
    host.connect(1, LINUX.parse().expect("an address"), 81, Task::sending(BYTES));
    run(host, device, lost, linux);
}

#[test]
#[ignore = "needs a network namespace, which another test makes"]
fn inside_linux_connects() {
    linux_connects(0);
}

#[test]
#[ignore = "needs a network namespace, which another test makes"]
fn inside_linux_listens() {
    linux_listens(0);
}

#[test]
#[ignore = "needs a network namespace, which another test makes"]
fn inside_linux_connects_with_losses() {
    linux_connects(10_000);
}

#[test]
#[ignore = "needs a network namespace, which another test makes"]
fn inside_linux_listens_with_losses() {
    linux_listens(10_000);
}
