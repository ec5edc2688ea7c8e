//! The chain of one CPU: how it grows to who runs, and how its links end.

use alloc::vec::Vec;

use super::{Contexts, DEPTH, Loan, Reason, State, Stop, Token, UNLIMITED};

/// Who lends time to whom on one CPU.
///
/// A context is a link of one chain at most. What a link lends goes to the next link.
#[derive(Debug)]
pub(super) struct Chain {
    /// From the root to who runs.
    pub links: Vec<Token>,
    /// The first link that is to end: there are news, or the root has another guest.
    pub due: Option<usize>,
    /// Whether the CPU was told that something is due.
    pub told: bool,
    /// Whom the root lends its time.
    pub guest: Option<Token>,
    /// The clock's count at which the CPU's books begin.
    pub started: u64,
    /// The clock's count up to which everything is charged.
    pub charged: u64,
    /// Counts for which nobody ran.
    pub idle: u64,
    /// No sleeper of this CPU wakes before.
    pub next_wake: u64,
}

impl Chain {
    /// The root alone.
    pub fn new(now: u64, root: Token) -> Self {
        let mut links = Vec::with_capacity(DEPTH);
        links.push(root);
        Chain {
            links,
            due: None,
            told: false,
            guest: None,
            started: now,
            charged: now,
            idle: 0,
            next_wake: UNLIMITED,
        }
    }

    /// Who runs.
    #[inline(always)]
    pub fn last(&self) -> Token {
        self.links[self.links.len() - 1]
    }

    /// The link at `level` is to end.
    pub fn is_due_at(&mut self, level: usize) {
        self.due = Some(self.due.map_or(level, |due| due.min(level)));
    }
}

impl Contexts {
    /// Whether a CPU's chain would be short enough with `guest` at its end, and those to whom it lends.
    pub(super) fn fits(&self, cpu: usize, guest: Token) -> bool {
        let mut length = self.chains[cpu].links.len() + 1;
        let mut last = self.get(guest);
        while let Some(Loan { to, .. }) = last.and_then(|context| context.state.loan()) {
            length += 1;
            last = self.get(*to);
            if length > DEPTH {
                return false;
            }
        }
        length <= DEPTH
    }

    /// Whether a context is ready and no link yet, of this CPU's chain or another one's.
    pub(super) fn is_free(&self, token: Token) -> bool {
        self.get(token).is_some_and(|context| context.state.can_run() && !context.is_link)
    }

    /// Puts a context at the end of a CPU's chain.
    fn link(&mut self, cpu: usize, token: Token) {
        let context = self.known(token);
        context.is_link = true;
        context.cpu = cpu;
        self.chains[cpu].links.push(token);
    }

    /// Shortens a CPU's chain to so many links.
    fn unlink(&mut self, cpu: usize, length: usize) {
        while self.chains[cpu].links.len() > length
            && let Some(token) = self.chains[cpu].links.pop()
        {
            self.known(token).is_link = false;
        }
        let chain = &mut self.chains[cpu];
        chain.due = chain.due.filter(|due| *due + 1 < length);
    }

    /// Follows loans from the end of a CPU's chain to who runs.
    pub(super) fn settle(&mut self, cpu: usize) {
        if self.is_idle(cpu) {
            let Some(guest) = self.chains[cpu].guest.filter(|guest| self.is_free(*guest)) else {
                return;
            };
            let root = self.running(cpu);
            self.known(root).state = State::Lends(Loan::unlimited(guest));
        }
        loop {
            let lender = self.running(cpu);
            let Some(to) = self.get(lender).and_then(|last| Some(last.state.loan()?.to)) else {
                return;
            };
            let is_long = self.chains[cpu].links.len() == DEPTH;
            if is_long || !self.is_free(to) || self.is_wanted(lender) {
                // Who would run is in a chain already, or the lender has news since it was preempted: it goes on itself.
                self.stop_loan(lender, Reason::Preempted);
                return;
            }
            self.link(cpu, to);
        }
    }

    /// Ends the link from `level` to the next one: who runs stops, and stays ready.
    pub(super) fn cut(&mut self, cpu: usize, level: usize, reason: Reason) {
        // Nobody goes on helping: whoever helped looks at the lock first.
        for inner in level + 1..self.chains[cpu].links.len() - 1 {
            let lender = self.chains[cpu].links[inner];
            if self.get(lender).and_then(|lender| lender.state.loan()).is_some_and(|loan| loan.help)
            {
                self.stop_loan(lender, Reason::Preempted);
            }
        }
        let lender = self.chains[cpu].links[level];
        self.stop_loan(lender, reason);
        self.unlink(cpu, level + 1);
    }

    /// Takes a loan back, wherever its lender is.
    pub(super) fn stop_loan(&mut self, lender: Token, reason: Reason) {
        let lender = self.known(lender);
        let State::Lends(Loan { to, help, used, .. }) = lender.state else { return };
        lender.state = State::Ready;
        lender.stop = Stop { reason, used };
        if !help && let Some(guest) = self.find(to) {
            guest.dispatcher = None;
        }
    }

    /// Who ran on a CPU cannot go on: its lender does.
    pub(super) fn leave(&mut self, cpu: usize, reason: Reason) {
        let left = self.running(cpu);
        let length = self.chains[cpu].links.len() - 1;
        let lender = self.chains[cpu].links[length - 1];
        let dispatcher = self.known(left).dispatcher.take();
        self.stop_loan(lender, reason);
        self.unlink(cpu, length);
        if let Some(dispatcher) = dispatcher.filter(|dispatcher| *dispatcher != lender) {
            // It ran on a helper's time while its own lender was preempted.
            self.stop_loan(dispatcher, reason);
        }
        match dispatcher {
            Some(_) => self.is_told(left),
            None => self.note(left),
        }
        self.settle(cpu);
    }
}
