//! What is played, and what became of it.

use alloc::{format, string::String, vec::Vec};

/// Frames of a film of which nobody says how long it is.
const FRAMES: u64 = 100;

/// What is played.
#[derive(Clone, Copy)]
pub struct Film {
    /// How many frames it has.
    pub frames: u64,
}

impl Film {
    /// From one frame to the next.
    pub const PERIOD_NS: u64 = 40_000_000;
    /// Times that the bytes of a frame are added up to decode it: a fifth of the period, at an instruction for each nanosecond.
    pub const PASSES: u64 = 400;

    /// A film of so many frames.
    pub fn of(frames: Option<u64>) -> Self {
        Film { frames: frames.unwrap_or(FRAMES) }
    }
}

/// When frames were done.
#[derive(Default)]
pub struct Record {
    /// From the release of a frame until it was done, in nanoseconds.
    done_ns: Vec<u64>,
    /// The shortest time in which a frame was decoded; 0 if there was no frame.
    decode_ns: u64,
}

impl Record {
    /// Adds a frame.
    pub fn add(&mut self, done_ns: u64, decode_ns: u64) {
        let is_first = self.done_ns.is_empty();
        self.decode_ns = if is_first { decode_ns } else { self.decode_ns.min(decode_ns) };
        self.done_ns.push(done_ns);
    }

    /// A line that says all of it. A frame that was done later than a period after its release was late.
    pub fn json(mut self) -> String {
        self.done_ns.sort_unstable();
        let late = self.done_ns.iter().filter(|done_ns| **done_ns > Film::PERIOD_NS).count();
        format!(
            "{{\"frames\":{},\"late\":{late},\"decode_ns\":{},\"p50_ns\":{},\"p99_ns\":{},\"max_ns\":{}}}\n",
            self.done_ns.len(),
            self.decode_ns,
            self.hundredths(50),
            self.hundredths(99),
            self.hundredths(100),
        )
    }

    /// The time within which so many hundredths of all frames were done: the nearest rank. 0 if there was no frame. They are sorted.
    fn hundredths(&self, hundredths: usize) -> u64 {
        let rank = (self.done_ns.len() * hundredths).div_ceil(100);
        self.done_ns.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Film, Record};

    #[test]
    fn a_frame_that_takes_its_whole_period_is_in_time_and_one_that_takes_more_is_late() {
        let mut record = Record::default();
        let period_ns = Film::PERIOD_NS;
        for (done_ns, decode_ns) in [(period_ns, 7), (period_ns + 1, 9), (10, 8)] {
            record.add(done_ns, decode_ns);
        }
        let line = r#"{"frames":3,"late":1,"decode_ns":7,"p50_ns":40000000,"p99_ns":40000001,"max_ns":40000001}"#;
        assert_eq!(record.json().trim_end(), line);
    }

    #[test]
    fn hundredths_are_those_of_the_nearest_rank() {
        let mut record = Record::default();
        (1..=200).for_each(|done_ns| record.add(done_ns, 0));
        assert_eq!([50, 99, 100].map(|hundredths| record.hundredths(hundredths)), [100, 198, 200]);
    }
}
