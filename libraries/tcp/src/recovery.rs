//! How much is sent while a loss is mended: proportional rate reduction (RFC 6937).
//!
//! Between the loss and its end the sender sends in proportion to what arrives, so that it comes down to its new window evenly instead of
//! waiting for half a round trip and then sending a burst.

use crate::sequence::Sequence;

/// A loss that is being mended.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// It is over when everything before is acknowledged, which was sent before the loss was noticed.
    pub until: Sequence,
    /// Whether it may turn out to be in vain.
    pub doubt: Doubt,
    /// Whether a timeout began it: then the window begins small and grows, and nothing here limits it.
    pub timeout: bool,
    /// The first position that was not acknowledged when silence brought it another time.
    pub repeated: Option<Sequence>,
    /// Bytes on the way when it began (RecoverFS).
    at_first: u32,
    /// Bytes that arrived since (prr_delivered).
    delivered: u32,
    /// Bytes that were sent since (prr_out).
    sent: u32,
}

/// Whether what was taken for lost may only be late: the first answer tells (RFC 3522).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing was sent again yet.
    NothingSent,
    /// Something was sent again for the first time, when the clock of timestamps was this. An answer to an older one is none to that.
    SentAt(u32),
    /// An answer came.
    Settled,
}

impl Recovery {
    /// Counts what is sent again, when the clock of timestamps is `stamp`.
    pub fn sent_again(&mut self, bytes: u32, stamp: u32) {
        if self.doubt == Doubt::NothingSent {
            self.doubt = Doubt::SentAt(stamp);
        }
        self.sent(bytes);
    }

    /// A recovery that begins with `on_the_way` bytes.
    pub fn new(until: Sequence, timeout: bool, on_the_way: u32) -> Self {
        let at_first = on_the_way.max(1);
        let doubt = Doubt::NothingSent;
        Recovery { until, doubt, timeout, repeated: None, at_first, delivered: 0, sent: 0 }
    }

    /// Counts what is sent.
    pub fn sent(&mut self, bytes: u32) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// How many bytes may be on the way after `delivered` bytes arrived, now that `on_the_way` are. `advanced` says that the beginning of the window was
    /// acknowledged and nothing new was lost: then the window may grow again.
    pub fn window(
        &mut self,
        delivered: u32,
        on_the_way: u32,
        threshold: u32,
        segment_bytes: u32,
        advanced: bool,
    ) -> u32 {
        self.delivered = self.delivered.saturating_add(delivered);
        let due = match on_the_way > threshold {
            true => {
                let share = u64::from(self.delivered) * u64::from(threshold);
                (share.div_ceil(u64::from(self.at_first)) as u32).saturating_sub(self.sent)
            }
            false => {
                let arrived = self.delivered.saturating_sub(self.sent).max(delivered);
                let growth = if advanced { segment_bytes } else { 0 };
                (arrived + growth).min(threshold - on_the_way)
            }
        };
        // The first segment is sent again at once.
        let least = if self.sent == 0 { segment_bytes } else { 0 };
        on_the_way + due.max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sending_is_in_proportion_to_what_arrives() {
        // RFC 6937, section 5: 20 segments, half of them after.
        let mut recovery = Recovery::new(Sequence(0), false, 20_000);
        let (mut on_the_way, mut total) = (19_000, 0);
        for _ in 0..18 {
            on_the_way -= 1000;
            let room = recovery.window(1000, on_the_way, 10_000, 1000, false) - on_the_way;
            recovery.sent(room);
            on_the_way += room;
            total += room;
        }
        assert!((8_000..=10_000).contains(&total), "{total}");
        assert!((9_000..=11_000).contains(&on_the_way), "{on_the_way}");
    }

    #[test]
    fn after_large_losses_the_window_grows_by_what_arrives() {
        let mut recovery = Recovery::new(Sequence(0), false, 20_000);
        recovery.sent(1000);
        assert_eq!(recovery.window(2000, 3000, 10_000, 1000, false), 3000 + 2000);
        assert_eq!(recovery.window(1000, 9500, 10_000, 1000, true), 10_000);
    }

    #[test]
    fn the_first_segment_is_sent_at_once() {
        let mut recovery = Recovery::new(Sequence(0), false, 2000);
        assert_eq!(recovery.window(0, 1000, 500, 1000, false), 2000);
    }
}
