//! Two hosts, a link in each direction, and virtual time.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{host::Speaker, link::Link, random::Random};

/// A packet on the way: when it arrives, a number, whether at the right, and its bytes.
type Flying = (u64, u64, bool, Vec<u8>);

pub struct World<A, B> {
    pub now_ns: u64,
    pub left: A,
    pub right: B,
    /// From the left to the right, and back.
    pub links: [Link; 2],
    random: Random,
    flying: BinaryHeap<Reverse<Flying>>,
    count: u64,
}

impl<A: Speaker, B: Speaker> World<A, B> {
    pub fn new(left: A, right: B, link: Link, seed: u64) -> Self {
        World {
            now_ns: 1,
            left,
            right,
            links: [link.clone(), link],
            random: Random(seed),
            flying: BinaryHeap::new(),
            count: 0,
        }
    }

    /// Lets time pass until `is_done`, or until nothing happens any longer, or to `limit_ns`. Returns whether it is done.
    pub fn run(&mut self, limit_ns: u64, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            let from_left = self.left.run(self.now_ns);
            let from_right = self.right.run(self.now_ns);
            self.launch(from_left, true);
            self.launch(from_right, false);
            if is_done(self) {
                return true;
            }
            let arrival_ns = self.flying.peek().map(|Reverse((at_ns, ..))| *at_ns);
            let deadlines = [arrival_ns, self.left.deadline_ns(), self.right.deadline_ns()];
            let Some(next_ns) = deadlines.into_iter().flatten().min() else { return false };
            if next_ns > limit_ns {
                self.now_ns = limit_ns;
                return false;
            }
            self.now_ns = self.now_ns.max(next_ns);
            self.land();
        }
    }

    fn launch(&mut self, packets: Vec<Vec<u8>>, to_right: bool) {
        for packet in packets {
            let link = &mut self.links[usize::from(!to_right)];
            for (at_ns, packet) in link.carry(self.now_ns, packet, &mut self.random) {
                self.count += 1;
                self.flying.push(Reverse((at_ns, self.count, to_right, packet)));
            }
        }
    }

    fn land(&mut self) {
        while let Some(Reverse((at_ns, ..))) = self.flying.peek()
            && *at_ns <= self.now_ns
            && let Some(Reverse((_, _, to_right, packet))) = self.flying.pop()
        {
            match to_right {
                true => self.right.receive(self.now_ns, packet),
                false => self.left.receive(self.now_ns, packet),
            }
        }
    }
}
