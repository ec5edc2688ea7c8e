//! Many connections, and those who want to have too many.

use core::{
    mem::size_of,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use warren_tcp::{
    Connection, Events, Flow, MILLISECOND_NS, Options, Path, Piece, SECOND_NS, Segment, Sequence,
    Settings, State, Timestamps,
};

use crate::{
    host::{Host, Speaker, Task, Wire},
    link::Link,
    packet,
    random::Random,
    world::World,
};

/// A host that carries its segments back to itself.
fn echo_to_itself(host: &mut Host, now_ns: u64) {
    loop {
        let packets = {
            host.with(|engine, wire| engine.expire(now_ns, wire));
            host.with(|engine, wire| engine.transmit(now_ns, wire));
            host.take_outbox()
        };
        if packets.is_empty() {
            return;
        }
        packets.into_iter().for_each(|packet| host.receive(now_ns, packet));
    }
}

#[test]
fn ten_thousand_connections_are_open_at_once() {
    let mut host = Host::new(1, Settings::default());
    host.engine.listen((80, None), 20_000).expect("nobody listens");
    let remote = SocketAddr::new(host.address, 80);
    let mut names = Vec::new();
    for number in 0..10_000u64 {
        let local = SocketAddr::new(host.address, 0);
        let name =
            host.with(|engine, wire| engine.connect(number, local, remote, Path::ETHERNET, wire));
        names.push(name.expect("there is a port"));
        if number % 100 == 0 {
            echo_to_itself(&mut host, number);
        }
    }
    echo_to_itself(&mut host, 10_000);
    let mut accepted = Vec::new();
    while let Some((name, _)) = host.engine.accept((80, None)) {
        accepted.push(name);
    }
    assert_eq!(accepted.len(), 10_000);
    assert_eq!(host.engine.connections().count(), 20_000);
    assert!(
        host.engine.connections().all(|(_, connection)| connection.state() == State::Established)
    );
    while let Some((name, events)) = host.engine.next_news() {
        assert!(events.contains(Events::CONNECTED) && host.engine.connection(name).is_some());
    }
    // Nothing is on its way, so nobody is to be woken.
    let later_ns = 10 * SECOND_NS;
    host.with(|engine, wire| engine.expire(later_ns, wire));
    assert_eq!(host.engine.next_deadline_ns(), None);
    assert!(host.take_outbox().is_empty());
    for name in names.into_iter().chain(accepted) {
        host.with(|engine, wire| engine.leave(later_ns, name, wire))
            .expect("the connection is used");
        echo_to_itself(&mut host, later_ns);
    }
    echo_to_itself(&mut host, 1000 * SECOND_NS);
    assert_eq!((host.engine.connections().count(), host.memory.held()), (0, 0));
}

#[test]
fn room_is_divided_among_those_that_something_comes_to_and_those_that_send() {
    const ALL: usize = 50;
    let settings = Settings { window_pieces: 800, send_pieces: 300, ..Settings::default() };
    let mut world =
        World::new(Host::new(1, settings.clone()), Host::new(2, settings), Link::good(), 1);
    // Whoever reads seldom lets as much come as it may.
    let reader = Task { read_every_ns: 100 * MILLISECOND_NS, ..Task::sending(0) };
    world.right.listen(80, reader);
    // A packet is a piece.
    world.right.room = Some(usize::MAX);
    let address = world.right.address;
    for _ in 0..ALL {
        world.left.connect(world.now_ns, address, 80, Task::sending(200_000));
    }
    let (mut received, mut sent) = (0, 0);
    world.run(60 * SECOND_NS, |world| {
        received = received.max(world.right.memory.held());
        sent = sent.max(world.left.memory.held());
        world.right.tasks.len() == ALL && world.right.tasks.iter().all(|(_, task)| task.at_end)
    });
    assert!(world.right.tasks.iter().all(|(_, task)| (task.read, task.wrong) == (200_000, 0)));
    // Before something comes to them, all have been offered 16 KiB. Each would take 138 pieces.
    assert!((800..=800 + ALL * 12).contains(&received), "{received} pieces");
    // A piece more each, because room for a byte takes a whole one. Each would take 49.
    assert!((300..=300 + ALL * 5).contains(&sent), "{sent} pieces");
}

/// Bytes that an application reads at a time that is quick.
const READ_BYTES: u32 = 32_768;

/// A world in which eight connections send more than is read of them, in long segments, to a side with room for so many pieces; and the most pieces that were held. Each time `look`
/// may change it.
fn through_full_pieces(
    window_pieces: usize,
    mut look: impl FnMut(&mut World<Host, Host>),
) -> (usize, World<Host, Host>) {
    const ALL: usize = 8;
    let settings = Settings { window_pieces, ..Settings::default() };
    let left = Host::new(1, Settings::default());
    let fast =
        Link { delay_ns: MILLISECOND_NS / 20, bits_per_second: 10_000_000_000, ..Link::good() };
    let mut world = World::new(left, Host::new(2, settings), fast, 1);
    (world.left.path, world.left.leaves_long) =
        (Path { offload_bytes: 60_000, ..Path::ETHERNET }, true);
    world.right.room = Some(2 * window_pieces);
    let reader = Task { read_bytes: READ_BYTES, read_every_ns: MILLISECOND_NS, ..Task::sending(0) };
    world.right.listen(80, reader);
    let address = world.right.address;
    for _ in 0..ALL {
        world.left.connect(world.now_ns, address, 80, Task::sending(4_000_000));
    }
    let mut most = 0;
    let done = world.run(60 * SECOND_NS, |world| {
        look(world);
        most = most.max(world.right.memory.held());
        world.right.tasks.len() == ALL && world.right.tasks.iter().all(|(_, task)| task.at_end)
    });
    assert!(done && world.right.tasks.iter().all(|(_, task)| task.wrong == 0));
    (most, world)
}

#[test]
fn pieces_that_are_full_are_all_used() {
    let (most, world) = through_full_pieces(800, |_| ());
    // If each were counted as one of Ethernet's, 280 would be used.
    assert!((650..=800).contains(&most), "{most} pieces");
    assert_eq!(world.right.lost, 0);
}

#[test]
fn pieces_that_are_full_no_longer_find_room_at_first() {
    let mut random = Random(3);
    let (most, world) = through_full_pieces(800, |world| {
        world.left.leaves_long ^= random.below(200) == 0;
    });
    assert!(most > 800, "{most} pieces");
    assert_eq!(world.right.lost, 0);
}

#[test]
fn a_reader_that_is_slower_than_the_senders_answers_more_seldom_than_it_reads() {
    let (_, world) = through_full_pieces(800, |_| ());
    let read: u64 = world.right.tasks.iter().map(|(_, task)| task.read).sum();
    let (answers, reads) = (world.right.sent.len() as u64, read / u64::from(READ_BYTES));
    assert!(answers < reads, "{answers} answers, {reads} reads");
}

/// A world in which so many connections send so much each to a side with room for few pieces; when all of it was read. Nothing is lost, and nobody has waited for a timeout.
fn through_little_room(
    connections: usize,
    window_pieces: usize,
    bytes: u64,
    reader: Task,
    seed: u64,
) -> u64 {
    let settings = Settings { window_pieces, ..Settings::default() };
    let left = Host::new(1, Settings::default());
    let mut world = World::new(left, Host::new(2, settings), Link::good(), seed);
    // Whoever begins may send a segment, and the first ones some more.
    let beginnings: usize =
        (1..=connections).map(|count| (window_pieces / (2 * count)).clamp(1, 12)).sum();
    world.right.room = Some(window_pieces + (window_pieces / 8).max(2) + beginnings);
    world.right.engine.listen((80, None), 1000).expect("nobody listens there");
    world.right.on_accept = reader;
    let address = world.right.address;
    for _ in 0..connections {
        world.left.connect(world.now_ns, address, 80, Task::sending(bytes));
    }
    let done = world.run(600 * SECOND_NS, |world| {
        let all = &world.right.tasks;
        all.len() == connections && all.iter().all(|(_, task)| task.at_end)
    });
    let case = format!("{connections} connections, {window_pieces} pieces, {bytes} bytes, {seed}");
    assert!(done, "{case}: they stand still");
    assert!(world.right.tasks.iter().all(|(_, task)| (task.read, task.wrong) == (bytes, 0)));
    assert_eq!(world.right.lost, 0, "{case}");
    for task in 0..connections {
        let counters = world.left.connection(task).information().counters;
        assert_eq!(counters.timeouts, 0, "{case}: {counters:?}");
    }
    world.now_ns
}

#[test]
fn a_hundred_connections_take_turns_where_there_is_room_for_few() {
    let needed_ns = through_little_room(100, 36, 65_536, Task::sending(0), 1);
    // Their bytes take 55 ms on this link; each turn takes a round trip, of 2 ms, and 18 have one at a time.
    assert!(needed_ns < SECOND_NS / 2, "{needed_ns} ns");
}

#[test]
fn whoever_reads_seldom_lets_others_go_on() {
    let reader = Task { read_every_ns: 30 * MILLISECOND_NS, ..Task::sending(0) };
    through_little_room(60, 40, 30_000, reader, 2);
}

#[test]
fn however_many_connections_and_little_room_there_are_all_end_without_timeouts() {
    let mut random = Random(11);
    for seed in 0..40 {
        let connections = 1 + random.below(150) as usize;
        let window_pieces = 2 + random.below(80) as usize;
        let reader = Task {
            read_every_ns: random.below(10) * MILLISECOND_NS,
            read_bytes: 500 + random.below(20_000) as u32,
            ..Task::sending(0)
        };
        through_little_room(connections, window_pieces, random.below(60_000), reader, seed);
    }
}

#[test]
fn what_nobody_reads_leaves_room_to_others() {
    // Nobody reads the first ones, who fill what they may, and have made no use of the rest for long.
    const DEAF: usize = 5;
    let settings = Settings { window_pieces: 40, ..Settings::default() };
    let mut world =
        World::new(Host::new(1, Settings::default()), Host::new(2, settings), Link::good(), 1);
    world.right.room = Some(100);
    let deaf = Task { read_bytes: 0, read_every_ns: 1000 * SECOND_NS, ..Task::idle() };
    world.right.listen(80, deaf);
    let address = world.right.address;
    for _ in 0..DEAF {
        world.left.connect(world.now_ns, address, 80, Task::sending(1_000_000));
    }
    world.run(SECOND_NS, |_| false);
    world.right.on_accept = Task::sending(0);
    for _ in 0..10 {
        world.left.connect(world.now_ns, address, 80, Task::sending(50_000));
    }
    let done = world.run(world.now_ns + 20 * SECOND_NS, |world| {
        let readers = &world.right.tasks[DEAF..];
        readers.len() == 10 && readers.iter().all(|(_, task)| task.at_end)
    });
    let read: Vec<u64> = world.right.tasks.iter().map(|(_, task)| task.read).collect();
    assert!(done && world.right.lost == 0, "{read:?} {}", world.right.lost);
}

#[test]
fn writers_wait_for_each_other_where_there_is_room_for_few() {
    const ALL: usize = 60;
    let settings = Settings { send_pieces: 24, most_send_pieces: 30, ..Settings::default() };
    let mut world =
        World::new(Host::new(1, settings), Host::new(2, Settings::default()), Link::good(), 1);
    world.right.engine.listen((80, None), 100).expect("nobody listens there");
    let address = world.right.address;
    for _ in 0..ALL {
        world.left.connect(world.now_ns, address, 80, Task::sending(65_536));
    }
    let mut most = 0;
    let done = world.run(20 * SECOND_NS, |world| {
        most = most.max(world.left.memory.held());
        world.right.tasks.len() == ALL && world.right.tasks.iter().all(|(_, task)| task.at_end)
    });
    assert!(done && (24..=30).contains(&most), "{done}, {most} pieces");
}

#[test]
fn an_idle_connection_takes_less_than_a_kibibyte() {
    println!("{} bytes of an idle connection", size_of::<Connection<u32>>());
    assert!(size_of::<Connection<u32>>() < 1024);
}

/// A SYN from somewhere.
fn opening(random: &mut Random, to: IpAddr, options: Options) -> (Flow, Segment) {
    let from = IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 | random.below(1 << 24) as u32));
    let (remote_port, sequence) = (random.below(65_536) as u16, Sequence(random.next() as u32));
    let flow = Flow { local: from, remote: to, local_port: remote_port, remote_port: 80 };
    let segment = Segment {
        source_port: remote_port,
        destination_port: 80,
        sequence,
        synchronize: true,
        window: 1000,
        options,
        ..Segment::default()
    };
    (flow, segment)
}

fn everything() -> Options {
    Options {
        segment_bytes: Some(1460),
        window_scale: Some(7),
        selective: true,
        timestamps: Some(Timestamps { value: 77, echo: 0 }),
        ..Options::default()
    }
}

#[test]
fn a_flood_of_openings_does_not_keep_others_out() {
    let mut world = World::new(
        Host::new(1, Settings::default()),
        Host::new(2, Settings::default()),
        Link { lost: 10_000, ..Link::good() },
        1,
    );
    world.right.listen(80, Task::sending(200_000));
    let mut random = Random(5);
    let mut flood = |world: &mut World<Host, Host>| {
        for _ in 0..2000 {
            let (flow, segment) = opening(&mut random, world.right.address, everything());
            world.right.receive(world.now_ns, packet::encode(&flow, &segment, &[]));
        }
        world.right.sent.clear();
    };
    flood(&mut world);
    let address = world.right.address;
    for _ in 0..5 {
        world.left.connect(world.now_ns, address, 80, Task::sending(100_000));
    }
    for _ in 0..50 {
        let until_ns = world.now_ns + 50 * MILLISECOND_NS;
        world.run(until_ns, |_| false);
        world.now_ns = until_ns;
        flood(&mut world);
    }
    world.run(world.now_ns + 60 * SECOND_NS, |_| false);
    for (_, task) in &world.left.tasks {
        assert_eq!((task.read, task.wrong, task.at_end), (200_000, 0, true));
    }
    let (_, _, arrivals) = world.right.engine.listeners().next().expect("somebody listens");
    assert_eq!(arrivals.connections, 5);
    assert!(arrivals.cookies > 90_000, "{arrivals:?}");
    // Of the flood, no more is kept than the backlog allows.
    assert!(world.right.engine.connections().count() <= 16 + 5);
}

#[test]
fn who_does_not_accept_gets_no_more_connections() {
    let mut host = Host::new(2, Settings::default());
    host.engine.listen((80, None), 4).expect("nobody listens");
    let local = SocketAddr::new(host.address, 0);
    let remote = SocketAddr::new(host.address, 80);
    for number in 0..20 {
        host.with(|engine, wire| engine.connect(number, local, remote, Path::ETHERNET, wire))
            .expect("there is a port");
        echo_to_itself(&mut host, number);
    }
    let open = host
        .engine
        .connections()
        .filter(|(_, connection)| connection.state() == State::Established);
    assert_eq!(open.count(), 2 * 4);
    let (_, waiting, arrivals) = host.engine.listeners().next().expect("somebody listens");
    assert_eq!((waiting, arrivals.connections, arrivals.dropped), (4, 4, 16));
}

#[test]
fn who_stops_listening_resets_those_that_wait() {
    let mut host = Host::new(2, Settings::default());
    host.engine.listen((80, None), 4).expect("nobody listens");
    assert!(host.engine.listen((80, None), 4).is_err());
    let (local, remote) = (SocketAddr::new(host.address, 0), SocketAddr::new(host.address, 80));
    let name = host
        .with(|engine, wire| engine.connect(1, local, remote, Path::ETHERNET, wire))
        .expect("there is a port");
    echo_to_itself(&mut host, 1);
    host.with(|engine, wire| engine.unlisten(2, (80, None), wire));
    echo_to_itself(&mut host, 2);
    let connection = host.engine.connection(name).expect("the connection is used");
    assert_eq!(connection.end(), Some(warren_tcp::End::Reset));
}

#[test]
fn nonsense_is_survived() {
    let mut host = Host::new(2, Settings { connections: 100, ..Settings::default() });
    host.engine.listen((80, None), 8).expect("nobody listens");
    let (mut random, mut names) = (Random(9), Vec::new());
    let (local, remote) = (SocketAddr::new(host.address, 0), SocketAddr::new(host.address, 80));
    for step in 0..60_000u64 {
        let now_ns = step * MILLISECOND_NS;
        if step % 5 == 0 {
            // What is wrong for too long only waits; others are let in.
            if names.len() > 20 {
                let oldest = names.remove(0);
                let _ = host.with(|engine, wire| engine.abort(now_ns, oldest, wire));
            }
            names.extend(
                host.with(|engine, wire| {
                    engine.connect(now_ns, local, remote, Path::ETHERNET, wire)
                }),
            );
            names.extend(host.engine.accept((80, None)).map(|(name, _)| name));
        }
        if let Some(name) = names.get(random.below(names.len() as u64) as usize).copied() {
            misuse(&mut host, now_ns, name, &mut random);
        }
        host.with(|engine, wire| engine.expire(now_ns, wire));
        host.with(|engine, wire| engine.transmit(now_ns, wire));
        for packet in host.take_outbox() {
            change(&mut host, now_ns, packet, &mut random);
        }
    }
    let count = host.engine.totals().segments_in;
    println!("{count} segments");
    assert!(count > 50_000, "the test has died out after {count} segments");
    for name in names {
        let _ = host.with(|engine, wire| engine.abort(60_000 * MILLISECOND_NS, name, wire));
    }
    host.with(|engine, wire| engine.unlisten(60_000 * MILLISECOND_NS, (80, None), wire));
    let left: Vec<_> =
        host.engine.connections().map(|(_, connection)| connection.state()).collect();
    let waits = |state: &State| matches!(state, State::TimeWait | State::SynReceived);
    assert!(left.iter().all(waits), "{left:?}");
    assert_eq!(host.memory.held(), 0);
}

/// Does anything with a connection, also what makes no sense.
fn misuse(host: &mut Host, now_ns: u64, name: warren_tcp::Name, random: &mut Random) {
    let choice = random.below(1000);
    let length = random.below(3000) as u32;
    let buffer = host.memory.make(vec![7; 3000]);
    let piece = Piece { buffer, offset: 0, length };
    let kept = host.with(|engine, wire: &mut Wire<'_>| {
        match choice {
            0 => drop(engine.finish(name, wire)),
            1 => drop(engine.leave(now_ns, name, wire)),
            2 => drop(engine.abort(now_ns, name, wire)),
            3 => drop(engine.set_no_delay(name, length > 1000, wire)),
            4 => drop(engine.set_keep_alive(name, length > 1000, wire)),
            5..=500 => drop(engine.consume(name, length, wire)),
            _ => return engine.write(name, piece, wire).is_ok(),
        }
        false
    });
    if !kept {
        host.memory.release(buffer);
    }
}

/// Delivers a packet, mostly with a header that is wrong somewhere and a checksum that is right.
fn change(host: &mut Host, now_ns: u64, bytes: Vec<u8>, random: &mut Random) {
    let Some((mut segment, source, destination, offset)) = packet::decode(&bytes) else { return };
    let near = (random.below(5000) as u32).wrapping_sub(2500);
    match random.below(24) {
        0 => return,
        1 => segment.sequence += near,
        2 => segment.acknowledgment = segment.acknowledgment.map(|position| position + near),
        3 => segment.acknowledgment = None,
        4 => segment.synchronize = !segment.synchronize,
        5 => segment.finish = !segment.finish,
        6 => segment.reset = random.below(10) == 0,
        7 => segment.window = random.below(3) as u16 * 100,
        8 => segment.options = Options::default(),
        9 => {
            let start = segment.acknowledgment.unwrap_or_default() + near;
            segment.options.blocks[0] = Some(warren_tcp::Range { start, end: start + near });
        }
        10 => segment.options.segment_bytes = Some(near as u16),
        11 => segment.options.window_scale = Some(near as u8),
        12 => {
            let stamps = segment.options.timestamps.unwrap_or_default();
            segment.options.timestamps =
                Some(Timestamps { value: stamps.value.wrapping_add(near), echo: near });
        }
        _ => (),
    }
    if segment.header_bytes() > warren_tcp::HEADER_BYTES {
        // There is no such header.
        return;
    }
    let flow = Flow {
        local: source,
        remote: destination,
        local_port: segment.source_port,
        remote_port: segment.destination_port,
    };
    for _ in 0..1 + random.below(12) / 11 {
        host.receive(now_ns, packet::encode(&flow, &segment, &bytes[offset..]));
    }
}
