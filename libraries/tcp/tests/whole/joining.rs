//! Segments that are handed over as one, beside the same ones that are handed over one by one.

use proptest::prelude::*;
use warren_tcp::{MILLISECOND_NS, SECOND_NS, Settings};

use crate::{
    host::{Host, Speaker, Task},
    random::Random,
};

/// What happens to packets on the way to the twins, of a million each.
#[derive(Clone, Copy, Debug)]
struct Wire {
    lost: u32,
    doubled: u32,
    swapped: u32,
    damaged: u32,
}

impl Wire {
    /// Puts a packet behind those that are on their way.
    fn carry(self, mut packet: Vec<u8>, flying: &mut Vec<Vec<u8>>, random: &mut Random) {
        if random.happens(self.lost) {
            return;
        }
        if random.happens(self.damaged) {
            let place = random.below(packet.len() as u64) as usize;
            packet[place] ^= 1 << random.below(8);
        }
        if random.happens(self.doubled) {
            flying.push(packet.clone());
        }
        let place = match flying.len().checked_sub(1) {
            Some(before) if random.happens(self.swapped) => before,
            _ => flying.len(),
        };
        flying.insert(place, packet);
    }
}

/// A host that sends, and two that are told the same: one each packet by itself, the other what comes together together.
struct Twins {
    now_ns: u64,
    sender: Host,
    one_by_one: Host,
    together: Host,
}

impl Twins {
    fn new(settings: &Settings, there: Task, back: Task) -> Twins {
        let mut sender = Host::new(1, Settings::default());
        let [mut one_by_one, mut together] = [2, 2].map(|last| Host::new(last, settings.clone()));
        one_by_one.listen(80, back.clone());
        together.listen(80, back);
        sender.connect(1, one_by_one.address, 80, there);
        Twins { now_ns: 1, sender, one_by_one, together }
    }

    /// Hands packets to both, and the answer, which is the same, to the sender.
    fn pass(&mut self, packets: &[Vec<u8>]) {
        packets.iter().for_each(|packet| self.one_by_one.receive(self.now_ns, packet.clone()));
        self.together.receive_together(self.now_ns, packets);
        let answers = self.one_by_one.run(self.now_ns);
        let same = self.together.run(self.now_ns);
        assert_eq!(self.together.sent, self.one_by_one.sent);
        assert_eq!(same, answers);
        [&mut self.one_by_one, &mut self.together].iter_mut().for_each(|host| host.sent.clear());
        assert_eq!(self.together.memory.held(), self.one_by_one.memory.held());
        answers.into_iter().for_each(|packet| self.sender.receive(self.now_ns, packet));
    }

    fn is_done(&self) -> bool {
        [&self.sender, &self.one_by_one, &self.together]
            .iter()
            .all(|host| host.tasks.first().is_some_and(|(_, task)| task.at_end && task.finished))
    }

    /// Batches of at most so many packets, until both sides have ended.
    fn run(&mut self, wire: Wire, most: usize, random: &mut Random) {
        let mut flying = Vec::new();
        for _ in 0..20_000 {
            // Mostly all that was sent together arrives before something else is sent.
            if flying.is_empty() || random.happens(100_000) {
                let packets = self.sender.run(self.now_ns);
                packets.into_iter().for_each(|packet| wire.carry(packet, &mut flying, random));
            }
            if flying.is_empty() {
                let hosts: [&dyn Speaker; 3] = [&self.sender, &self.one_by_one, &self.together];
                let deadline_ns = hosts.iter().filter_map(|host| host.deadline_ns()).min();
                self.now_ns = deadline_ns.map_or(self.now_ns, |at_ns| at_ns.max(self.now_ns)) + 1;
            }
            let count = (1 + random.below(most as u64) as usize).min(flying.len());
            let batch: Vec<_> = flying.drain(..count).collect();
            self.pass(&batch);
            if self.is_done() {
                return;
            }
            self.now_ns += random.below(MILLISECOND_NS / 2);
        }
        panic!("it does not end: {:?} {:?}", self.sender.tasks, self.one_by_one.tasks);
    }
}

#[test]
fn what_arrives_in_order_is_handed_over_as_one() {
    let settings = Settings::default();
    let mut twins = Twins::new(&settings, Task::sending(400_000), Task::sending(0));
    let wire = Wire { lost: 0, doubled: 0, swapped: 0, damaged: 0 };
    twins.run(wire, 64, &mut Random(1));
    let [one_by_one, together] =
        [&twins.one_by_one, &twins.together].map(|host| host.connection(0).information().counters);
    assert_eq!(together.bytes_in, one_by_one.bytes_in);
    let [few, many] = [together, one_by_one].map(|counters| counters.segments_in);
    assert!(few * 4 < many, "{few} of {many}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_same_as_one_by_one(
        (lost, doubled, swapped, damaged) in
            (0..60_000u32, 0..60_000u32, 0..60_000u32, 0..20_000u32),
        unharmed: bool,
        sends in 0..120_000u64,
        answers in prop_oneof![Just(0), 1..50_000u64],
        write_bytes in 100..9000u64,
        (read_bytes, every_ms) in prop_oneof![Just((u32::MAX, 0)), (1..20_000u32, 1..50u64)],
        receive_bytes in prop_oneof![500..5000u32, 50_000..1_000_000u32],
        island_pieces in prop_oneof![Just(1000), 6..40usize],
        most in 1..70usize,
        seed: u64,
    ) {
        let settings = Settings { receive_bytes, island_pieces, ..Settings::default() };
        let there = Task { write_bytes, ..Task::sending(sends) };
        let read_every_ns = every_ms * SECOND_NS / 1000;
        let back = Task { read_bytes, read_every_ns, ..Task::sending(answers) };
        let mut twins = Twins::new(&settings, there, back);
        let wire = match unharmed {
            true => Wire { lost: 0, doubled: 0, swapped: 0, damaged: 0 },
            false => Wire { lost, doubled, swapped, damaged },
        };
        twins.run(wire, most, &mut Random(seed | 1));
        for host in [&twins.one_by_one, &twins.together] {
            let task = &host.tasks[0].1;
            prop_assert_eq!((task.read, task.wrong), (sends, 0));
        }
    }
}
