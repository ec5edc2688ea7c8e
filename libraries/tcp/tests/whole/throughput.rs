//! How fast bytes go through networks that lose some of them.

use warren_tcp::{Path, SECOND_NS, Settings};

use crate::{
    host::{Host, Task},
    link::Link,
    world::World,
};

/// Payload bytes of a full segment.
const SEGMENT_BYTES: f64 = 1448.0;

/// Bits in a second of virtual time, for `bytes` from the left to the right, and the sender's counters.
fn measure(link: Link, bytes: u64, seed: u64) -> f64 {
    let settings = Settings { receive_bytes: 4 << 20, send_bytes: 4 << 20, ..Settings::default() };
    let hosts = [1, 2].map(|last| Host::new(last, settings.clone()));
    let [mut left, right] = hosts;
    left.path = Path { offload_bytes: 65_000, ..Path::ETHERNET };
    let mut world = World::new(left, right, link, seed);
    // Only data is lost: what acknowledgments suffer shows in the transfers' tests.
    world.links[1].lost = 0;
    world.right.listen(80, Task::sending(0));
    let address = world.right.address;
    let task = Task { write_bytes: 65_536, ..Task::sending(bytes) };
    world.left.connect(1, address, 80, task);
    let done = world.run(100_000 * SECOND_NS, |world| {
        world.right.tasks.first().is_some_and(|(_, task)| task.at_end)
    });
    assert!(done);
    let counters = world.left.connection(0).information().counters;
    println!(
        "{} of {} packets lost; {} B sent again in {} recoveries and {} timeouts",
        world.links[0].dropped,
        world.links[0].packets,
        counters.bytes_again,
        counters.recoveries,
        counters.timeouts
    );
    assert_eq!(world.right.tasks[0].1.wrong, 0);
    bytes as f64 * 8.0 * SECOND_NS as f64 / world.right.tasks[0].1.ended_ns as f64
}

/// What Reno would reach with these losses (Mathis and others, "The macroscopic behavior of the TCP congestion avoidance
/// algorithm", 1997), or the link's whole speed.
fn expected(link: &Link) -> f64 {
    let round_trip = 2.0 * link.delay_ns as f64 / SECOND_NS as f64;
    let chance = f64::from(link.lost) / 1e6;
    let reno = SEGMENT_BYTES * 8.0 / round_trip * (1.5 / chance).sqrt();
    reno.min(link.bits_per_second as f64)
}

fn check(name: &str, link: Link, bytes: u64) {
    for lost in [0, 1_000, 10_000, 50_000] {
        let link = Link { lost, ..link.clone() };
        // Where timeouts count, one run may have none and the next one two.
        let runs: u32 = if lost > 20_000 { 8 } else { 1 };
        let seeds = (11..).take(runs as usize);
        let time: f64 = seeds.map(|seed| 1.0 / measure(link.clone(), bytes, seed)).sum();
        let (speed, expected) = (f64::from(runs) / time, expected(&link));
        println!(
            "{name}, {} % lost: {:.1} Mbit/s, expected {:.1}",
            f64::from(lost) / 1e4,
            speed / 1e6,
            expected / 1e6
        );
        // The formula leaves out timeouts, which begin to count where a window is only a few segments.
        let part = if lost > 20_000 { 4.0 } else { 2.0 };
        assert!(
            speed > expected / part,
            "{name}, {lost} of a million lost: {speed} instead of {expected}"
        );
    }
}

#[test]
fn near_hosts_are_as_fast_as_the_losses_allow() {
    let link = Link { delay_ns: SECOND_NS / 10_000, queue_bytes: 256 << 10, ..Link::good() };
    check("1 Gbit/s, 0.2 ms", link, 8_000_000);
}

#[test]
fn far_hosts_are_as_fast_as_the_losses_allow() {
    let link = Link {
        delay_ns: SECOND_NS / 100,
        bits_per_second: 100_000_000,
        queue_bytes: 256 << 10,
        ..Link::good()
    };
    check("100 Mbit/s, 20 ms", link, 6_000_000);
}

#[test]
fn packets_that_overtake_each_other_cost_little() {
    let link = Link { delay_ns: SECOND_NS / 100, bits_per_second: 100_000_000, ..Link::good() };
    let straight = measure(link.clone(), 5_000_000, 3);
    let crossed = measure(Link { jitter_ns: SECOND_NS / 500, ..link }, 5_000_000, 3);
    println!("in order {:.1} Mbit/s, 2 ms of disorder {:.1} Mbit/s", straight / 1e6, crossed / 1e6);
    assert!(crossed > straight / 2.0, "{crossed} instead of {straight}");
}
