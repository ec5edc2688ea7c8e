//! What cannot be reached: beside a system stands Linux as its router, which says so.

use std::time::{Duration, Instant};

use warren_tests::{
    namespace::{self, TAP, linux},
    run::Running,
    variant::{HOSTED, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
/// What nobody needs who is told. Who is not waits for half a minute.
const PATIENCE: Duration = Duration::from_secs(10);
/// Stations behind the router that it cannot reach, what it says of them, and where the router is. Linux says so over IPv4 only five times at once.
const FAR: [(&str, &str, &str); 3] = [
    ("192.168.77.1", "host unreachable", "10.9.0.1"),
    ("192.168.78.1", "network unreachable", "10.9.0.1"),
    ("fd77::1", "network unreachable", "fd00::1"),
];

/// A system whose router is Linux, in whose namespace this is.
fn behind_a_router(variant: &Variant) -> Running {
    let nodes = "change \"ipv4\" { parameter \"gateway\" \"10.9.0.1\"; }
        change \"ipv6\" { parameter \"address\" \"fd00::2/64\"; parameter \"gateway\" \"fd00::1\"; }";
    namespace::system("network", nodes).placed(variant).start()
}

/// Makes Linux a router.
fn make_router() {
    linux(&format!(
        "echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
        echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
        echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
        ip addr add fd00::1/64 dev {TAP} nodad
        ip route add unreachable 192.168.77.0/24"
    ));
}

fn check_far_stations(variant: &Variant) {
    make_router();
    let run = behind_a_router(variant);
    for (station, reason, router) in FAR {
        let start = Instant::now();
        let shown = run.ask(&format!("ping -c 1 -W 20000 {station}")).unwrap_or_default();
        let expected = format!("icmp_seq=0: {router} says: {reason}");
        assert_eq!(shown.lines().next(), Some(&*expected), "{}: {shown}", variant.name);
        assert!(shown.contains("1 packets transmitted, 0 received"), "{}: {shown}", variant.name);
        let host = if station.contains(':') { format!("[{station}]") } else { station.into() };
        let shown = run.ask(&format!("fetch http://{host}/")).unwrap_or_default();
        assert!(shown.contains("no way leads to the address"), "{}: {shown}", variant.name);
        assert!(start.elapsed() < PATIENCE, "{} {station}: {:?}", variant.name, start.elapsed());
    }
    run.end().expect_status(0);
}

#[test]
fn whoever_asks_for_a_station_to_which_no_way_leads_is_told_in_a_process() {
    namespace::within(|| check_far_stations(&HOSTED));
}

#[test]
fn whoever_asks_for_a_station_to_which_no_way_leads_is_told() {
    namespace::within(|| check_far_stations(&DEFAULT));
}
