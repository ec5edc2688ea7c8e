//! One direction of a way between two hosts: what it does to packets.

use warren_tcp::SECOND_NS;

use crate::random::Random;

/// Chances are of a million.
#[derive(Clone, Debug)]
pub struct Link {
    pub delay_ns: u64,
    /// Packets are delayed by up to so much more, each on its own, and so overtake each other.
    pub jitter_ns: u64,
    pub bits_per_second: u64,
    /// Bytes that wait; what finds no room is dropped.
    pub queue_bytes: u64,
    pub lost: u32,
    pub doubled: u32,
    pub damaged: u32,
    /// Until then everything is lost.
    pub dead_until_ns: u64,
    /// From then on everything is lost.
    pub dead_from_ns: u64,
    /// When the last packet has left.
    pub free_ns: u64,
    pub packets: u64,
    pub dropped: u64,
}

impl Link {
    /// 1 Gbit/s, 1 ms, room for all windows, and nothing goes wrong.
    pub fn good() -> Link {
        Link {
            delay_ns: SECOND_NS / 1000,
            jitter_ns: 0,
            bits_per_second: 1_000_000_000,
            queue_bytes: 4 << 20,
            lost: 0,
            doubled: 0,
            damaged: 0,
            dead_until_ns: 0,
            dead_from_ns: u64::MAX,
            free_ns: 0,
            packets: 0,
            dropped: 0,
        }
    }

    /// When and how a packet that is sent now arrives: not at all, once or twice.
    pub fn carry(
        &mut self,
        now_ns: u64,
        mut packet: Vec<u8>,
        random: &mut Random,
    ) -> Vec<(u64, Vec<u8>)> {
        self.packets += 1;
        let waiting_ns = self.free_ns.saturating_sub(now_ns);
        let waiting_bytes =
            waiting_ns as u128 * u128::from(self.bits_per_second) / 8 / u128::from(SECOND_NS);
        let full = waiting_bytes as u64 + packet.len() as u64 > self.queue_bytes;
        let dead = now_ns < self.dead_until_ns || now_ns >= self.dead_from_ns;
        if full || dead || random.happens(self.lost) {
            self.dropped += 1;
            return Vec::new();
        }
        let time_ns = packet.len() as u64 * 8 * SECOND_NS / self.bits_per_second;
        self.free_ns = self.free_ns.max(now_ns) + time_ns;
        if random.happens(self.damaged) {
            let place = random.below(packet.len() as u64) as usize;
            packet[place] ^= 1 << random.below(8);
        }
        let copies = 1 + usize::from(random.happens(self.doubled));
        (0..copies)
            .map(|_| {
                (self.free_ns + self.delay_ns + random.below(self.jitter_ns + 1), packet.clone())
            })
            .collect()
    }
}
