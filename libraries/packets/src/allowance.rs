//! How many answers strangers get: everybody can ask, by any number of packets, and in the name of others.

/// Answers in a second, and at a time: enough for whoever looks for ports, too few to be of use to whoever lets others send.
const MOST: u64 = 1000;
/// How long one takes.
const EACH_NS: u64 = 1_000_000_000 / MOST;

/// How many answers may still be given.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    count: u64,
    since_ns: u64,
}

impl Default for Allowance {
    /// As many as may be given at a time.
    fn default() -> Self {
        Allowance { count: MOST, since_ns: 0 }
    }
}

impl Allowance {
    /// Takes one more of them; whether there is one.
    pub fn take(&mut self, now_ns: u64) -> bool {
        let more = now_ns.saturating_sub(self.since_ns) / EACH_NS;
        self.since_ns += more * EACH_NS;
        self.count = (self.count + more).min(MOST);
        let may = self.count > 0;
        self.count -= u64::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_only_so_many_answers_in_a_second() {
        let mut allowance = Allowance::default();
        let at_once = (0..5000).filter(|_| allowance.take(7)).count() as u64;
        assert_eq!(at_once, MOST);
        let within: u64 = (0..5000).map(|at| u64::from(allowance.take(at * 200_000))).sum();
        assert_eq!(within, MOST - 1);
        assert!((0..MOST).all(|_| allowance.take(1 << 40)), "after silence");
        assert!(!allowance.take(1 << 40));
    }
}
