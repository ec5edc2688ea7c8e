//! How many connections bytes come to at a time, among which what there is room for is divided.
//!
//! Time goes in terms. Whoever was sent bytes in this term or the one before counts; most of those that were not are idle, and their windows
//! promise what is not asked for.

use crate::time::MILLISECOND_NS;

/// How long a term is: longer than the ways to most stations and back.
const TERM_NS: u64 = 500 * MILLISECOND_NS;

/// In which term something came last; 0 if nothing ever did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub struct Term(u64);

/// Connections by the term in which bytes came to them last.
#[derive(Debug)]
pub struct Crowd {
    term: Term,
    /// Those of this term.
    here: usize,
    /// Those of the one before.
    before: usize,
}

/// The first term: far enough from never.
const FIRST: u64 = 2;

impl Default for Crowd {
    fn default() -> Self {
        Crowd { term: Term(FIRST), here: 0, before: 0 }
    }
}

impl Crowd {
    /// Bytes come to a connection that they came to in `last`.
    pub fn meet(&mut self, now_ns: u64, last: &mut Term) {
        let now = Term(now_ns / TERM_NS + FIRST);
        if now > self.term {
            self.before = if now.0 == self.term.0 + 1 { self.here } else { 0 };
            (self.term, self.here) = (now, 0);
        }
        self.forget(*last);
        self.here += 1;
        *last = self.term;
    }

    /// A connection that bytes came to in `last` is gone.
    pub fn forget(&mut self, last: Term) {
        match self.term.0 - last.0 {
            0 => self.here -= 1,
            1 => self.before -= 1,
            _ => (),
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.here + self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_sent_bytes_counts_for_a_term_or_two() {
        let mut crowd = Crowd::default();
        let mut all = [Term::default(); 3];
        crowd.meet(0, &mut all[0]);
        crowd.meet(TERM_NS - 1, &mut all[0]);
        assert_eq!(crowd.len(), 1);
        crowd.meet(TERM_NS - 1, &mut all[1]);
        crowd.meet(TERM_NS, &mut all[2]);
        assert_eq!(crowd.len(), 3);
        crowd.meet(TERM_NS, &mut all[1]);
        assert_eq!(crowd.len(), 3);
        crowd.meet(2 * TERM_NS, &mut all[1]);
        assert_eq!(crowd.len(), 2, "the first one is idle");
        crowd.forget(all[0]);
        crowd.forget(all[2]);
        assert_eq!(crowd.len(), 1);
        crowd.meet(9 * TERM_NS, &mut all[2]);
        assert_eq!(crowd.len(), 1, "nobody else was sent anything for long");
        crowd.forget(all[1]);
        crowd.forget(all[2]);
        assert_eq!(crowd.len(), 0);
    }
}
