//! Among which connections that is divided what there is room for: those to which bytes come.
//!
//! Time goes in terms. Whoever was sent bytes in this term or the one before counts; most of those that were not are idle, and their windows
//! promise what is not asked for.

use crate::time::MILLISECOND_NS;

/// How long a term is: longer than the ways to most stations and back.
const TERM_NS: u64 = 500 * MILLISECOND_NS;
/// The first term: far enough from never, which is 0.
const FIRST: u64 = 2;

/// What a connection may fill.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claim {
    /// In which term bytes came to it last.
    term: u64,
    /// Pieces that it holds, or that its window lets come.
    pieces: usize,
}

/// Claims that are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// How many they are.
    pub count: usize,
    /// Pieces of all of them.
    pub pieces: usize,
}

impl Claims {
    fn add(&mut self, pieces: usize) {
        self.count += 1;
        self.pieces += pieces;
    }

    fn remove(&mut self, pieces: usize) {
        self.count -= 1;
        self.pieces -= pieces;
    }
}

/// The claims of connections to which bytes come.
#[derive(Debug)]
pub struct Crowd {
    term: u64,
    /// Those of this term.
    here: Claims,
    /// Those of the one before.
    before: Claims,
}

impl Default for Crowd {
    fn default() -> Self {
        Crowd { term: FIRST, here: Claims::default(), before: Claims::default() }
    }
}

impl Crowd {
    /// Bytes come to a connection.
    pub fn meet(&mut self, now_ns: u64, claim: &mut Claim) {
        let term = now_ns / TERM_NS + FIRST;
        if term > self.term {
            self.before = if term == self.term + 1 { self.here } else { Claims::default() };
            (self.term, self.here) = (term, Claims::default());
        }
        self.forget(claim);
        claim.term = self.term;
        self.here.add(claim.pieces);
    }

    /// A connection may fill so many pieces from now on.
    pub fn set(&mut self, claim: &mut Claim, pieces: usize) {
        let before = core::mem::replace(&mut claim.pieces, pieces);
        if let Some(claims) = self.claims(claim.term) {
            claims.pieces = claims.pieces + pieces - before;
        }
    }

    /// A connection is gone.
    pub fn forget(&mut self, claim: &Claim) {
        if let Some(claims) = self.claims(claim.term) {
            claims.remove(claim.pieces);
        }
    }

    /// Those of all others.
    pub fn others(&mut self, claim: &Claim) -> Claims {
        let mut all = Claims {
            count: self.here.count + self.before.count,
            pieces: self.here.pieces + self.before.pieces,
        };
        if self.claims(claim.term).is_some() {
            all.remove(claim.pieces);
        }
        all
    }

    /// Where the claims of a term are counted, if they are.
    fn claims(&mut self, term: u64) -> Option<&mut Claims> {
        match self.term - term {
            0 => Some(&mut self.here),
            1 => Some(&mut self.before),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_sent_bytes_counts_for_a_term_or_two() {
        let mut crowd = Crowd::default();
        let [mut one, mut two, mut three] = [Claim::default(); 3];
        crowd.set(&mut one, 5);
        assert_eq!(crowd.others(&two), Claims::default(), "nothing has come");
        crowd.meet(0, &mut one);
        crowd.meet(TERM_NS - 1, &mut one);
        assert_eq!(crowd.others(&two), Claims { count: 1, pieces: 5 });
        crowd.set(&mut one, 7);
        crowd.meet(TERM_NS - 1, &mut two);
        crowd.set(&mut two, 1);
        crowd.meet(TERM_NS, &mut three);
        assert_eq!(crowd.others(&three), Claims { count: 2, pieces: 8 });
        crowd.meet(2 * TERM_NS, &mut two);
        assert_eq!(crowd.others(&one), Claims { count: 2, pieces: 1 }, "the first one is idle");
        crowd.set(&mut one, 9);
        crowd.forget(&one);
        crowd.forget(&three);
        assert_eq!(crowd.others(&one), Claims { count: 1, pieces: 1 });
        let mut four = Claim::default();
        crowd.meet(9 * TERM_NS, &mut four);
        assert_eq!(crowd.others(&two), Claims { count: 1, pieces: 0 }, "long after");
        crowd.forget(&two);
        crowd.forget(&four);
        assert_eq!(crowd.others(&one), Claims::default());
    }
}
