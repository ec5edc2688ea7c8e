//! The rare ways through the states, and segments that are not what they seem.

use core::net::SocketAddr;

use warren_tcp::{
    End, Events, Flow, MILLISECOND_NS, Options, Path, Piece, SECOND_NS, Segment, Sequence,
    Settings, State, Timestamps, WriteError,
};

use crate::{
    host::{Host, Speaker, Task},
    link::Link,
    packet,
    world::World,
};

type Pair = World<Host, Host>;

fn hosts(settings: &Settings) -> Pair {
    World::new(Host::new(1, settings.clone()), Host::new(2, settings.clone()), Link::good(), 1)
}

/// Two hosts with a connection; nothing is on the way.
fn connected(settings: &Settings) -> Pair {
    let mut world = hosts(settings);
    world.right.listen(80, Task::idle());
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::idle());
    pass(&mut world, SECOND_NS);
    assert_eq!(states(&world), [State::Established; 2]);
    world
}

fn pass(world: &mut Pair, time_ns: u64) {
    let until_ns = world.now_ns + time_ns;
    world.run(until_ns, |_| false);
    world.now_ns = until_ns;
}

/// Lets both sides run at once, instead of when something happens, and a moment pass.
fn tick(world: &mut Pair) {
    world.run(world.now_ns, |_| true);
    world.now_ns += 1;
}

fn states(world: &Pair) -> [State; 2] {
    [world.left.connection(0).state(), world.right.connection(0).state()]
}

/// Lets an application write, now.
fn write(host: &mut Host, bytes: u64) {
    host.tasks[0].1.sends += bytes;
}

/// Lets a host send what it has, and loses that.
fn lose(world: &mut Pair) {
    world.left.run(world.now_ns);
}

fn finish(host: &mut Host) {
    host.tasks[0].1.stays = false;
}

/// The last segment that a host sent.
fn last(host: &Host) -> Segment {
    *host.sent.last().expect("something was sent")
}

/// Sends a segment to the right that looks as if the left side had sent it after its last one, but for what `change` changes.
/// Returns what the right side answers.
fn forge(world: &mut Pair, change: impl FnOnce(&mut Segment)) -> Vec<Segment> {
    let mut segment = last(&world.left);
    change(&mut segment);
    let flow = *world.left.connection(0).flow();
    world.right.sent.clear();
    world.right.receive(world.now_ns, packet::encode(&flow, &segment, &[]));
    world.right.run(world.now_ns);
    world.right.sent.clone()
}

#[test]
fn the_window_of_an_opening_is_meant_as_it_stands() {
    let settings = Settings { first_window_bytes: 2000, ..Settings::default() };
    let mut world = hosts(&settings);
    world.right.listen(80, Task::idle());
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::sending(50_000));
    world.run(SECOND_NS, |world| world.left.connection(0).state() != State::SynSent);
    let information = world.left.connection(0).information();
    assert_eq!((information.window_bytes, information.counters.bytes_out), (2000, 1 + 1448));
}

#[test]
fn nobody_listens_and_the_connection_is_refused() {
    let mut world = hosts(&Settings::default());
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::idle());
    pass(&mut world, SECOND_NS);
    assert_eq!(world.left.connection(0).end(), Some(End::Refused));
    assert!(world.left.tasks[0].1.events[0].contains(Events::ENDED));
}

#[test]
fn a_connection_ends_whose_opening_does_not_get_there() {
    let mut world = hosts(&Settings::default());
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::idle());
    lose(&mut world);
    let (flow, sequence) = (*world.left.connection(0).flow(), last(&world.left).sequence);
    let stopped = |world: &mut Pair, flow, sequence| {
        world.left.with(|engine, wire| engine.stop(flow, End::Unreachable, sequence, wire))
    };
    let other = Flow { remote_port: 81, ..flow };
    assert!(!stopped(&mut world, &other, sequence), "another connection");
    for wrong in [sequence + 1, sequence - 1] {
        assert!(!stopped(&mut world, &flow, wrong), "it was not sent");
    }
    assert!(stopped(&mut world, &flow, sequence));
    pass(&mut world, SECOND_NS);
    assert_eq!(world.left.connection(0).end(), Some(End::Unreachable));
    assert!(world.left.tasks[0].1.events[0].contains(Events::ENDED));
    assert!(!stopped(&mut world, &flow, sequence), "it has ended");
}

#[test]
fn an_open_connection_goes_on_whatever_others_say() {
    let mut world = connected(&Settings::default());
    let flow = *world.left.connection(0).flow();
    let opening = world.left.sent[0].sequence;
    write(&mut world.left, 1000);
    lose(&mut world);
    for sequence in [opening, last(&world.left).sequence] {
        let stopped =
            world.left.with(|engine, wire| engine.stop(&flow, End::Refused, sequence, wire));
        assert!(!stopped);
    }
    pass(&mut world, SECOND_NS);
    assert_eq!(world.right.tasks[0].1.read, 1000);
}

#[test]
fn both_begin_at_the_same_time() {
    let mut world = hosts(&Settings::default());
    let ends =
        [SocketAddr::new(world.left.address, 1000), SocketAddr::new(world.right.address, 2000)];
    for (host, [local, remote]) in [(&mut world.left, ends), (&mut world.right, [ends[1], ends[0]])]
    {
        let path = host.path;
        let name = host.with(|engine, wire| engine.connect(1, local, remote, path, wire));
        host.tasks.push((name.expect("the port is free"), Task::sending(5000)));
    }
    pass(&mut world, 10 * SECOND_NS);
    for host in [&world.left, &world.right] {
        assert_eq!((host.tasks[0].1.read, host.tasks[0].1.at_end), (5000, true));
        assert_eq!(host.connection(0).information().counters.timeouts, 0);
    }
}

#[test]
fn both_end_at_the_same_time() {
    let mut world = connected(&Settings::default());
    finish(&mut world.left);
    finish(&mut world.right);
    world.run(u64::MAX, |world| states(world) == [State::Closing; 2]);
    assert_eq!(states(&world), [State::Closing; 2]);
    pass(&mut world, SECOND_NS);
    assert_eq!(states(&world), [State::TimeWait; 2]);
    pass(&mut world, 100 * SECOND_NS);
    assert_eq!(states(&world), [State::Closed; 2]);
}

#[test]
fn who_has_ended_still_reads() {
    let mut world = connected(&Settings::default());
    finish(&mut world.left);
    pass(&mut world, SECOND_NS);
    assert_eq!(states(&world), [State::FinWait2, State::CloseWait]);
    write(&mut world.right, 10_000);
    finish(&mut world.right);
    pass(&mut world, SECOND_NS);
    assert_eq!(world.left.tasks[0].1.read, 10_000);
    assert_eq!(states(&world), [State::TimeWait, State::Closed]);
    assert_eq!(world.right.connection(0).end(), Some(End::Finished));
}

#[test]
fn who_does_not_read_what_came_says_so() {
    let mut world = connected(&Settings::default());
    world.left.tasks[0].1.read_bytes = 0;
    world.left.tasks[0].1.next_read_ns = u64::MAX;
    write(&mut world.right, 100);
    pass(&mut world, SECOND_NS);
    let now_ns = world.now_ns;
    world.left.leave_all(now_ns);
    pass(&mut world, SECOND_NS);
    assert_eq!(world.right.connection(0).end(), Some(End::Reset));
    assert_eq!(world.left.engine.connections().count(), 0);
}

#[test]
fn who_has_left_resets_what_still_comes() {
    let mut world = connected(&Settings::default());
    let now_ns = world.now_ns;
    world.left.leave_all(now_ns);
    pass(&mut world, SECOND_NS);
    write(&mut world.right, 100);
    pass(&mut world, SECOND_NS);
    assert_eq!(world.right.connection(0).end(), Some(End::Reset));
}

#[test]
fn the_other_side_of_who_left_may_take_a_minute() {
    let mut world = connected(&Settings::default());
    let now_ns = world.now_ns;
    world.left.leave_all(now_ns);
    pass(&mut world, 59 * SECOND_NS);
    assert_eq!(world.left.engine.connections().count(), 1);
    pass(&mut world, 2 * SECOND_NS);
    assert_eq!(world.left.engine.connections().count(), 0);
}

#[test]
fn a_reset_counts_only_at_the_exact_position() {
    let mut world = connected(&Settings::default());
    let answers = forge(&mut world, |segment| {
        segment.reset = true;
        segment.sequence += 1;
    });
    assert_eq!((states(&world)[1], answers.len()), (State::Established, 1));
    assert!(answers[0].acknowledgment.is_some() && !answers[0].reset);
    let answers = forge(&mut world, |segment| {
        segment.reset = true;
        segment.sequence = segment.sequence - 1;
    });
    assert_eq!((states(&world)[1], answers.len()), (State::Established, 0));
    forge(&mut world, |segment| segment.reset = true);
    assert_eq!(world.right.connection(0).end(), Some(End::Reset));
}

#[test]
fn a_forged_opening_is_challenged_and_not_too_often() {
    let mut world = connected(&Settings::default());
    let opening = |segment: &mut Segment| {
        segment.synchronize = true;
        segment.acknowledgment = None;
        segment.sequence += 100;
    };
    assert_eq!(forge(&mut world, opening).len(), 1);
    assert_eq!(forge(&mut world, opening).len(), 0);
    world.now_ns += 100 * MILLISECOND_NS;
    assert_eq!(forge(&mut world, opening).len(), 1);
    assert_eq!(states(&world), [State::Established; 2]);
}

#[test]
fn an_acknowledgment_of_what_was_never_sent_is_not_believed() {
    let mut world = connected(&Settings::default());
    for wrong in [Sequence(1), Sequence(0) - 0x7000_0000] {
        let answers = forge(&mut world, |segment| {
            segment.acknowledgment = segment.acknowledgment.map(|position| position + wrong.0);
        });
        assert_eq!(answers.len(), 1);
        world.now_ns += SECOND_NS;
    }
    write(&mut world.right, 1000);
    pass(&mut world, SECOND_NS);
    assert_eq!(world.left.tasks[0].1.read, 1000);
}

#[test]
fn a_segment_with_an_old_clock_is_not_taken() {
    let mut world = connected(&Settings::default());
    let old = |segment: &mut Segment| {
        let stamps = segment.options.timestamps.expect("both sides have clocks");
        segment.options.timestamps =
            Some(Timestamps { value: stamps.value.wrapping_sub(5000), ..stamps });
        segment.finish = true;
    };
    assert_eq!(forge(&mut world, old).len(), 1);
    assert_eq!(states(&world)[1], State::Established);
    forge(&mut world, |segment| segment.options = Options::default());
    assert_eq!(world.right.connection(0).information().counters.old_stamps, 1);
    forge(&mut world, |segment| segment.finish = true);
    assert_eq!(states(&world)[1], State::CloseWait);
}

#[test]
fn a_new_connection_takes_the_place_of_one_that_has_ended() {
    let mut world = hosts(&Settings::default());
    world.right.listen(80, Task::sending(100));
    let ends =
        (SocketAddr::new(world.left.address, 1000), SocketAddr::new(world.right.address, 80));
    for _ in 0..3 {
        let (path, now_ns) = (world.left.path, world.now_ns);
        let name =
            world.left.with(|engine, wire| engine.connect(now_ns, ends.0, ends.1, path, wire));
        world.left.tasks.push((name.expect("the port is free"), Task::idle()));
        pass(&mut world, SECOND_NS);
        assert_eq!(world.left.tasks[0].1.read, 100);
        // The right side ended first, and so it is the one that waits.
        let now_ns = world.now_ns;
        world.left.leave_all(now_ns);
        world.right.leave_all(now_ns);
        pass(&mut world, SECOND_NS);
        assert_eq!(world.left.engine.connections().count(), 0);
        assert_eq!(world.right.engine.connections().count(), 1);
    }
}

#[test]
fn silence_is_asked_about_and_ends() {
    let settings = Settings {
        keep_alive_ns: 10 * SECOND_NS,
        keep_alive_interval_ns: SECOND_NS,
        ..Settings::default()
    };
    let mut world = connected(&settings);
    let name = world.left.tasks[0].0;
    world
        .left
        .with(|engine, wire| engine.set_keep_alive(name, true, wire))
        .expect("the connection is used");
    pass(&mut world, 100 * SECOND_NS);
    assert_eq!(states(&world), [State::Established; 2]);
    world.links[0].dead_from_ns = 0;
    pass(&mut world, 30 * SECOND_NS);
    assert_eq!(world.left.connection(0).end(), Some(End::TimedOut));
}

#[test]
fn news_of_a_larger_window_may_be_lost() {
    let mut world = connected(&Settings { receive_bytes: 10_000, ..Settings::default() });
    world.right.tasks[0].1.next_read_ns = world.now_ns + 10 * SECOND_NS;
    write(&mut world.left, 50_000);
    pass(&mut world, 9 * SECOND_NS);
    assert_eq!(world.left.connection(0).information().window_bytes, 0);
    // The right side reads, and what it says then is lost.
    world.links[1].dead_until_ns = world.now_ns + 2 * SECOND_NS;
    pass(&mut world, 60 * SECOND_NS);
    assert_eq!(world.right.tasks[0].1.read, 50_000);
}

#[test]
fn small_segments_wait_for_each_other_unless_they_may_not() {
    for (no_delay, segments) in [(false, 2), (true, 5)] {
        let mut world = connected(&Settings::default());
        let name = world.left.tasks[0].0;
        world
            .left
            .with(|engine, wire| engine.set_no_delay(name, no_delay, wire))
            .expect("the connection is used");
        world.left.sent.clear();
        for _ in 0..5 {
            write(&mut world.left, 10);
            tick(&mut world);
        }
        pass(&mut world, SECOND_NS);
        assert_eq!(world.left.sent.iter().filter(|segment| segment.push).count(), segments);
        assert_eq!(world.right.tasks[0].1.read, 50);
    }
}

#[test]
fn every_second_segment_is_acknowledged_at_once_and_a_single_one_later() {
    let mut world = connected(&Settings::default());
    write(&mut world.left, 100);
    tick(&mut world);
    world.right.sent.clear();
    pass(&mut world, 30 * MILLISECOND_NS);
    assert_eq!(world.right.sent.len(), 0);
    pass(&mut world, 30 * MILLISECOND_NS);
    assert_eq!(world.right.sent.len(), 1);
    write(&mut world.left, 4 * 1448);
    pass(&mut world, 10 * MILLISECOND_NS);
    assert_eq!(world.right.sent.len(), 3);
}

#[test]
fn the_lost_end_of_a_stream_is_found_without_a_timeout() {
    let mut world = connected(&Settings::default());
    write(&mut world.left, 100_000);
    pass(&mut world, SECOND_NS);
    // The last segments of these are lost.
    write(&mut world.left, 5 * 1448);
    lose(&mut world);
    let before = world.left.connection(0).information().counters;
    pass(&mut world, 100 * MILLISECOND_NS);
    let after = world.left.connection(0).information().counters;
    assert_eq!((after.end_probes - before.end_probes, after.timeouts), (1, 0));
    assert_eq!(world.right.tasks[0].1.read, 100_000 + 5 * 1448);
}

#[test]
fn a_narrower_path_is_used_at_once() {
    let mut world = connected(&Settings::default());
    write(&mut world.left, 5 * 1448);
    lose(&mut world);
    let (flow, sequence) = (*world.left.connection(0).flow(), last(&world.left).sequence);
    world.left.sent.clear();
    world.left.with(|engine, wire| engine.narrow(&flow, 1000, sequence - 0x1000_0000, wire));
    assert_eq!(world.left.connection(0).information().segment_bytes, 1448);
    world.left.with(|engine, wire| engine.narrow(&flow, 1000, sequence, wire));
    pass(&mut world, 20 * MILLISECOND_NS);
    assert_eq!(world.left.connection(0).information().segment_bytes, 948);
    assert_eq!(world.right.tasks[0].1.read, 5 * 1448);
    assert_eq!(world.left.connection(0).information().counters.timeouts, 0);
}

#[test]
fn what_nobody_answers_twice_may_be_cut_on_its_way() {
    let mut world = connected(&Settings::default());
    write(&mut world.left, 5 * 1448);
    lose(&mut world);
    assert!(world.left.whole);
    loop {
        world.now_ns = world.left.deadline_ns().expect("something is sent again");
        lose(&mut world);
        let timeouts = world.left.connection(0).information().counters.timeouts;
        assert_eq!(world.left.whole, timeouts < 2, "{timeouts}");
        if timeouts == 3 {
            return;
        }
    }
}

/// Whether the right side sends something within a few milliseconds when the left one writes a byte.
fn is_answered_at_once(world: &mut Pair) -> bool {
    world.right.sent.clear();
    write(&mut world.left, 1);
    pass(world, 5 * MILLISECOND_NS);
    let at_once = !world.right.sent.is_empty();
    pass(world, SECOND_NS);
    assert!(!world.right.sent.is_empty());
    at_once
}

#[test]
fn an_acknowledgment_waits_for_company_only_where_both_sides_talk() {
    let mut world = connected(&Settings::default());
    // The first byte may be a question.
    assert!(!is_answered_at_once(&mut world));
    assert!(is_answered_at_once(&mut world));
    assert!(is_answered_at_once(&mut world));
    write(&mut world.right, 1);
    pass(&mut world, SECOND_NS);
    assert!(!is_answered_at_once(&mut world));
}

/// Hands packets over, and lets their receiver answer.
fn hand_over(to: &mut Host, now_ns: u64, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    packets.into_iter().for_each(|packet| to.receive(now_ns, packet));
    to.run(now_ns)
}

#[test]
fn what_is_lost_a_second_time_is_sent_again_before_the_timeout() {
    const SEGMENTS: u64 = 8;
    const SEGMENT_BYTES: u64 = 1448;
    let mut world = connected(&Settings::default());
    let Pair { left, right, now_ns, .. } = &mut world;
    write(left, SEGMENTS * SEGMENT_BYTES);
    let mut packets = left.run(*now_ns);
    assert_eq!(packets.len() as u64, SEGMENTS);
    packets.remove(0);
    *now_ns += MILLISECOND_NS;
    let answers = hand_over(right, *now_ns, packets);
    *now_ns += MILLISECOND_NS;
    let again = hand_over(left, *now_ns, answers);
    assert_eq!(again.len(), 1);
    // It is lost, and so is what silence makes the left side send; but that only once.
    let silence_ns = |left: &Host, now_ns| left.deadline_ns().map(|at_ns| at_ns - now_ns);
    assert!(silence_ns(left, *now_ns) < Some(20 * MILLISECOND_NS));
    *now_ns += 20 * MILLISECOND_NS;
    let once_more = left.run(*now_ns);
    assert_eq!(once_more.len(), 1);
    assert!(silence_ns(left, *now_ns) > Some(100 * MILLISECOND_NS));
    let answers = hand_over(right, *now_ns, once_more);
    assert_eq!(right.tasks[0].1.read, SEGMENTS * SEGMENT_BYTES);
    hand_over(left, *now_ns, answers);
    let counters = left.connection(0).information().counters;
    assert_eq!((counters.timeouts, counters.bytes_again), (0, 2 * SEGMENT_BYTES));
}

#[test]
fn silence_is_asked_about_by_as_much_as_is_answered_at_once() {
    let settings = Settings { first_window_bytes: 60_000, ..Settings::default() };
    let mut world = connected(&settings);
    let Pair { left, now_ns, .. } = &mut world;
    write(left, 100_000);
    let on_the_way = left.run(*now_ns);
    assert!(!on_the_way.is_empty());
    // All of it or all answers to it are lost.
    *now_ns = left.deadline_ns().expect("it waits for answers");
    let asks = left.run(*now_ns);
    assert_eq!(asks.len(), 2);
    assert!(asks.iter().all(|packet| packet.len() == on_the_way[0].len()));
    assert_eq!(left.connection(0).information().counters.end_probes, 1);
}

#[test]
fn whatever_arrives_twice_in_a_batch_is_reported() {
    let mut world = connected(&Settings::default());
    let Pair { left, right, now_ns, .. } = &mut world;
    write(left, 3 * 1448);
    let packets = left.run(*now_ns);
    let starts: Vec<_> = left.sent.iter().rev().take(3).map(|segment| segment.sequence).collect();
    hand_over(right, *now_ns, packets.clone());
    right.sent.clear();
    *now_ns += MILLISECOND_NS;
    hand_over(right, *now_ns, packets);
    let reported = right.sent.iter().filter_map(|segment| segment.options.blocks[0]);
    let reported: Vec<_> = reported.map(|block| block.start).collect();
    assert_eq!(reported, starts.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn where_something_was_lost_no_acknowledgment_of_a_batch_is_the_only_one() {
    let mut world = connected(&Settings::default());
    let Pair { left, right, now_ns, .. } = &mut world;
    // The left side sends as much as may be on its way, of which the first `lost` segments do not arrive; how many answers there are.
    let mut exchange = |bytes, lost| {
        write(left, bytes);
        *now_ns += MILLISECOND_NS;
        let packets = left.run(*now_ns);
        right.sent.clear();
        let answers = hand_over(right, *now_ns, packets.into_iter().skip(lost).collect());
        let count = answers.len();
        *now_ns += MILLISECOND_NS;
        answers.into_iter().for_each(|answer| left.receive(*now_ns, answer));
        count
    };
    assert_eq!(exchange(8 * 1448, 0), 1);
    assert_eq!(exchange(8 * 1448, 1), 3);
    // What was lost comes again.
    assert_eq!(exchange(0, 0), 2);
    assert_eq!(exchange(8 * 1448, 0), 2);
    assert_eq!(exchange(1448, 0), 1);
}

#[test]
fn waiting_for_what_was_lost_is_no_part_of_the_round_trip() {
    let mut world = connected(&Settings::default());
    let Pair { left, right, now_ns, .. } = &mut world;
    write(left, 4 * 1448);
    let mut packets = left.run(*now_ns);
    packets.remove(0);
    // All answers are lost, too, and so is the first thing that is sent again.
    hand_over(right, *now_ns, packets);
    *now_ns += SECOND_NS / 2;
    left.run(*now_ns);
    *now_ns += SECOND_NS / 2;
    let again = left.run(*now_ns);
    *now_ns += MILLISECOND_NS;
    let answers = hand_over(right, *now_ns, again);
    *now_ns += MILLISECOND_NS;
    hand_over(left, *now_ns, answers);
    assert_eq!(right.tasks[0].1.read, 4 * 1448);
    assert!(left.connection(0).information().round_trip_ns < 10 * MILLISECOND_NS);
}

#[test]
fn what_is_written_fills_segments_that_a_device_cuts() {
    let mut world = hosts(&Settings::default());
    world.right.listen(80, Task::idle());
    world.left.path = Path { offload_bytes: 65_421, ..Path::ETHERNET };
    let address = world.right.address;
    world.left.connect(1, address, 80, Task::idle());
    pass(&mut world, SECOND_NS);
    let filling = |host: &Host, bytes| host.connection(0).filling(bytes);
    // 45 segments of 1448 bytes.
    for (bytes, expected) in
        [(100, 100), (65_160, 65_160), (65_536, 65_160), (131_072, 130_320), (65_159, 65_159)]
    {
        assert_eq!(filling(&world.left, bytes), expected);
    }
    assert_eq!(filling(&world.right, 65_536), 65_536, "nothing cuts");
    let piece = Piece { buffer: world.left.memory.make(vec![0; 1000]), offset: 0, length: 1000 };
    let name = world.left.tasks[0].0;
    world.left.with(|engine, wire| engine.write(name, piece, wire)).unwrap();
    assert_eq!(filling(&world.left, 65_536), 64_160);
    assert_eq!(filling(&world.left, 64_159), 64_159);
}

#[test]
fn pieces_are_written_until_there_is_no_room() {
    let mut world = connected(&Settings { send_bytes: 10_000, ..Settings::default() });
    let name = world.left.tasks[0].0;
    let write = |host: &mut Host, count| {
        let mut make =
            || Piece { buffer: host.memory.make(vec![0; 4096]), offset: 0, length: 4096 };
        let pieces: Vec<_> = (0..count).map(|_| make()).collect();
        host.with(|engine, wire| engine.write_all(name, &pieces, wire))
    };
    assert_eq!(write(&mut world.left, 2), Ok(2));
    // A queue that has any room takes a whole piece.
    assert_eq!(write(&mut world.left, 3), Ok(1));
    assert_eq!(write(&mut world.left, 1), Err(WriteError::Full));
    world.left.with(|engine, wire| engine.finish(name, wire)).unwrap();
    assert_eq!(write(&mut world.left, 1), Err(WriteError::Ended));
    assert_eq!(world.left.connection(0).unacknowledged_pieces(), 3);
}

#[test]
fn who_reads_a_little_has_nothing_to_say() {
    let mut world = connected(&Settings { receive_bytes: 20_000, ..Settings::default() });
    let name = world.right.tasks[0].0;
    world.right.tasks[0].1.next_read_ns = u64::MAX;
    write(&mut world.left, 18_000);
    pass(&mut world, SECOND_NS);
    assert!(world.right.engine.take_lined_up() && world.right.engine.is_quiet());
    world.right.with(|engine, wire| engine.consume(name, 1000, wire)).unwrap();
    assert!(world.right.engine.is_quiet());
    world.right.with(|engine, wire| engine.consume(name, 12_000, wire)).unwrap();
    assert!(!world.right.engine.is_quiet(), "there is much more room");
}

#[test]
fn it_is_said_once_that_connections_have_come() {
    let mut world = connected(&Settings::default());
    assert_eq!([0, 0].map(|_| world.right.engine.take_lined_up()), [true, false]);
    assert!(!world.left.engine.take_lined_up());
}
