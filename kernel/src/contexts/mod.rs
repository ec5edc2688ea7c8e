//! Contexts: who lends time to whom, and who therefore runs. Pure bookkeeping; the binary switches threads to match it.
//!
//! Nothing here chooses. A context runs because another one dispatched it ([`Contexts::dispatch`]), or lends it time until it lets
//! go of a lock ([`Contexts::help`]); under all of them lies the root context, which lends its time to one other. Whoever lends is
//! a *link* of the *chain* from the root to who runs. A link ends when its loan is exhausted, or when who stands on its other side
//! blocks or ends; then the lender runs again, and finds out why in its [`Stop`].
//!
//! | what happens | what changes |
//! | --- | --- |
//! | dispatch, help | the chain grows, past lenders in the middle of a loan, to who runs |
//! | blocking, ending, giving way | its last link ends |
//! | time passes ([`Contexts::pass`]) | all loans of the chain shrink together, and sleepers wake; the first exhausted link ends |
//! | somebody is ready again | its scheduler has news; if that waits for news, or wants them at once, it is ready or its link ends |
//!
//! After each change [`Contexts::running`] says who runs. Times are counts of a clock; what a count is worth is not known here.

mod account;
mod context;
mod news;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use account::Account;
pub use context::{Activity, End, Reason, Stop, Token};
use context::{Context, Loan, State};
use news::Processor;
pub use news::{Change, News};

/// Contexts that exist at the same time, the root included.
pub const CONTEXTS: usize = 320;
/// Links of a chain.
pub const DEPTH: usize = 16;
/// A loan without end.
pub const UNLIMITED: u64 = u64::MAX;
/// Where the root context is scheduled: nowhere.
const NOWHERE: usize = usize::MAX;

/// Why a dispatch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such context, or another processor's scheduler is responsible for it.
    Unknown,
    /// It cannot run, or is dispatched already.
    NotReady,
    /// The context that runs is not the processor's host.
    NotTheHost,
    /// The chain would be too long.
    TooDeep,
}

/// What a dispatch lends.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Counts that may be used.
    pub budget: u64,
    /// The clock's count at which it ends.
    pub until: u64,
    /// Whether it ends when there are news.
    pub at_once: bool,
}

/// All contexts of one CPU.
#[derive(Debug)]
pub struct Contexts {
    slots: Vec<Option<Context>>,
    /// Added to the next context's token, so that tokens are not used again.
    generation: u64,
    processors: Vec<Processor>,
    accounts: Vec<Account>,
    /// From the root to who runs.
    chain: Vec<Token>,
    /// The first link that is to end because there are news.
    due: Option<usize>,
    /// Whom the root lends its time.
    guest: Option<Token>,
    /// The clock's count at which the books begin.
    started: u64,
    /// The clock's count up to which everything is charged.
    charged: u64,
    /// No sleeper wakes before.
    next_wake: u64,
    /// Counts for which a helper lends time.
    help: u64,
    idle: u64,
}

impl Contexts {
    /// The root context alone, which runs. Helping lasts `help` counts. There is one principal.
    pub fn new(now: u64, help: u64) -> Self {
        let mut contexts = Contexts {
            slots: Vec::new(),
            generation: 0,
            processors: Vec::new(),
            accounts: Vec::new(),
            chain: Vec::with_capacity(DEPTH),
            due: None,
            guest: None,
            started: now,
            charged: now,
            next_wake: UNLIMITED,
            help,
            idle: 0,
        };
        contexts.slots.resize_with(CONTEXTS, || None);
        contexts.open_accounts(1);
        let root = contexts.insert(0, NOWHERE).expect("all slots are free");
        contexts.chain.push(root);
        contexts
    }

    /// Whoever runs.
    pub fn running(&self) -> Token {
        self.chain[self.chain.len() - 1]
    }

    /// Whether nobody runs but the root.
    pub fn is_idle(&self) -> bool {
        self.chain.len() == 1
    }

    /// Whether a link of the chain is to end: [`Contexts::pass`] has to be called soon.
    pub fn is_due(&self) -> bool {
        self.due.is_some() || self.is_idle() && self.guest.is_some_and(|guest| self.can_run(guest))
    }

    /// The number of a context's slot, below [`CONTEXTS`].
    pub fn slot(token: Token) -> usize {
        (token % CONTEXTS as u64) as usize
    }

    /// A new context that is ready. Its processor's host hears of it; without a processor only the root can run it, until
    /// [`Contexts::move_to`]. `None` if there are too many.
    pub fn add(&mut self, processor: Option<usize>, principal: usize) -> Option<Token> {
        let token = self.insert(principal, processor.unwrap_or(NOWHERE))?;
        self.note(token);
        Some(token)
    }

    fn insert(&mut self, principal: usize, processor: usize) -> Option<Token> {
        let slot = self.slots.iter().position(Option::is_none)?;
        self.generation += 1;
        // Above every number of a CPU, and above any small number that somebody may take for a token.
        let token = (self.generation + 64) * CONTEXTS as u64 + slot as u64;
        self.slots[slot] = Some(Context::new(token, principal, processor));
        Some(token)
    }

    fn get(&self, token: Token) -> Option<&Context> {
        self.slots[Self::slot(token)].as_ref().filter(|context| context.token == token)
    }

    fn find(&mut self, token: Token) -> Option<&mut Context> {
        self.slots[Self::slot(token)].as_mut().filter(|context| context.token == token)
    }

    /// A context that is known to exist.
    fn known(&mut self, token: Token) -> &mut Context {
        self.find(token).expect("links and lists name contexts that exist")
    }

    fn can_run(&self, token: Token) -> bool {
        self.get(token).is_some_and(|context| context.state.can_run())
    }

    /// Whom the root lends its time from now on.
    pub fn set_guest(&mut self, now: u64, guest: Token) {
        self.charge(now);
        if self.chain.len() > 1 && self.chain[1] != guest {
            self.cut(0, Reason::Preempted);
        }
        self.guest = Some(guest);
        self.settle();
    }

    /// Lets `guest` run on the time of who runs, which has to be the host of `processor`. Without a guest the host waits for news or until
    /// `terms.until`. How it went is the host's [`Contexts::stop_of`] when it runs again.
    pub fn dispatch(
        &mut self,
        now: u64,
        processor: usize,
        guest: Option<Token>,
        terms: Terms,
    ) -> Result<(), Refusal> {
        self.charge(now);
        let host = self.running();
        let place = self.processors.get(processor).filter(|place| place.host == Some(host));
        let has_news = place.ok_or(Refusal::NotTheHost)?.has_news();
        if let Some(guest) = guest {
            let context = self.get(guest).filter(|context| context.processor == processor);
            let context = context.ok_or(Refusal::Unknown)?;
            if !context.state.can_run() || context.dispatcher.is_some() {
                return Err(Refusal::NotReady);
            }
            if !self.fits(guest) {
                return Err(Refusal::TooDeep);
            }
        }
        match guest {
            _ if has_news && (terms.at_once || guest.is_none()) => {
                self.known(host).stop = Stop { reason: Reason::Preempted, used: 0 };
            }
            None => {
                self.known(host).awaits_news = true;
                self.block(now, terms.until);
            }
            Some(guest) => {
                let Terms { budget, until, at_once } = terms;
                self.known(guest).dispatcher = Some(host);
                let loan = Loan { to: guest, help: false, left: budget, until, at_once, used: 0 };
                self.known(host).state = State::Lends(loan);
                self.settle();
            }
        }
        Ok(())
    }

    /// Whether the chain would be short enough with `guest` at its end, and those to whom it lends.
    fn fits(&self, guest: Token) -> bool {
        let mut length = self.chain.len() + 1;
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

    /// Who runs waits for a lock that `holder` has: the holder runs on its time for a while. The waiter looks at the lock again when it
    /// runs the next time.
    pub fn help(&mut self, now: u64, holder: Token) {
        self.charge(now);
        let helper = self.running();
        if self.is_idle()
            || self.chain.contains(&holder)
            || !self.can_run(holder)
            || !self.fits(holder)
        {
            return self.give_way(now);
        }
        let loan = Loan {
            to: holder,
            help: true,
            left: self.help,
            until: UNLIMITED,
            at_once: false,
            used: 0,
        };
        self.known(helper).state = State::Lends(loan);
        self.settle();
    }

    /// Who runs blocks until [`Contexts::wake`], or until the clock shows `until`.
    pub fn block(&mut self, now: u64, until: u64) {
        self.charge(now);
        assert!(!self.is_idle(), "the root context does not block");
        let blocked = self.running();
        self.known(blocked).state = State::Blocked { until };
        self.next_wake = self.next_wake.min(until);
        self.leave(Reason::Blocked);
    }

    /// Who runs ends. Its token means nobody from now on.
    pub fn end(&mut self, now: u64, how: End) {
        self.charge(now);
        assert!(!self.is_idle(), "the root context does not end");
        let ended = self.running();
        self.known(ended).state = State::Ended;
        self.leave(Reason::Ended(how));
    }

    /// Who runs lets its lender go on, and stays ready.
    pub fn give_way(&mut self, now: u64) {
        self.charge(now);
        if !self.is_idle() {
            self.cut(self.chain.len() - 2, Reason::Yielded);
            self.settle();
        }
    }

    /// Time has passed: charges it, wakes who slept long enough, and ends the first link that is exhausted or due.
    pub fn pass(&mut self, now: u64) {
        self.charge(now);
        self.wake_sleepers(now);
        let due = self.due.take().unwrap_or(usize::MAX);
        let links = self.chain.len() - 1;
        let end = (0..links).find_map(|level| {
            let loan = self.get(self.chain[level]).and_then(|lender| lender.state.loan())?;
            let reason = match loan {
                loan if loan.left == 0 => Reason::Spent,
                loan if loan.until <= now => Reason::Deadline,
                _ if level >= due => Reason::Preempted,
                _ => return None,
            };
            Some((level, reason))
        });
        if let Some((level, reason)) = end {
            self.cut(level, reason);
        }
        self.settle();
    }

    /// The clock's count at which [`Contexts::pass`] has to be called at the latest, if nothing changes.
    pub fn next_event(&self) -> u64 {
        let loans = self.chain.iter().filter_map(|lender| self.get(*lender)?.state.loan());
        let end = |loan: &Loan| loan.until.min(self.charged.saturating_add(loan.left));
        loans.map(end).fold(self.next_wake, u64::min)
    }

    /// How the newest loan of a context ended.
    pub fn stop_of(&self, token: Token) -> Stop {
        self.get(token).map_or_else(Stop::default, |context| context.stop)
    }

    /// What a context does.
    pub fn activity_of(&self, token: Token) -> Option<Activity> {
        match self.get(token)?.state {
            State::Ready => Some(Activity::Ready),
            State::Lends(_) => Some(Activity::Lends),
            State::Blocked { .. } => Some(Activity::Blocked),
            State::Ended => None,
        }
    }

    /// Who pays for a context.
    pub fn principal_of(&self, token: Token) -> Option<usize> {
        self.get(token).map(|context| context.principal)
    }

    /// Contexts of a principal.
    pub fn count_of(&self, principal: usize) -> usize {
        let living = self.slots.iter().flatten().filter(|one| !matches!(one.state, State::Ended));
        living.filter(|context| context.principal == principal).count()
    }

    /// Counts that a context has run.
    pub fn used_by(&self, token: Token) -> u64 {
        self.get(token).map_or(0, |context| context.used)
    }

    /// Makes a blocked context ready.
    pub fn wake(&mut self, token: Token) {
        let Some(context) = self.find(token) else { return };
        if matches!(context.state, State::Blocked { .. }) {
            context.state = State::Ready;
            if core::mem::take(&mut context.awaits_news) {
                context.stop = Stop { reason: Reason::Preempted, used: 0 };
            }
            self.note(token);
        }
    }

    fn wake_sleepers(&mut self, now: u64) {
        if now < self.next_wake {
            return;
        }
        self.next_wake = UNLIMITED;
        for slot in 0..self.slots.len() {
            let Some(Context { token, state: State::Blocked { until }, .. }) = self.slots[slot]
            else {
                continue;
            };
            match until <= now {
                true => self.wake(token),
                false => self.next_wake = self.next_wake.min(until),
            }
        }
    }

    /// Follows loans from the end of the chain to who runs.
    fn settle(&mut self) {
        if self.is_idle() {
            let Some(guest) = self.guest.filter(|guest| self.can_run(*guest)) else { return };
            let loan = Loan::unlimited(guest);
            let root = self.running();
            self.known(root).state = State::Lends(loan);
        }
        while let Some(to) = self.get(self.running()).and_then(|last| Some(last.state.loan()?.to)) {
            let lender = self.running();
            if self.chain.contains(&to) || self.chain.len() == DEPTH || self.is_wanted(lender) {
                // Who would run lends time to it already, or the lender has news since it was preempted: it goes on itself.
                self.stop_loan(lender, Reason::Preempted);
                return;
            }
            self.chain.push(to);
        }
    }

    /// Ends the link from `level` to the next one: who runs stops, and stays ready.
    fn cut(&mut self, level: usize, reason: Reason) {
        // Nobody goes on helping: whoever helped looks at the lock first.
        for inner in level + 1..self.chain.len() - 1 {
            let lender = self.chain[inner];
            if self.get(lender).and_then(|lender| lender.state.loan()).is_some_and(|loan| loan.help)
            {
                self.stop_loan(lender, Reason::Preempted);
            }
        }
        let lender = self.chain[level];
        self.stop_loan(lender, reason);
        self.chain.truncate(level + 1);
        self.due = self.due.filter(|due| *due < level);
    }

    /// Takes a loan back, wherever its lender is.
    fn stop_loan(&mut self, lender: Token, reason: Reason) {
        let lender = self.known(lender);
        let State::Lends(Loan { to, help, used, .. }) = lender.state else { return };
        lender.state = State::Ready;
        lender.stop = Stop { reason, used };
        if !help && let Some(guest) = self.find(to) {
            guest.dispatcher = None;
        }
    }

    /// Who ran cannot go on: its lender does.
    fn leave(&mut self, reason: Reason) {
        let left = self.running();
        let lender = self.chain[self.chain.len() - 2];
        let dispatcher = self.known(left).dispatcher.take();
        self.stop_loan(lender, reason);
        self.chain.pop();
        self.due = self.due.filter(|due| *due + 1 < self.chain.len());
        if let Some(dispatcher) = dispatcher.filter(|dispatcher| *dispatcher != lender) {
            // It ran on a helper's time while its own lender was preempted.
            self.stop_loan(dispatcher, reason);
        }
        match dispatcher {
            Some(_) => self.is_told(left),
            None => self.note(left),
        }
        self.settle();
    }

    /// Opens accounts, so that there are this many.
    pub fn open_accounts(&mut self, count: usize) {
        let count = count.max(self.accounts.len());
        self.accounts.resize_with(count, Account::default);
    }

    /// All accounts, by principal.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Counts that were charged to somebody, or idle.
    pub fn elapsed(&self) -> u64 {
        self.charged - self.started
    }

    /// Counts for which nobody ran.
    pub fn idle(&self) -> u64 {
        self.idle
    }

    /// Charges what has passed to whom it belongs.
    pub fn charge(&mut self, now: u64) {
        let passed = now.saturating_sub(self.charged);
        self.charged = self.charged.max(now);
        if self.is_idle() {
            self.idle += passed;
            return;
        }
        let mut helper = None;
        for level in 0..self.chain.len() - 1 {
            let lender = self.chain[level];
            if let State::Lends(loan) = &mut self.known(lender).state {
                loan.used += passed;
                if loan.left != UNLIMITED {
                    loan.left = loan.left.saturating_sub(passed);
                }
                if loan.help {
                    helper = helper.or(Some(lender));
                }
            }
        }
        let running = self.running();
        self.known(running).used += passed;
        let payer = self.known(helper.unwrap_or(running)).principal;
        if let Some(account) = self.accounts.get_mut(payer) {
            account.used += passed;
            if helper.is_some() {
                account.helped += passed;
            }
        }
    }
}
