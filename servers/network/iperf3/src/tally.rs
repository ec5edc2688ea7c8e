//! Datagrams that are measured: what stands at their beginning, and what follows from how they come (`iperf_udp.c` of iperf's sources).

use crate::protocol::{Arrived, Counted};

/// What stands at the beginning of a datagram, in network byte order: seconds and microseconds of 32 bits each, and a number of 32 bits or of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// When it was sent, by the sender's clock.
    pub sent_ns: u64,
    /// The first one is 1.
    pub number: u64,
}

impl Head {
    /// Reads it from the beginning of a datagram; `None` if that is too short.
    pub fn read(data: &[u8], has_wide_number: bool) -> Option<Self> {
        let (seconds, rest) = data.split_first_chunk()?;
        let (microseconds, rest) = rest.split_first_chunk()?;
        let number = match has_wide_number {
            true => u64::from_be_bytes(*rest.first_chunk()?),
            false => u32::from_be_bytes(*rest.first_chunk()?).into(),
        };
        let [seconds, microseconds] =
            [seconds, microseconds].map(|bytes| u64::from(u32::from_be_bytes(*bytes)));
        Some(Head { sent_ns: seconds * 1_000_000_000 + microseconds * 1000, number })
    }

    /// Writes it to the beginning of a datagram, as far as there is room.
    pub fn write(self, data: &mut [u8], has_wide_number: bool) {
        let seconds = (self.sent_ns / 1_000_000_000) as u32;
        let microseconds = (self.sent_ns % 1_000_000_000 / 1000) as u32;
        let number = self.number.to_be_bytes();
        let number = if has_wide_number { &number[..] } else { &number[4..] };
        let head = seconds.to_be_bytes().into_iter().chain(microseconds.to_be_bytes());
        for (to, from) in data.iter_mut().zip(head.chain(number.iter().copied())) {
            *to = from;
        }
    }
}

/// What is counted of a stream of them.
#[derive(Debug, Default)]
pub struct Tally {
    counted: Counted,
    /// How long the last one took, by two clocks that have nothing to do with each other.
    transit_ns: Option<i64>,
}

impl Tally {
    /// Of a stream that this side sends, or does not.
    pub fn new(is_outgoing: bool) -> Self {
        Tally { counted: Counted { is_outgoing, ..Counted::default() }, transit_ns: None }
    }

    /// What was counted.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// The number of the next one that is sent.
    pub fn next(&self) -> u64 {
        self.counted.datagrams.sent + 1
    }

    /// The next one was sent, of so many bytes.
    pub fn sent(&mut self, bytes: usize) {
        self.counted.bytes += bytes as u64;
        self.counted.datagrams.sent += 1;
    }

    /// Another one has come, of so many bytes.
    pub fn take(&mut self, head: Head, bytes: usize, now_ns: u64) {
        self.counted.bytes += bytes as u64;
        let Arrived { sent, lost, jitter, .. } = &mut self.counted.datagrams;
        if head.number > *sent {
            // Those between are lost, unless they come later.
            *lost += head.number - *sent - 1;
            *sent = head.number;
        } else {
            *lost = lost.saturating_sub(1);
        }
        let transit_ns = now_ns.wrapping_sub(head.sent_ns).cast_signed();
        if let Some(before_ns) = self.transit_ns.replace(transit_ns) {
            let difference = transit_ns.wrapping_sub(before_ns).unsigned_abs() as f64 / 1e9;
            *jitter += (difference - *jitter) / 16.0;
        }
    }

    /// What went through until now does not count.
    pub fn omit(&mut self) {
        let Arrived { sent, lost, .. } = self.counted.datagrams;
        self.counted.bytes = 0;
        self.counted.datagrams =
            Arrived { sent, lost, omitted_sent: sent, omitted_lost: lost, jitter: 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn taken(numbers: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::new(false);
        numbers.into_iter().for_each(|number| tally.take(Head { sent_ns: 0, number }, 100, 0));
        tally
    }

    #[test]
    fn a_head_is_as_iperf_has_it() {
        let head = Head { sent_ns: 3_000_005_000, number: 7 };
        let mut data = [0xff; 17];
        head.write(&mut data, true);
        assert_eq!(data, [0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 7, 0xff]);
        head.write(&mut data, false);
        assert_eq!(data[8..12], [0, 0, 0, 7]);
        assert_eq!(Head::read(&data[..11], false), None);
    }

    #[test]
    fn what_does_not_come_is_lost_and_what_comes_late_is_not() {
        let counted = |numbers: &[u64]| {
            let Arrived { sent, lost, .. } = taken(numbers.iter().copied()).counted().datagrams;
            (sent, lost)
        };
        assert_eq!(counted(&[1, 2, 3]), (3, 0));
        assert_eq!(counted(&[1, 5]), (5, 3));
        assert_eq!(counted(&[1, 5, 3]), (5, 2));
        assert_eq!(counted(&[2, 2, 1]), (2, 0), "what comes twice is not less than lost");
    }

    #[test]
    fn what_was_before_is_told_apart() {
        let mut tally = taken([1, 3]);
        tally.omit();
        tally.take(Head { sent_ns: 0, number: 5 }, 50, 0);
        let Counted { bytes, datagrams, .. } = tally.counted();
        let Arrived { sent, lost, omitted_sent, omitted_lost, .. } = datagrams;
        assert_eq!((bytes, sent, lost, omitted_sent, omitted_lost), (50, 5, 2, 3, 1));
    }

    #[test]
    fn what_is_sent_is_numbered_and_told_apart() {
        let mut tally = Tally::new(true);
        tally.sent(100);
        tally.omit();
        assert_eq!(tally.next(), 2);
        tally.sent(70);
        let datagrams = Arrived { sent: 2, omitted_sent: 1, ..Arrived::default() };
        assert_eq!(tally.counted(), Counted { is_outgoing: true, bytes: 70, datagrams });
    }

    #[test]
    fn jitter_is_of_the_differences_and_no_matter_of_the_clocks() {
        let mut tally = Tally::default();
        for (number, now_ns) in [(1, 0), (2, 0), (3, 16_000_000)] {
            tally.take(Head { sent_ns: u64::MAX / 2, number }, 100, now_ns);
        }
        assert_eq!(tally.counted().datagrams.jitter, 0.001);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_counted(datagrams: Vec<(Vec<u8>, u64)>, wide: bool) {
            let mut tally = Tally::default();
            for (data, now_ns) in datagrams {
                if let Some(head) = Head::read(&data, wide) {
                    tally.take(head, data.len(), now_ns);
                }
            }
            let Arrived { sent, lost, jitter, .. } = tally.counted().datagrams;
            prop_assert!(lost <= sent && jitter.is_finite() && jitter >= 0.0);
        }
    }
}
