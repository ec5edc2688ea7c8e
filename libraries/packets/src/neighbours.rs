//! What is known of neighbours, and what waits for them (RFC 826; RFC 1122, section 2.3.2; RFC 4861, section 7), whatever their addresses are.
//!
//! Pure: time is a parameter.

use alloc::vec::Vec;

use warren_idl::{Address, Neighbour, Packet};

/// Neighbours that are remembered. Whoever is asked for least recently is forgotten for another one.
const MOST: usize = 256;
/// Records that wait for one neighbour (RFC 1122, section 2.3.2.2: at least one packet): all fragments of a datagram of the longest kind, 46 on Ethernet, each with a
/// header and a payload that lies in two buffers at most.
const MOST_WAITING: usize = 46 * 3;
/// How long what was heard is good, and how long it is used while it is asked for again.
const FRESH_NS: u64 = 60_000_000_000;
const USED_NS: u64 = 90_000_000_000;
/// How long to wait before asking again (RFC 1122, section 2.3.2.1: once a second at most).
const PATIENCE_NS: u64 = 1_000_000_000;

/// A link address.
pub type LinkAddress = [u8; 6];

/// A link address as a number, as Ethernet takes it.
pub fn number(link: LinkAddress) -> u64 {
    let [a, b, c, d, e, f] = link;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// What is known of one neighbour.
#[derive(Debug)]
struct Known<A> {
    address: A,
    /// Its link address, and when that was heard.
    heard: Option<(LinkAddress, u64)>,
    asked_ns: Option<u64>,
    wanted_ns: u64,
    waiting: Vec<Packet>,
}

/// What to do with packets for a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Send them there, if it is known.
    pub link: Option<LinkAddress>,
    /// Ask for it now.
    pub ask: bool,
}

/// All neighbours.
#[derive(Debug)]
pub struct Neighbours<A> {
    all: Vec<Known<A>>,
    /// What waited for neighbours that others have taken the place of.
    forgotten: Vec<Packet>,
}

impl<A> Default for Neighbours<A> {
    fn default() -> Self {
        Neighbours { all: Vec::new(), forgotten: Vec::new() }
    }
}

impl<A: Copy + PartialEq> Neighbours<A> {
    /// Neighbour `index` of those that are remembered, to be shown; all zero after the last one.
    pub fn shown(&self, index: usize, address: impl Fn(A) -> Address, now_ns: u64) -> Neighbour {
        self.all.get(index).map_or(Neighbour::default(), |known| Neighbour {
            address: address(known.address),
            known: u16::from(known.heard.is_some()),
            link_address: known.heard.map_or([0; 6], |(link, _)| link),
            age_s: known
                .heard
                .map_or(0, |(_, heard)| (now_ns.saturating_sub(heard) / 1_000_000_000) as u32),
        })
    }

    /// The link address of a neighbour, as it was heard last.
    pub fn link(&self, address: A) -> Option<LinkAddress> {
        let known = self.all.iter().find(|known| known.address == address)?;
        known.heard.map(|(link, _)| link)
    }

    /// The way to a neighbour.
    pub fn way(&mut self, address: A, now_ns: u64) -> Way {
        let known = self.entry(address, now_ns);
        known.wanted_ns = now_ns;
        let age = known.heard.map(|(_, heard)| now_ns.saturating_sub(heard));
        let link = known.heard.filter(|_| age.is_some_and(|age| age < USED_NS));
        let wanted = age.is_none_or(|age| age >= FRESH_NS);
        let patient =
            known.asked_ns.is_some_and(|asked| now_ns.saturating_sub(asked) < PATIENCE_NS);
        let ask = wanted && !patient;
        if ask {
            known.asked_ns = Some(now_ns);
        }
        Way { link: link.map(|(link, _)| link), ask }
    }

    /// Keeps packets for a neighbour that was asked for; what there is no room for is returned.
    pub fn keep<'p>(
        &mut self,
        address: A,
        packets: impl Iterator<Item = &'p [Packet]>,
    ) -> Vec<Packet> {
        let mut left = Vec::new();
        let mut place = self.all.iter_mut().find(|known| known.address == address);
        for packet in packets {
            match &mut place {
                Some(known) if known.waiting.len() + packet.len() <= MOST_WAITING => {
                    known.waiting.extend_from_slice(packet);
                }
                _ => left.extend_from_slice(packet),
            }
        }
        left
    }

    /// Somebody has said where a neighbour is. It is believed of neighbours that are remembered, and of those that ask for this station. What has
    /// waited for it is returned.
    pub fn heard(&mut self, address: A, link: LinkAddress, asks: bool, now_ns: u64) -> Vec<Packet> {
        let is_remembered = self.all.iter().any(|known| known.address == address);
        if !is_remembered && !asks {
            return Vec::new();
        }
        let known = self.entry(address, now_ns);
        known.heard = Some((link, now_ns));
        core::mem::take(&mut known.waiting)
    }

    /// Takes out what waits for a neighbour though it is known.
    pub fn ready(&mut self, address: A, now_ns: u64) -> Option<(LinkAddress, Vec<Packet>)> {
        let known = self.all.iter_mut().find(|known| known.address == address)?;
        let (link, heard) = known.heard?;
        let fresh = now_ns.saturating_sub(heard) < FRESH_NS && !known.waiting.is_empty();
        fresh.then(|| (link, core::mem::take(&mut known.waiting)))
    }

    /// What waits for neighbours that do not answer, and is given up: all that is wanted no more since `PATIENCE_NS`.
    pub fn give_up(&mut self, now_ns: u64) -> Vec<Packet> {
        let late = |known: &&mut Known<A>| {
            !known.waiting.is_empty() && now_ns.saturating_sub(known.wanted_ns) >= PATIENCE_NS
        };
        let late = self.all.iter_mut().filter(late).flat_map(|known| known.waiting.drain(..));
        self.forgotten.drain(..).chain(late).collect()
    }

    /// What is remembered of a neighbour, in place of another one if need be. One for which packets wait is not forgotten unless all are like that.
    fn entry(&mut self, address: A, now_ns: u64) -> &mut Known<A> {
        let fresh =
            Known { address, heard: None, asked_ns: None, wanted_ns: now_ns, waiting: Vec::new() };
        let at = match self.all.iter().position(|known| known.address == address) {
            Some(at) => at,
            None if self.all.len() < MOST => {
                self.all.push(fresh);
                self.all.len() - 1
            }
            None => {
                let oldest = (0..self.all.len())
                    .min_by_key(|at| (!self.all[*at].waiting.is_empty(), self.all[*at].wanted_ns))
                    .unwrap_or(0);
                self.forgotten.append(&mut self.all[oldest].waiting);
                self.all[oldest] = fresh;
                oldest
            }
        };
        &mut self.all[at]
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, vec};

    use proptest::prelude::*;

    use super::*;

    const LINK: LinkAddress = [2, 0, 0, 0, 0, 7];
    const S: u64 = 1_000_000_000;

    fn packet(buffer: u32) -> Packet {
        Packet { buffer, ..Packet::default() }
    }

    fn keep(neighbours: &mut Neighbours<u32>, address: u32, packets: &[Packet]) -> Vec<Packet> {
        neighbours.keep(address, packets.chunks(1))
    }

    #[test]
    fn a_neighbour_is_asked_for_and_remembered() {
        let mut neighbours = Neighbours::default();
        assert_eq!(neighbours.way(1, 0), Way { link: None, ask: true });
        assert_eq!(keep(&mut neighbours, 1, &[packet(5)]), []);
        assert_eq!(neighbours.way(1, S / 2), Way { link: None, ask: false }, "once a second");
        assert_eq!(neighbours.heard(1, LINK, false, S), [packet(5)]);
        assert_eq!(neighbours.way(1, S), Way { link: Some(LINK), ask: false });
        assert_eq!(neighbours.way(1, 61 * S), Way { link: Some(LINK), ask: true }, "again");
        assert_eq!(neighbours.way(1, 92 * S), Way { link: None, ask: true }, "too old");
    }

    #[test]
    fn only_who_is_concerned_is_remembered() {
        let mut neighbours = Neighbours::default();
        assert_eq!(neighbours.heard(1, LINK, false, 0), []);
        assert_eq!(neighbours.way(1, 0).link, None, "nobody had asked");
        neighbours.heard(2, LINK, true, 0);
        assert_eq!(neighbours.way(2, 0).link, Some(LINK), "it will want an answer");
    }

    #[test]
    fn there_is_room_for_few_packets_and_they_do_not_wait_for_ever() {
        let mut neighbours = Neighbours::default();
        neighbours.way(1, 0);
        let many: Vec<Packet> = (0..MOST_WAITING as u32 + 2).map(packet).collect();
        assert_eq!(keep(&mut neighbours, 1, &many), many[MOST_WAITING..]);
        assert_eq!(neighbours.give_up(S / 2), []);
        assert_eq!(neighbours.give_up(S), many[..MOST_WAITING]);
        assert_eq!(neighbours.give_up(S), []);
        assert_eq!(keep(&mut neighbours, 9, &many), many, "nobody has asked for it");
    }

    #[test]
    fn who_was_wanted_last_is_forgotten_last() {
        let mut neighbours = Neighbours::default();
        for address in 0..MOST as u32 {
            neighbours.way(address, u64::from(address));
            neighbours.heard(address, LINK, false, u64::from(address));
        }
        neighbours.way(0, 1000);
        neighbours.way(9999, 1001);
        assert_eq!(neighbours.all.len(), MOST);
        assert!(neighbours.way(0, 1002).link.is_some());
        assert!(neighbours.way(1, 1003).link.is_none());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Way(u32),
        Keep(u32),
        Heard(u32),
        Ready(u32),
        GiveUp,
        Pass(u64),
    }

    proptest! {
        /// Every packet that was kept comes out once, to its neighbour or given up.
        #[test]
        fn no_packet_is_lost_or_sent_to_another(
            steps in prop::collection::vec(
                prop_oneof![
                    (0u32..300).prop_map(Step::Way),
                    (0u32..300).prop_map(Step::Keep),
                    (0u32..300).prop_map(Step::Heard),
                    (0u32..300).prop_map(Step::Ready),
                    Just(Step::GiveUp),
                    (0..3 * S).prop_map(Step::Pass),
                ],
                0..400,
            ),
        ) {
            let mut neighbours = Neighbours::default();
            let mut waiting: BTreeMap<u32, u32> = BTreeMap::new();
            let (mut now, mut next) = (0, 0);
            for step in steps {
                match step {
                    Step::Way(address) => { neighbours.way(address, now); }
                    Step::Keep(address) => {
                        next += 1;
                        if keep(&mut neighbours, address, &[packet(next)]).is_empty() {
                            waiting.insert(next, address);
                        }
                    }
                    Step::Ready(address) => {
                        for packet in neighbours.ready(address, now).into_iter().flat_map(|it| it.1) {
                            prop_assert_eq!(waiting.remove(&packet.buffer), Some(address));
                        }
                    }
                    Step::Heard(address) => {
                        for packet in neighbours.heard(address, LINK, false, now) {
                            prop_assert_eq!(waiting.remove(&packet.buffer), Some(address));
                        }
                    }
                    Step::GiveUp => {
                        for packet in neighbours.give_up(now) {
                            prop_assert!(waiting.remove(&packet.buffer).is_some());
                        }
                    }
                    Step::Pass(time) => now += time,
                }
            }
            let left: Vec<Packet> = neighbours.give_up(now + 10 * S);
            prop_assert_eq!(left.len(), waiting.len());
            prop_assert_eq!(keep(&mut neighbours, 1, &[]), vec![]);
        }
    }
}
