//! Among which connections that is divided what there is room for: those to which bytes come.
//!
//! Time goes in terms. Whoever was sent bytes in this term or the one before counts, and whoever was given room then; most of those that were not are idle, and their
//! windows promise what is not asked for. What a connection holds always counts.

use alloc::collections::VecDeque;

use super::table::Entry;
use crate::{settings::Settings, time::MILLISECOND_NS};

/// How long a term is: longer than the ways to most stations and back.
const TERM_NS: u64 = 500 * MILLISECOND_NS;
/// The first term: far enough from never, which is 0.
const FIRST: u64 = 2;

/// Pieces that are offered at least to whoever has waited for room: less would be answered by itself.
const LEAST_OFFER: usize = 2;
/// Part of all pieces that those are offered besides who hold none: what nobody reads must not keep others out.
const RESERVE: usize = 8;

/// What a connection may fill.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claim {
    /// In which term bytes came to it last.
    term: u64,
    /// Pieces that its window lets come.
    open: usize,
    /// Pieces that it holds.
    held: usize,
}

/// Claims that are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// How many they are.
    pub count: usize,
    /// Pieces that their windows let come.
    pub open: usize,
}

impl Claims {
    fn add(&mut self, open: usize) {
        self.count += 1;
        self.open += open;
    }

    fn remove(&mut self, open: usize) {
        self.count -= 1;
        self.open -= open;
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
    /// Pieces that all connections hold, also those to which nothing comes.
    held: usize,
    /// The slots of those that wait for room, the first first.
    line: VecDeque<u32>,
}

impl Default for Crowd {
    fn default() -> Self {
        let (here, before) = Default::default();
        Crowd { term: FIRST, here, before, held: 0, line: VecDeque::new() }
    }
}

impl Crowd {
    /// Time has passed.
    pub fn advance(&mut self, now_ns: u64) {
        let term = now_ns / TERM_NS + FIRST;
        if term > self.term {
            self.before = if term == self.term + 1 { self.here } else { Claims::default() };
            (self.term, self.here) = (term, Claims::default());
        }
    }

    /// When some of those that count may count no more; `None` if none do.
    pub fn next_term_ns(&self) -> Option<u64> {
        let anybody = self.here.count + self.before.count > 0;
        anybody.then_some((self.term + 1 - FIRST) * TERM_NS)
    }

    /// Bytes come to a connection.
    pub fn meet(&mut self, now_ns: u64, claim: &mut Claim) {
        self.advance(now_ns);
        self.join(claim);
    }

    /// A connection counts from now on.
    pub fn join(&mut self, claim: &mut Claim) {
        if let Some(claims) = self.claims(claim.term) {
            claims.remove(claim.open);
        }
        claim.term = self.term;
        self.here.add(claim.open);
    }

    /// The window of a connection lets so many pieces come from now on, and it holds so many.
    pub fn set(&mut self, claim: &mut Claim, open: usize, held: usize) {
        self.held = self.held + held - core::mem::replace(&mut claim.held, held);
        let before = core::mem::replace(&mut claim.open, open);
        if let Some(claims) = self.claims(claim.term) {
            claims.open = claims.open + open - before;
        }
    }

    /// A connection is gone.
    pub fn forget(&mut self, claim: &Claim) {
        self.held -= claim.held;
        if let Some(claims) = self.claims(claim.term) {
            claims.remove(claim.open);
        }
    }

    /// Those of all others.
    pub fn others(&mut self, claim: &Claim) -> Claims {
        let mut all = Claims {
            count: self.here.count + self.before.count,
            open: self.here.open + self.before.open,
        };
        if self.claims(claim.term).is_some() {
            all.remove(claim.open);
        }
        all
    }

    /// What is left of so many pieces for the window of a connection when `others` have theirs. For those that have read everything there are some more.
    fn left(&self, pieces: usize, others: Claims, claim: &Claim) -> usize {
        let left = pieces.saturating_sub(self.held + others.open);
        match claim.held {
            0 => left.max((pieces / RESERVE).max(LEAST_OFFER).saturating_sub(others.open)),
            _ => left,
        }
    }

    /// Decides how large the window of a connection, one of so many, may be. If there is no room for one, it waits for some, once all that it holds is read; and so does whoever
    /// comes when others wait.
    pub fn allot<B: Copy>(
        &mut self,
        settings: &Settings,
        connections: usize,
        slot: u32,
        entry: &mut Entry<B>,
    ) {
        let others = self.others(&entry.claim);
        let is_first = self.line.is_empty();
        let left =
            if is_first { self.left(settings.window_pieces, others, &entry.claim) } else { 0 };
        let Entry { connection, wants_room, claim, .. } = entry;
        let is_closed = connection.limit_window(settings, (others.count, left), connections);
        if is_closed && claim.held == 0 && !core::mem::replace(wants_room, true) {
            self.line.push_back(slot);
        }
    }

    /// Whether somebody waits for room.
    pub fn is_waiting(&self) -> bool {
        !self.line.is_empty()
    }

    /// The slot of whoever has waited longest. Another connection may have it by now.
    pub fn first_waiting(&self) -> Option<u32> {
        self.line.front().copied()
    }

    /// That one waits no more.
    pub fn end_waiting(&mut self) {
        self.line.pop_front();
    }

    /// Offers room to the connection that has waited longest. False if there is not enough, and it goes on waiting.
    pub fn offer<B: Copy>(
        &mut self,
        settings: &Settings,
        connections: usize,
        entry: &mut Entry<B>,
    ) -> bool {
        let may_wait = entry.connection.state().receives() && entry.claim.held == 0;
        if !entry.wants_room || !may_wait {
            entry.wants_room = false;
            return true;
        }
        let others = self.others(&entry.claim);
        let left = self.left(settings.window_pieces, others, &entry.claim);
        if left < LEAST_OFFER {
            return false;
        }
        entry.wants_room = false;
        entry.connection.limit_window(settings, (others.count, left), connections);
        entry.connection.open_window_now();
        // Until it is found not to be used.
        self.join(&mut entry.claim);
        true
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
        crowd.set(&mut one, 5, 0);
        assert_eq!(crowd.others(&two), Claims::default(), "nothing has come");
        assert_eq!(crowd.next_term_ns(), None);
        crowd.meet(0, &mut one);
        crowd.meet(TERM_NS - 1, &mut one);
        assert_eq!(crowd.others(&two), Claims { count: 1, open: 5 });
        assert_eq!(crowd.next_term_ns(), Some(TERM_NS));
        crowd.set(&mut one, 7, 0);
        crowd.meet(TERM_NS - 1, &mut two);
        crowd.set(&mut two, 1, 0);
        crowd.meet(TERM_NS, &mut three);
        assert_eq!(crowd.others(&three), Claims { count: 2, open: 8 });
        crowd.meet(2 * TERM_NS, &mut two);
        assert_eq!(crowd.others(&one), Claims { count: 2, open: 1 }, "the first one is idle");
        crowd.set(&mut one, 9, 0);
        crowd.forget(&one);
        crowd.forget(&three);
        assert_eq!(crowd.others(&one), Claims { count: 1, open: 1 });
        let mut four = Claim::default();
        crowd.meet(9 * TERM_NS, &mut four);
        assert_eq!(crowd.others(&two), Claims { count: 1, open: 0 }, "long after");
        crowd.forget(&two);
        crowd.forget(&four);
        assert_eq!(crowd.others(&one), Claims::default());
        crowd.advance(11 * TERM_NS);
        assert_eq!(crowd.next_term_ns(), None);
    }

    #[test]
    fn what_idle_connections_hold_counts_and_what_they_are_offered_does_not() {
        let mut crowd = Crowd::default();
        let [mut one, two] = [Claim::default(); 2];
        crowd.meet(0, &mut one);
        crowd.set(&mut one, 5, 3);
        let others = crowd.others(&two);
        assert_eq!((crowd.left(10, others, &two), crowd.left(4, others, &two)), (2, 0));
        crowd.advance(2 * TERM_NS);
        let others = crowd.others(&two);
        assert_eq!((crowd.left(10, others, &two), crowd.left(10, others, &one)), (7, 7));
        assert_eq!((crowd.left(3, others, &two), crowd.left(3, others, &one)), (2, 0));
        crowd.forget(&one);
        assert_eq!(crowd.left(10, others, &two), 10);
    }
}
