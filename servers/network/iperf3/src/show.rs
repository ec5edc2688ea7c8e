//! `iperf3`: what the last test has brought.

use alloc::{format, string::String, vec::Vec};

use warren::Cx;
use warren_program::{Arguments, Handed, Manual, Report, Trouble, UsageError};

use crate::{Run, protocol::Counted};

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Tests that came to their end.
    pub ended: u64,
    /// Clients that were refused, or gave up, or made no sense.
    pub failed: u64,
    /// The last test that came to its end.
    pub last: Option<Last>,
}

/// What a test has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its streams.
    pub streams: usize,
    /// Bytes that came, after what does not count.
    pub received_bytes: u64,
    /// Bytes that were written, likewise.
    pub sent_bytes: u64,
    /// In which time.
    pub counted_ns: u64,
}

impl Last {
    /// Of these streams.
    pub fn new(counted: &[Counted], counted_ns: u64) -> Self {
        let bytes = |is_outgoing| {
            let those = counted.iter().filter(|stream| stream.is_outgoing == is_outgoing);
            those.map(|stream| stream.bytes).sum()
        };
        let (received_bytes, sent_bytes) = (bytes(false), bytes(true));
        Last { streams: counted.len(), received_bytes, sent_bytes, counted_ns }
    }
}

impl Shown {
    /// With another test.
    pub fn add(&mut self, last: Last) {
        self.ended += 1;
        self.last = Some(last);
    }

    fn text(&self) -> String {
        let Shown { ended, failed, last } = self;
        let mut text = format!("conducted {ended} tests, {failed} clients failed\n");
        if let Some(Last { streams, received_bytes, sent_bytes, counted_ns }) = *last {
            let ms = counted_ns / 1_000_000;
            text += &format!("last: {streams} streams, {}.{:03} s\n", ms / 1000, ms % 1000);
            for (what, bytes) in [("received", received_bytes), ("sent", sent_bytes)] {
                // Megabits in a second: bits in a microsecond.
                let rate = u128::from(bytes) * 8000 / u128::from(counted_ns.max(1));
                text += &format!("{what} {bytes} bytes, {rate} Mbit/s\n");
            }
        }
        text
    }
}

/// Shows the last test.
pub struct Showing;

impl Report<Run> for Showing {
    const MANUAL: Manual = Manual {
        usage: "",
        details: "Times are this system's. Clients of iperf3 measure at port 5201: `iperf3 -c HOST`, by TCP, and with `-u` by UDP.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Showing)
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        Ok(cx.parent().shown.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_test_is_shown_with_its_rate() {
        let mut shown = Shown { failed: 2, ..Shown::default() };
        assert_eq!(shown.text(), "conducted 0 tests, 2 clients failed\n");
        let counted_ns = 2_000_000_000;
        shown.add(Last { streams: 2, received_bytes: 25_000_000, sent_bytes: 0, counted_ns });
        let expected = "conducted 1 tests, 2 clients failed\n\
                        last: 2 streams, 2.000 s\n\
                        received 25000000 bytes, 100 Mbit/s\n\
                        sent 0 bytes, 0 Mbit/s\n";
        assert_eq!(shown.text(), expected);
    }
}
