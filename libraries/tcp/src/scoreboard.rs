//! What was sent and is not acknowledged, and what is known of its fate (RFC 6675, section 4).
//!
//! There is a record for each transmission, in the order of the stream, and records are split where acknowledgments or new transmissions
//! end within them. Received ones beside each other are melted, so that there are hardly more records than gaps and transmissions.

use alloc::collections::VecDeque;

use crate::sequence::{Range, Sequence};

/// One transmission.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// What was sent; SYN and FIN take a position each.
    pub range: Range,
    /// When it was sent last.
    pub at_ns: u64,
    /// Whether that was not the first time.
    pub again: bool,
    /// What is known of it.
    pub fate: Fate,
}

/// What is known of a transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may still arrive.
    OnTheWay,
    /// It was acknowledged selectively.
    Received,
    /// It is taken for lost, and must be sent again.
    Lost,
}

/// What was sent and is not acknowledged.
#[derive(Debug, Default)]
pub struct Scoreboard {
    records: VecDeque<Sent>,
    bytes: u32,
    received_bytes: u32,
    lost_bytes: u32,
    /// Bytes that must have arrived because acknowledgments were repeated, from who does not say which.
    unnamed_bytes: u32,
}

/// What one acknowledgment told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivery {
    /// Bytes that are now known to have arrived, and were not before.
    pub bytes: u32,
    /// Whether some of them lie behind a gap.
    pub selective: bool,
    /// The transmission among them that was sent last (time, its end, whether it was not the first).
    pub newest: Option<(u64, Sequence, bool)>,
    /// When the newest one was sent among those that were sent once.
    pub first_sent_ns: Option<u64>,
    /// The farthest end of one that was sent once, and the nearest one.
    pub once: Option<Range>,
    /// Whether one of them was not sent for the first time.
    pub again: bool,
}

/// Whether a transmission was sent after another: by time, and at the same time by position (RFC 8985, section 6.1).
pub fn sent_after((at_ns, end): (u64, Sequence), (other_ns, other_end): (u64, Sequence)) -> bool {
    at_ns > other_ns || at_ns == other_ns && end.after(other_end)
}

impl Sent {
    fn key(&self) -> (u64, Sequence) {
        (self.at_ns, self.range.end)
    }
}

impl Delivery {
    fn add(&mut self, sent: &Sent) {
        if self.newest.is_none_or(|(at_ns, end, _)| sent_after(sent.key(), (at_ns, end))) {
            self.newest = Some((sent.at_ns, sent.range.end, sent.again));
        }
        self.again |= sent.again;
        if !sent.again {
            self.first_sent_ns = self.first_sent_ns.max(Some(sent.at_ns));
            self.once = Some(match self.once {
                None => Range { start: sent.range.end, end: sent.range.end },
                Some(once) => Range {
                    start: once.start.min(sent.range.end),
                    end: once.end.max(sent.range.end),
                },
            });
        }
    }
}

impl Scoreboard {
    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes that may be on the way (pipe).
    pub fn on_the_way(&self) -> u32 {
        (self.bytes - self.received_bytes - self.lost_bytes).saturating_sub(self.unnamed_bytes)
    }

    /// Bytes that were acknowledged selectively.
    pub fn received_bytes(&self) -> u32 {
        self.received_bytes
    }

    /// Bytes that are to be sent again.
    pub fn lost_bytes(&self) -> u32 {
        self.lost_bytes
    }

    /// When the end of the stream was sent last.
    pub fn end_sent_ns(&self) -> u64 {
        self.records.back().map_or(0, |sent| sent.at_ns)
    }

    /// When the first transmission was made last that is not acknowledged; 0 if there is none.
    pub fn first_sent_ns(&self) -> u64 {
        self.records.front().map_or(0, |sent| sent.at_ns)
    }

    /// Something was sent for the first time, which follows all that was.
    pub fn push(&mut self, range: Range, at_ns: u64) {
        self.records.push_back(Sent { range, at_ns, again: false, fate: Fate::OnTheWay });
        self.bytes += range.length();
    }

    /// Everything before `position` arrived.
    pub fn acknowledge(&mut self, position: Sequence, delivery: &mut Delivery) {
        while let Some(front) = self.records.front_mut()
            && front.range.start.before(position)
        {
            let mut part = *front;
            match front.range.end.after(position) {
                true => {
                    part.range.end = position;
                    front.range.start = position;
                }
                false => {
                    self.records.pop_front();
                }
            }
            self.count(part.fate, part.range.length(), false);
            self.bytes -= part.range.length();
            if part.fate != Fate::Received {
                delivery.bytes += part.range.length();
                delivery.add(&part);
            }
        }
    }

    /// The other side said that `block` arrived, behind a gap.
    pub fn receive(&mut self, block: Range, delivery: &mut Delivery) {
        let mut place = self.records.partition_point(|sent| !sent.range.end.after(block.start));
        while let Some(sent) = self.records.get(place).copied()
            && sent.range.start.before(block.end)
        {
            if sent.fate == Fate::Received {
                place += 1;
                continue;
            }
            if sent.range.start.before(block.start) {
                self.split(place, block.start);
                place += 1;
            }
            if self.records[place].range.end.after(block.end) {
                self.split(place, block.end);
            }
            let sent = self.records[place];
            self.count(sent.fate, sent.range.length(), false);
            self.count(Fate::Received, sent.range.length(), true);
            delivery.bytes += sent.range.length();
            delivery.selective = true;
            delivery.add(&sent);
            self.records[place].fate = Fate::Received;
            place = self.melt(place);
        }
    }

    /// Takes transmissions for lost as `is_lost` says, which is asked in the order of the stream until it does not know.
    pub fn lose(&mut self, mut is_lost: impl FnMut(&Sent) -> Option<bool>) {
        let mut lost_bytes = 0;
        for sent in &mut self.records {
            if sent.fate != Fate::OnTheWay {
                continue;
            }
            match is_lost(sent) {
                Some(true) => {
                    sent.fate = Fate::Lost;
                    lost_bytes += sent.range.length();
                }
                Some(false) => (),
                None => break,
            }
        }
        self.lost_bytes += lost_bytes;
    }

    /// Takes the first `bytes` for lost that are not acknowledged.
    pub fn lose_first(&mut self, bytes: u32) {
        let Some(first) = self.records.front().copied() else { return };
        if first.fate != Fate::OnTheWay {
            return;
        }
        if first.range.length() > bytes {
            self.split(0, first.range.start + bytes);
        }
        self.records[0].fate = Fate::Lost;
        self.lost_bytes += self.records[0].range.length();
    }

    /// Takes everything for lost that did not arrive. If the other side said that the very first arrived, it has forgotten it since
    /// (RFC 2018, section 8), and what else it said counts for nothing.
    pub fn lose_all(&mut self) {
        let forgotten = self.records.front().is_some_and(|first| first.fate == Fate::Received);
        for sent in &mut self.records {
            if forgotten || sent.fate != Fate::Received {
                sent.fate = Fate::Lost;
            }
        }
        if forgotten {
            self.received_bytes = 0;
        }
        self.lost_bytes = self.bytes - self.received_bytes;
        self.unnamed_bytes = 0;
    }

    /// Nothing was lost, it was only late.
    pub fn find_all(&mut self) {
        for sent in &mut self.records {
            if sent.fate == Fate::Lost {
                sent.fate = Fate::OnTheWay;
            }
        }
        self.lost_bytes = 0;
    }

    /// What is to be sent again first.
    pub fn first_lost(&self) -> Option<Range> {
        if self.lost_bytes == 0 {
            return None;
        }
        self.records.iter().find(|sent| sent.fate == Fate::Lost).map(|sent| sent.range)
    }

    /// `range` was sent again, which begins where a transmission does and does not go beyond it.
    pub fn resend(&mut self, range: Range, at_ns: u64) {
        let place = self.records.partition_point(|sent| sent.range.start.before(range.start));
        let Some(sent) = self.records.get(place).copied() else { return };
        if sent.range.end.after(range.end) {
            self.split(place, range.end);
        }
        let sent = &mut self.records[place];
        let (fate, length) = (sent.fate, sent.range.length());
        (sent.at_ns, sent.again, sent.fate) = (at_ns, true, Fate::OnTheWay);
        self.count(fate, length, false);
    }

    /// Splits the last transmission, so that its last part has at most `bytes`, and returns that part.
    pub fn last_part(&mut self, bytes: u32) -> Option<Range> {
        let last = self.records.back()?.range;
        if last.length() > bytes {
            self.split(self.records.len() - 1, last.end - bytes);
        }
        self.records.back().map(|sent| sent.range)
    }

    /// An acknowledgment was repeated by a side that does not name what arrived: it was `bytes`, probably.
    pub fn receive_unnamed(&mut self, bytes: u32) {
        self.unnamed_bytes = (self.unnamed_bytes + bytes).min(self.bytes);
    }

    /// `bytes` of what arrived unnamed are acknowledged by now.
    pub fn acknowledge_unnamed(&mut self, bytes: u32) {
        self.unnamed_bytes = self.unnamed_bytes.saturating_sub(bytes).min(self.bytes);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Scoreboard::default();
    }

    fn split(&mut self, place: usize, position: Sequence) {
        let mut behind = self.records[place];
        self.records[place].range.end = position;
        behind.range.start = position;
        self.records.insert(place + 1, behind);
    }

    /// Melts a received one with received neighbours, and returns the place behind it.
    fn melt(&mut self, mut place: usize) -> usize {
        if place > 0 && self.records[place - 1].fate == Fate::Received {
            self.records[place - 1].range.end = self.records[place].range.end;
            self.records.remove(place);
            place -= 1;
        }
        if let Some(next) = self.records.get(place + 1).copied()
            && next.fate == Fate::Received
        {
            self.records[place].range.end = next.range.end;
            self.records.remove(place + 1);
        }
        place + 1
    }

    fn count(&mut self, fate: Fate, bytes: u32, more: bool) {
        let counter = match fate {
            Fate::OnTheWay => return,
            Fate::Received => &mut self.received_bytes,
            Fate::Lost => &mut self.lost_bytes,
        };
        *counter = if more { *counter + bytes } else { *counter - bytes };
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use proptest::prelude::*;

    use super::*;

    const FIRST: Sequence = Sequence(u32::MAX - 1000);

    fn range(start: u32, end: u32) -> Range {
        Range { start: FIRST + start, end: FIRST + end }
    }

    /// Ten transmissions with 100 bytes each, the n-th at n.
    fn scoreboard() -> Scoreboard {
        let mut scoreboard = Scoreboard::default();
        (0..10).for_each(|n| scoreboard.push(range(n * 100, n * 100 + 100), u64::from(n)));
        scoreboard
    }

    #[test]
    fn what_arrived_behind_a_gap_is_not_on_the_way() {
        let (mut scoreboard, mut delivery) = (scoreboard(), Delivery::default());
        scoreboard.receive(range(250, 500), &mut delivery);
        assert_eq!((scoreboard.on_the_way(), delivery.bytes), (750, 250));
        assert_eq!(delivery.newest, Some((4, FIRST + 500, false)));
        scoreboard.receive(range(250, 600), &mut delivery);
        assert_eq!((scoreboard.on_the_way(), delivery.bytes), (650, 350));
        assert_eq!(scoreboard.records.len(), 3 + 1 + 4);
    }

    #[test]
    fn what_is_lost_is_sent_again_from_the_beginning() {
        let (mut scoreboard, mut delivery) = (scoreboard(), Delivery::default());
        scoreboard.receive(range(300, 400), &mut delivery);
        scoreboard.lose(|sent| (sent.at_ns < 3).then_some(true));
        assert_eq!((scoreboard.first_lost(), scoreboard.lost_bytes()), (Some(range(0, 100)), 300));
        scoreboard.resend(range(0, 40), 20);
        assert_eq!((scoreboard.first_lost(), scoreboard.lost_bytes()), (Some(range(40, 100)), 260));
        scoreboard.acknowledge(FIRST + 40, &mut delivery);
        assert_eq!(delivery.newest, Some((20, FIRST + 40, true)));
    }

    #[test]
    fn who_forgets_what_it_received_is_sent_everything() {
        let (mut scoreboard, mut delivery) = (scoreboard(), Delivery::default());
        scoreboard.receive(range(100, 200), &mut delivery);
        scoreboard.acknowledge(FIRST + 100, &mut delivery);
        scoreboard.lose_all();
        assert_eq!((scoreboard.lost_bytes(), scoreboard.received_bytes()), (900, 0));
    }

    proptest! {
        /// Whatever happens to a window, the counters are those of the records.
        #[test]
        fn counters_agree_with_records(
            events in prop::collection::vec((0..6u8, 0..1000u32, 1..300u32), 1..80)
        ) {
            let (mut scoreboard, mut acknowledged) = (scoreboard(), 0);
            for (number, (event, start, length)) in events.into_iter().enumerate() {
                let mut delivery = Delivery::default();
                let on_the_way = scoreboard.on_the_way() + scoreboard.lost_bytes;
                match event {
                    0 => {
                        acknowledged = start.max(acknowledged);
                        scoreboard.acknowledge(FIRST + acknowledged, &mut delivery);
                    }
                    1 | 2 => scoreboard.receive(range(start, start + length), &mut delivery),
                    3 => scoreboard.lose(|sent| Some(sent.at_ns < u64::from(start / 100))),
                    4 => if let Some(lost) = scoreboard.first_lost() {
                        let end = (lost.start + length).min(lost.end);
                        scoreboard.resend(Range { end, ..lost }, 10 + number as u64);
                    },
                    _ => scoreboard.lose_first(length),
                }
                let sum = |fate| scoreboard.records.iter()
                    .filter(|sent| sent.fate == fate)
                    .map(|sent| sent.range.length()).sum::<u32>();
                prop_assert_eq!(sum(Fate::Received), scoreboard.received_bytes);
                prop_assert_eq!(sum(Fate::Lost), scoreboard.lost_bytes);
                prop_assert_eq!(sum(Fate::OnTheWay), scoreboard.on_the_way());
                prop_assert_eq!(delivery.bytes, on_the_way - scoreboard.on_the_way() - scoreboard.lost_bytes);
                let ends: Vec<_> = scoreboard.records.iter().map(|sent| sent.range).collect();
                prop_assert!(ends.windows(2).all(|pair| pair[0].end == pair[1].start));
                prop_assert!(ends.iter().all(|range| range.length() > 0));
            }
        }
    }
}
