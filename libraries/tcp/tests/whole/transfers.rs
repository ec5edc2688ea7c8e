//! Bytes arrive right and both sides end, whatever the network does.

use proptest::prelude::*;
use warren_tcp::{Path, SECOND_NS, Settings, State};

use crate::{
    host::{Host, Task},
    link::Link,
    world::World,
};

/// Both sides send and read everything, let go, and everything is forgotten in the end.
fn transfer(world: &mut World<Host, Host>, there: Task, back: Task) {
    let (sends, answers) = (there.sends, back.sends);
    world.right.listen(80, back);
    let address = world.right.address;
    world.left.connect(world.now_ns, address, 80, there);
    let done = world.run(20_000 * SECOND_NS, |world| {
        let is_done =
            |host: &Host| host.tasks.first().is_some_and(|(_, task)| task.at_end && task.finished);
        is_done(&world.left) && is_done(&world.right)
    });
    let tasks = [&world.left.tasks, &world.right.tasks];
    assert!(done, "after {} s: {tasks:?}", world.now_ns / SECOND_NS);
    let [(_, left), (_, right)] = tasks.map(|tasks| &tasks[0]);
    assert_eq!((right.read, right.wrong), (sends, 0));
    assert_eq!((left.read, left.wrong), (answers, 0));
    world.left.leave_all(world.now_ns);
    world.right.leave_all(world.now_ns);
    world.run(u64::MAX, |_| false);
    assert_eq!(world.left.engine.connections().count(), 0);
    assert_eq!(world.right.engine.connections().count(), 0);
    assert_eq!((world.left.memory.held(), world.right.memory.held()), (0, 0));
}

fn world(settings: &Settings, link: Link, seed: u64) -> World<Host, Host> {
    World::new(Host::new(1, settings.clone()), Host::new(2, settings.clone()), link, seed)
}

#[test]
fn both_directions_at_once_over_a_good_network() {
    let mut world = world(&Settings::default(), Link::good(), 1);
    transfer(&mut world, Task::sending(5_000_000), Task::sending(3_000_000));
    assert_eq!(world.links[0].dropped + world.links[1].dropped, 0);
}

#[test]
fn nothing_is_sent_twice_over_a_good_network() {
    let mut world = world(&Settings::default(), Link::good(), 1);
    world.right.listen(80, Task::sending(0));
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::sending(8_000_000));
    assert!(world.run(60 * SECOND_NS, |world| {
        world.right.tasks.first().is_some_and(|(_, task)| task.at_end)
    }));
    let counters = world.left.connection(0).information().counters;
    assert_eq!((counters.bytes_again, counters.timeouts, counters.recoveries), (0, 0, 0));
}

#[test]
fn all_end_though_there_is_little_room_behind_gaps() {
    const MANY: usize = 50;
    // A segment is two pieces there.
    let settings = Settings { island_pieces: 6, ..Settings::default() };
    let mut world = world(&settings, Link { lost: 50_000, ..Link::good() }, 5);
    world.right.listen(80, Task::sending(0));
    for _ in 0..MANY {
        // They are accepted before the next ones come.
        world.left.connect(world.now_ns, world.right.address, 80, Task::sending(100_000));
        world.run(world.now_ns + SECOND_NS / 100, |_| false);
    }
    let done = world.run(1000 * SECOND_NS, |world| {
        let islands: usize =
            world.right.engine.connections().map(|(_, connection)| connection.islands()).sum();
        assert!(islands <= settings.island_pieces + 1, "{islands}");
        let ended = world.right.tasks.iter().filter(|(_, task)| task.at_end);
        ended.count() == MANY
    });
    let read: Vec<_> = world.right.tasks.iter().map(|(_, task)| (task.read, task.wrong)).collect();
    assert!(done, "{read:?}");
    assert_eq!(read, [(100_000, 0); MANY]);
}

#[test]
fn a_device_may_cut_segments() {
    let mut world = world(&Settings::default(), Link { lost: 10_000, ..Link::good() }, 7);
    world.left.path = Path { offload_bytes: 65_000, ..Path::ETHERNET };
    transfer(&mut world, Task::sending(5_000_000), Task::sending(100));
}

#[test]
fn segments_may_be_longer_than_the_first_window() {
    let mut world = world(&Settings::default(), Link::good(), 1);
    let path = Path { packet_bytes: u16::MAX, ..Path::ETHERNET };
    (world.left.path, world.right.path) = (path, path);
    world.right.listen(80, Task::sending(0));
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::sending(300_000));
    // Nobody waits to ask for a window.
    assert!(world.run(SECOND_NS / 5, |world| {
        world.right.tasks.first().is_some_and(|(_, task)| task.at_end)
    }));
}

#[test]
fn a_window_of_a_few_bytes_is_enough() {
    let settings = Settings { receive_bytes: 100, ..Settings::default() };
    transfer(&mut world(&settings, Link::good(), 3), Task::sending(20_000), Task::sending(10_000));
}

#[test]
fn a_reader_that_sleeps_is_waited_for() {
    let settings = Settings { receive_bytes: 20_000, ..Settings::default() };
    let slow = Task { read_bytes: 15_000, read_every_ns: 70 * SECOND_NS, ..Task::sending(0) };
    let mut world = world(&settings, Link { lost: 50_000, ..Link::good() }, 4);
    transfer(&mut world, Task::sending(300_000), slow);
}

#[test]
fn a_network_that_is_dead_at_first_is_survived() {
    let mut world = world(&Settings::default(), Link::good(), 5);
    for link in &mut world.links {
        link.dead_until_ns = 20 * SECOND_NS;
    }
    transfer(&mut world, Task::sending(100_000), Task::sending(0));
}

#[test]
fn a_network_that_dies_ends_the_connection_in_time() {
    let mut world = world(&Settings::default(), Link::good(), 5);
    world.right.listen(80, Task::sending(0));
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::sending(50_000_000));
    for link in &mut world.links {
        link.dead_from_ns = SECOND_NS / 20;
    }
    world.run(3600 * SECOND_NS, |_| false);
    assert_eq!(world.left.connection(0).end(), Some(warren_tcp::End::TimedOut));
    assert_eq!(world.left.connection(0).state(), State::Closed);
}

fn links() -> impl Strategy<Value = Link> {
    let delays = (0..100u64, prop_oneof![Just(0), 0..50u64]);
    let sizes = (16u64..32, 5_000..500_000u64);
    (delays, sizes, 0..60_000u32, 0..60_000u32, 0..30_000u32).prop_map(
        |((delay_ms, jitter_ms), (bits, queue_bytes), lost, doubled, damaged)| Link {
            delay_ns: delay_ms * 1_000_000,
            jitter_ns: jitter_ms * 1_000_000,
            bits_per_second: 1 << bits,
            queue_bytes,
            lost,
            doubled,
            damaged,
            ..Link::good()
        },
    )
}

fn tasks() -> impl Strategy<Value = Task> {
    let reads = prop_oneof![Just((u32::MAX, 0)), (1..20_000u32, 1..500u64)];
    (0..120_000u64, 1..9000u64, reads).prop_map(|(sends, write_bytes, (read_bytes, every_ms))| {
        Task {
            write_bytes,
            read_bytes,
            read_every_ns: every_ms * 1_000_000,
            ..Task::sending(sends)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn bytes_arrive_right_and_both_sides_end(
        link in links(),
        there in tasks(),
        back in tasks(),
        receive_bytes in prop_oneof![500..5000u32, 50_000..200_000u32],
        offload_bytes in prop_oneof![Just(0u32), 1..70_000u32],
        seed: u64,
    ) {
        let settings = Settings { receive_bytes, ..Settings::default() };
        let mut world = world(&settings, link, seed);
        world.left.path = Path { offload_bytes, ..Path::ETHERNET };
        transfer(&mut world, there, back);
    }
}
