//! A network of this test's own: a namespace of Linux's, with a TAP device between Linux and a system.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::Command,
    thread,
};

use crate::{
    changed::changed,
    run::{Run, Turn},
};

/// What says to a process that it is in the namespace.
const INSIDE: &str = "WARREN_TESTS_NAMESPACE";
/// The device.
pub const TAP: &str = "warren0";
/// Linux's address at it.
const LINUX: &str = "10.9.0.1/24";
/// The system's.
const SYSTEM: &str = "10.9.0.2/24";

/// A port of the system.
pub fn port(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2)), port)
}

/// Whether this process is in the namespace.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Does the `work` of a test in a namespace with a device: by another process that runs this test alone.
///
/// # Panics
///
/// The test fails there, or there can be no namespace.
pub fn within(work: impl FnOnce()) {
    within_with("", work);
}

/// The same with a device that has several queues.
///
/// # Panics
///
/// As above.
pub fn within_with_queues(work: impl FnOnce()) {
    within_with("multi_queue", work);
}

/// The same with a device that is made with a further word.
fn within_with(word: &str, work: impl FnOnce()) {
    if is_inside() {
        return work();
    }
    // That process runs its systems on behalf of this one.
    let _turn = Turn::wait();
    let this_thread = thread::current();
    let test = this_thread.name().expect("a test's thread has its name");
    let script = format!(
        "ip link set lo up && ip tuntap add dev {TAP} mode tap {word} && ip addr add {LINUX} dev {TAP} && ip link set {TAP} up && exec \"$0\" \"$@\""
    );
    let this = env::current_exe().expect("this program has a path");
    let ended = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &script])
        .arg(this)
        .args(["--exact", test, "--nocapture"])
        .env("PATH", crate::disk::path())
        .env(INSIDE, "1")
        .output()
        .expect("util-linux is installed");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (output, errors) = (said(&ended.stdout), said(&ended.stderr));
    // Where no test has that name none fails.
    let passed = ended.status.success() && output.contains("test result: ok. 1 passed");
    assert!(passed, "it fails in a network namespace:\n{output}\n{errors}");
}

/// Lets Linux do something in the namespace.
///
/// # Panics
///
/// It fails.
#[track_caller]
pub fn linux(script: &str) {
    let mut command = Command::new("sh");
    let ended = command.args(["-e", "-c", script]).env("PATH", crate::disk::path()).output();
    let ended = ended.expect("there is a shell");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// A system like this one, whose station has an address beside Linux's, and with these nodes besides.
pub fn system(name: &str, nodes: &str) -> Run {
    let address = format!("change \"ipv4\" {{ parameter \"address\" \"{SYSTEM}\"; }}\n{nodes}");
    leased(name, &address)
}

/// The same, whose station asks who may lend it an address.
pub fn leased(name: &str, nodes: &str) -> Run {
    Run::new(&changed(name, nodes), &[""; 0]).with(["--tap", TAP])
}
