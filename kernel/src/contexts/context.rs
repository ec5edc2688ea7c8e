//! One context.

use super::{EndedBy, Places};

/// Names a context; never used again. Above all numbers of CPUs.
pub type Token = u64;

/// How a context came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its program returned.
    Finished,
    /// Its program died.
    Faulted,
    /// Somebody ended it.
    Killed,
}

/// Why a loan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Who ran waits for something.
    Blocked,
    /// There are news, or somebody further up took the time back.
    Preempted,
    /// The budget is used up.
    Spent,
    /// The time until which it was meant has come.
    Deadline,
    /// Who ran gave way.
    Yielded,
    /// Who ran came to its end.
    Ended(End),
}

/// How a loan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub reason: Reason,
    /// Counts that were used.
    pub used: u64,
}

impl Default for Stop {
    fn default() -> Self {
        Stop { reason: Reason::Preempted, used: 0 }
    }
}

/// What a context does, for those who look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It runs, or would if it were lent time.
    Ready,
    /// It lends its time to another.
    Lends,
    /// It waits.
    Blocked,
}

/// Time that a context lends another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loan {
    pub to: Token,
    /// Whether it is lent for the sake of a lock, and not by a scheduler.
    pub help: bool,
    /// Counts that are left.
    pub left: u64,
    /// The clock's count at which it ends.
    pub until: u64,
    pub ended_by: EndedBy,
    /// Counts that were used.
    pub used: u64,
}

impl Loan {
    /// The root's.
    pub fn unlimited(to: Token) -> Self {
        let forever = super::UNLIMITED;
        let ended_by = EndedBy::Nothing;
        Loan { to, help: false, left: forever, until: forever, ended_by, used: 0 }
    }
}

/// What a context does.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Runs its own code, or would if it were lent time.
    Ready,
    /// Lends time to another; whoever lends it time lends it to that one.
    Lends(Loan),
    /// Waits, at the latest until this count of the clock.
    Blocked { until: u64 },
    /// Does not exist any more, but its scheduler has not heard of that yet.
    Ended,
}

impl State {
    pub fn can_run(&self) -> bool {
        matches!(self, State::Ready | State::Lends(_))
    }

    pub fn loan(&self) -> Option<&Loan> {
        match self {
            State::Lends(loan) => Some(loan),
            _ => None,
        }
    }
}

/// What a scheduler believes of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Ready,
    Blocked,
}

/// One context.
#[derive(Debug)]
pub(super) struct Context {
    pub token: Token,
    /// Whose account is charged.
    pub principal: usize,
    /// Where it may be scheduled.
    pub places: Places,
    /// Where it is scheduled.
    pub processor: usize,
    /// The processor that it hands on.
    pub hosts: Option<usize>,
    pub state: State,
    /// The CPU on which it runs, or ran last.
    pub cpu: usize,
    /// Whether it is a link of that CPU's chain.
    pub is_link: bool,
    /// Who has dispatched it and was not told of a stop yet.
    pub dispatcher: Option<Token>,
    /// Whether it is blocked in a dispatch of nobody.
    pub awaits_news: bool,
    /// How its newest loan ended.
    pub stop: Stop,
    /// What its scheduler believes.
    pub told: Told,
    /// Whether it is on its processor's list.
    pub listed: bool,
    /// Counts that it has run.
    pub used: u64,
}

impl Context {
    /// Whether it is ready, and nobody has dispatched it or lends it time.
    pub fn waits_for_its_turn(&self) -> bool {
        self.state.can_run() && !self.is_link && self.dispatcher.is_none()
    }

    pub fn new(token: Token, principal: usize, places: Places, processor: usize) -> Self {
        Context {
            token,
            principal,
            places,
            processor,
            hosts: None,
            state: State::Ready,
            cpu: 0,
            is_link: false,
            dispatcher: None,
            awaits_news: false,
            stop: Stop::default(),
            told: Told::Nothing,
            listed: false,
            used: 0,
        }
    }
}
