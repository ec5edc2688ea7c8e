//! Paths that carry less in their middle than at their ends: between a system and this process stands a router, in a namespace of its own.

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, SocketAddr},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use warren_tests::{
    disk,
    namespace::{self, TAP, linux},
    run::Running,
    station::{bytes, connect, wait_for, wait_for_echo},
    variant::{HOSTED, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
/// Most bytes of a packet that the router passes on to this process.
const LEAST_MTU: u64 = 1400;
/// Bytes of the header of TCP with timestamps.
const TCP: u64 = 32;
/// Bytes that travel each way.
const COUNT: usize = 4 << 20;
/// Bytes that may be on the way before the router says that they are too big, and are sent again.
const FLIGHT: u64 = 256 << 10;
/// What nobody needs who does not stand still.
const PATIENCE: Duration = Duration::from_secs(30);

/// A router between the system's network and the one in which this process is then alone with it. It ends with this.
struct Router(Child);

impl Router {
    /// Makes it of the device by which the system and this process have reached each other.
    fn start() -> Self {
        let mut command = Command::new("unshare");
        let child = command.args(["--net", "sleep", "1000"]).env("PATH", disk::path()).spawn();
        let router = Router(child.expect("util-linux is installed"));
        let id = router.0.id();
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
        wait_for("the router has no namespace", || {
            let (own, other) = (namespace("self"), namespace(&id.to_string()));
            match (own, other) {
                (Ok(own), Ok(other)) if own != other => Ok(()),
                namespaces => Err(format!("{namespaces:?}")),
            }
        });
        linux(&format!(
            "ip link set {TAP} netns {id} && ip link add far0 type veth peer name near0 netns {id}
            ip addr add 10.9.1.2/24 dev far0 && ip addr add fd01::2/64 dev far0 nodad
            ip link set far0 up
            nsenter -t {id} -n sh -e -c '
                echo 1 > /proc/sys/net/ipv4/ip_forward
                echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
                ip addr add 10.9.0.1/24 dev {TAP} && ip addr add fd00::1/64 dev {TAP} nodad
                ip addr add 10.9.1.1/24 dev near0 && ip addr add fd01::1/64 dev near0 nodad
                ip link set {TAP} up && ip link set near0 up
                ip route add 10.9.1.2/32 dev near0 mtu {LEAST_MTU}
                ip route add fd01::2/128 dev near0 mtu {LEAST_MTU}
            '
            ip route add 10.9.0.0/24 via 10.9.1.1 && ip route add fd00::/64 via fd01::1"
        ));
        router
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the system says of the connection that has sent so much from this address.
fn connection(run: &Running, address: IpAddr) -> Value {
    let shown = run.ask("netstat -j").expect("the system runs");
    let all = shown.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut own = all.filter(|it| {
        let is_from = it["local"].as_str() == Some(&address.to_string());
        is_from && it["sent_bytes"].as_u64() >= Some(COUNT as u64)
    });
    own.next().unwrap_or_else(|| panic!("{shown}"))
}

fn check_both_ways(variant: &Variant) {
    let nodes = "change \"ipv4\" { parameter \"gateway\" \"10.9.0.1\"; }
        change \"ipv6\" { parameter \"address\" \"fd00::2/64\"; parameter \"gateway\" \"fd00::1\"; }";
    let run = namespace::system("services", nodes).placed(variant).start();
    wait_for_echo(namespace::port(7));
    let _router = Router::start();
    for (address, header) in [("10.9.0.2", 20), ("fd00::2", 40)] {
        let address: IpAddr = address.parse().expect("it is an address");
        let port = SocketAddr::new(address, 7);
        wait_for_echo(port);
        let start = Instant::now();
        let (sent, mut came) = (bytes(header, COUNT), vec![0; COUNT]);
        let mut stream = connect(port).expect("somebody listens");
        let mut writer = stream.try_clone().expect("there is room");
        let back = thread::scope(|scope| {
            let sending = scope.spawn(|| writer.write_all(&sent));
            let back = stream.read_exact(&mut came);
            sending.join().expect("it does not panic").and(back)
        });
        let time = start.elapsed();
        back.unwrap_or_else(|error| panic!("{} {address}: {error}", variant.name));
        assert!(sent == came, "{} {address}: other bytes", variant.name);
        let about = connection(&run, address);
        let number = |name: &str| about[name].as_u64().unwrap_or_else(|| panic!("{about}"));
        let most = LEAST_MTU - header - TCP;
        assert_eq!(number("segment_bytes"), most, "{} {about}", variant.name);
        assert!(number("resent_bytes") < FLIGHT, "{} {about}", variant.name);
        assert!(time < PATIENCE, "{} {address}: {time:?}", variant.name);
    }
    run.end().expect_status(0);
}

#[test]
fn segments_fit_a_path_that_is_narrower_than_its_ends_in_a_process() {
    namespace::within(|| check_both_ways(&HOSTED));
}

#[test]
fn segments_that_a_device_cuts_fit_a_path_that_is_narrower_than_its_ends() {
    namespace::within(|| check_both_ways(&DEFAULT));
}
