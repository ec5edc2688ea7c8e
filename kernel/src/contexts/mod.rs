//! Contexts: who lends time to whom, and who therefore runs. Pure bookkeeping; the binary switches threads to match it.
//!
//! Nothing here chooses. A context runs because another one dispatched it ([`Contexts::dispatch`]), or lends it time until it lets
//! go of a lock ([`Contexts::help`]); under all of them lies the CPU's root context, which lends its time to one other. Whoever lends is
//! a *link* of the *chain* from the root to who runs. A link ends when its loan is exhausted, or when who stands on its other side
//! blocks or ends; then the lender runs again, and finds out why in its [`Stop`].
//!
//! | what happens | what changes |
//! | --- | --- |
//! | dispatch, help | the chain grows, past lenders in the middle of a loan, to who runs |
//! | blocking, ending, giving way | its last link ends |
//! | time passes ([`Contexts::pass`]) | all loans of the chain shrink together, and sleepers wake; the first exhausted link ends |
//! | somebody is ready again | its scheduler has news; if that waits for news, or its loan is [`EndedBy`] them, it is ready or its link ends |
//!
//! After each change [`Contexts::running`] says who runs. Times are counts of a clock; what a count is worth is not known here.
//!
//! # Several CPUs
//!
//! Each has a chain of its own, and a context is a link of one chain at most: whoever would lend it time elsewhere is refused, or gives
//! way. Only what happens on a CPU changes its chain. What happens on another one can make a link of it *due*; it ends when that CPU calls
//! [`Contexts::pass`], which [`Contexts::to_tell`] says has to be told. A sleeper is woken by the CPU on which it ran last.

mod account;
mod chain;
mod context;
mod news;
mod places;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use account::Account;
use chain::Chain;
pub use context::{Activity, End, Reason, Stop, Token};
use context::{Context, Loan, State};
use news::Processor;
pub use news::{Change, News};
pub use places::Places;

/// Contexts that exist at the same time, the roots included.
pub const CONTEXTS: usize = 320;
/// What tokens of one slot differ by: a power of two, because slots are looked for all the time.
const STRIDE: u64 = CONTEXTS.next_power_of_two() as u64;
/// CPUs, each of which has a root.
pub const CPUS: usize = 64;
/// Links of a chain.
pub const DEPTH: usize = 16;
/// A loan without end.
pub const UNLIMITED: u64 = u64::MAX;

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
    /// Which news end it.
    pub ended_by: EndedBy,
}

/// Which news end a loan before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// None.
    Nothing,
    /// Those that are not the doing of who runs on it: what devices, clocks, and other CPUs bring.
    Others {
        /// So many counts later its own doing ends the loan, too, if it is not at its end before.
        own_after: u64,
    },
    /// All.
    Anybody,
}

/// All contexts.
#[derive(Debug)]
pub struct Contexts {
    /// As many as there were contexts at the same time, and room for all.
    slots: Vec<Option<Context>>,
    /// Added to the next context's token, so that tokens are not used again.
    generation: u64,
    processors: Vec<Processor>,
    accounts: Vec<Account>,
    /// By the numbers of their CPUs.
    chains: Vec<Chain>,
    /// Counts for which a helper lends time; 0 if nobody helps.
    help: u64,
}

/// Not inlined: there would be two dozen copies.
#[cold]
#[inline(never)]
fn unknown() -> ! {
    panic!("links and lists name contexts that exist")
}

impl Contexts {
    /// CPU 0 with its root context alone, which runs. Helping lasts `help` counts; if these are 0, whoever waits for a lock gives way
    /// and nothing more. There is one principal.
    pub fn new(now: u64, help: u64) -> Self {
        let mut contexts = Contexts {
            slots: Vec::with_capacity(CONTEXTS),
            generation: 0,
            processors: Vec::new(),
            accounts: Vec::new(),
            chains: Vec::new(),
            help,
        };
        contexts.open_accounts(1);
        contexts.add_cpu(now).expect("all slots are free");
        contexts
    }

    /// Another CPU, whose root context runs. Returns its number; `None` if there are too many, or too many contexts.
    pub fn add_cpu(&mut self, now: u64) -> Option<usize> {
        let cpu = self.chains.len();
        if cpu == CPUS {
            return None;
        }
        let root = self.insert(0, Places::ROOT)?;
        let context = self.known(root);
        (context.is_link, context.cpu) = (true, cpu);
        self.chains.push(Chain::new(now, root));
        Some(cpu)
    }

    /// How many CPUs there are.
    pub fn cpus(&self) -> usize {
        self.chains.len()
    }

    /// Whoever runs on a CPU.
    #[inline]
    pub fn running(&self, cpu: usize) -> Token {
        self.chains[cpu].last()
    }

    /// Whether nobody runs on a CPU but the root.
    #[inline]
    pub fn is_idle(&self, cpu: usize) -> bool {
        self.chains[cpu].links.len() == 1
    }

    /// Whether a link of a CPU's chain is to end, or can begin: [`Contexts::pass`] has to be called there soon.
    pub fn is_due(&self, cpu: usize) -> bool {
        let chain = &self.chains[cpu];
        chain.due.is_some()
            || self.is_idle(cpu) && chain.guest.is_some_and(|guest| self.is_free(guest))
    }

    /// The CPUs that have to be told to call [`Contexts::pass`], because of what happened on another one: a bit for each. Each is
    /// named once, until it has called it.
    pub fn to_tell(&mut self, own: usize) -> u64 {
        let mut cpus = 0;
        for cpu in 0..self.chains.len() {
            if cpu != own && !self.chains[cpu].told && self.is_due(cpu) {
                self.chains[cpu].told = true;
                cpus |= 1 << cpu;
            }
        }
        cpus
    }

    /// The number of a context's slot, which is below [`CONTEXTS`]. Of what is no token it may be larger.
    #[inline]
    pub fn slot(token: Token) -> usize {
        (token % STRIDE) as usize
    }

    /// A new context that is ready, at that one of its places that has the fewest. The processor's host hears of it. `None` if there
    /// are too many.
    pub fn add(&mut self, places: Places, principal: usize) -> Option<Token> {
        let token = self.insert(principal, places)?;
        self.note(token);
        Some(token)
    }

    fn insert(&mut self, principal: usize, places: Places) -> Option<Token> {
        let processor = self.emptiest(places);
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if slot == CONTEXTS {
            return None;
        }
        self.generation += 1;
        // Above every number of a CPU, and above any small number that somebody may take for a token.
        let token = (self.generation + 64) * STRIDE + slot as u64;
        let context = Some(Context::new(token, principal, places, processor));
        match self.slots.get_mut(slot) {
            Some(free) => *free = context,
            None => self.slots.push(context),
        }
        Some(token)
    }

    #[inline(always)]
    fn get(&self, token: Token) -> Option<&Context> {
        self.slots.get(Self::slot(token))?.as_ref().filter(|context| context.token == token)
    }

    fn find(&mut self, token: Token) -> Option<&mut Context> {
        self.slots.get_mut(Self::slot(token))?.as_mut().filter(|context| context.token == token)
    }

    /// A context that is known to exist.
    #[inline(always)]
    fn known(&mut self, token: Token) -> &mut Context {
        match self.slots.get_mut(Self::slot(token)) {
            Some(Some(context)) => context,
            _ => unknown(),
        }
    }

    /// Whom a CPU's root lends its time as soon as the CPU calls [`Contexts::pass`].
    pub fn set_guest(&mut self, cpu: usize, guest: Token) {
        let chain = &mut self.chains[cpu];
        chain.guest = Some(guest);
        if chain.links.get(1).is_some_and(|old| *old != guest) {
            chain.is_due_at(0);
        }
    }

    /// Lets `guest` run on the time of who runs on a CPU, which has to be the host of `processor`. Without a guest the host waits for news or until
    /// `terms.until`; unless `terms.ended_by` is nothing, a context that waits for its turn at another processor and may be at this one is moved
    /// here, which is news. How it went is the host's [`Contexts::stop_of`] when it runs again.
    pub fn dispatch(
        &mut self,
        cpu: usize,
        now: u64,
        processor: usize,
        guest: Option<Token>,
        terms: Terms,
    ) -> Result<(), Refusal> {
        self.charge(cpu, now);
        let host = self.running(cpu);
        let place = self.processors.get(processor).filter(|place| place.host == Some(host));
        let has_news = place.ok_or(Refusal::NotTheHost)?.has_news();
        if let Some(guest) = guest {
            let context = self.get(guest).filter(|context| context.processor == processor);
            let context = context.ok_or(Refusal::Unknown)?;
            if !self.is_free(guest) || context.dispatcher.is_some() {
                return Err(Refusal::NotReady);
            }
            if !self.fits(cpu, guest) {
                return Err(Refusal::TooDeep);
            }
        }
        match guest {
            _ if has_news && (terms.ended_by != EndedBy::Nothing || guest.is_none()) => {
                self.known(host).stop = Stop { reason: Reason::Preempted, used: 0 };
            }
            None if terms.ended_by != EndedBy::Nothing && self.take_over(processor) => {
                self.known(host).stop = Stop { reason: Reason::Preempted, used: 0 };
            }
            None => {
                self.known(host).awaits_news = true;
                self.block(cpu, now, terms.until);
            }
            Some(guest) => {
                let Terms { budget, until, ended_by } = terms;
                self.known(guest).dispatcher = Some(host);
                let loan = Loan { to: guest, help: false, left: budget, until, ended_by, used: 0 };
                self.known(host).state = State::Lends(loan);
                self.settle(cpu);
                self.offer(processor);
            }
        }
        Ok(())
    }

    /// Who runs on a CPU waits for a lock that `holder` has: the holder runs on its time for a while. The waiter looks at the lock
    /// again when it runs the next time. It gives way if the holder cannot be helped, or runs already.
    pub fn help(&mut self, cpu: usize, now: u64, holder: Token) {
        self.charge(cpu, now);
        let helper = self.running(cpu);
        let is_possible = !self.is_idle(cpu) && self.is_free(holder) && self.fits(cpu, holder);
        if self.help == 0 || !is_possible {
            return self.give_way(cpu, now);
        }
        let loan = Loan {
            to: holder,
            help: true,
            left: self.help,
            until: UNLIMITED,
            ended_by: EndedBy::Nothing,
            used: 0,
        };
        self.known(helper).state = State::Lends(loan);
        self.settle(cpu);
    }

    /// Whether who runs on a CPU does so on the time of one that waits for its lock.
    pub fn is_helped(&self, cpu: usize) -> bool {
        let links = &self.chains[cpu].links;
        let lender = links.len().checked_sub(2).and_then(|lender| self.get(links[lender]));
        lender.and_then(|lender| lender.state.loan()).is_some_and(|loan| loan.help)
    }

    /// Who runs on a CPU has let go of its lock: whoever lends it time for that goes on.
    pub fn let_go(&mut self, cpu: usize, now: u64) {
        self.charge(cpu, now);
        if self.is_helped(cpu) {
            self.cut(cpu, self.chains[cpu].links.len() - 2, Reason::Preempted);
            self.settle(cpu);
        }
    }

    /// Who runs on a CPU blocks until [`Contexts::wake`], or until the clock shows `until`.
    pub fn block(&mut self, cpu: usize, now: u64, until: u64) {
        self.charge(cpu, now);
        assert!(!self.is_idle(cpu), "a root context does not block");
        let blocked = self.running(cpu);
        self.known(blocked).state = State::Blocked { until };
        let chain = &mut self.chains[cpu];
        chain.next_wake = chain.next_wake.min(until);
        self.leave(cpu, Reason::Blocked);
    }

    /// Who runs on a CPU ends. Its token means nobody from now on.
    pub fn end(&mut self, cpu: usize, now: u64, how: End) {
        self.charge(cpu, now);
        assert!(!self.is_idle(cpu), "a root context does not end");
        let ended = self.running(cpu);
        self.known(ended).state = State::Ended;
        self.leave(cpu, Reason::Ended(how));
    }

    /// Who runs on a CPU lets its lender go on, and stays ready.
    pub fn give_way(&mut self, cpu: usize, now: u64) {
        self.charge(cpu, now);
        if !self.is_idle(cpu) {
            self.cut(cpu, self.chains[cpu].links.len() - 2, Reason::Yielded);
            self.settle(cpu);
        }
    }

    /// Time has passed on a CPU: charges it, wakes who slept long enough, and ends the first link that is exhausted or due.
    pub fn pass(&mut self, cpu: usize, now: u64) {
        self.charge(cpu, now);
        self.wake_sleepers(cpu, now);
        let chain = &mut self.chains[cpu];
        chain.told = false;
        let due = chain.due.take().unwrap_or(usize::MAX);
        let links = chain.links.len() - 1;
        let end = (0..links).find_map(|level| {
            let loan = self.get(self.chains[cpu].links[level])?.state.loan()?;
            let reason = match loan {
                loan if loan.left == 0 => Reason::Spent,
                loan if loan.until <= now => Reason::Deadline,
                _ if level >= due => Reason::Preempted,
                _ => return None,
            };
            Some((level, reason))
        });
        if let Some((level, reason)) = end {
            self.cut(cpu, level, reason);
        }
        self.settle(cpu);
    }

    /// The clock's count at which [`Contexts::pass`] has to be called on a CPU at the latest, if nothing changes.
    pub fn next_event(&self, cpu: usize) -> u64 {
        let chain = &self.chains[cpu];
        let loans = chain.links.iter().filter_map(|lender| self.get(*lender)?.state.loan());
        let end = |loan: &Loan| loan.until.min(chain.charged.saturating_add(loan.left));
        loans.map(end).fold(chain.next_wake, u64::min)
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

    /// The CPU on which a context runs, or ran last.
    pub fn cpu_of(&self, token: Token) -> Option<usize> {
        self.get(token).map(|context| context.cpu)
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
        self.wake_by(None, token);
    }

    /// The same, as the doing of who runs on a CPU, if one is named.
    pub fn wake_by(&mut self, cpu: Option<usize>, token: Token) {
        let Some(context) = self.find(token) else { return };
        if matches!(context.state, State::Blocked { .. }) {
            context.state = State::Ready;
            if core::mem::take(&mut context.awaits_news) {
                context.stop = Stop { reason: Reason::Preempted, used: 0 };
            }
            self.note_by(cpu, token);
        }
    }

    /// Wakes those who slept long enough and ran on this CPU last.
    fn wake_sleepers(&mut self, own: usize, now: u64) {
        if now < self.chains[own].next_wake {
            return;
        }
        self.chains[own].next_wake = UNLIMITED;
        for slot in 0..self.slots.len() {
            let Some(&Context { token, cpu, state: State::Blocked { until }, .. }) =
                self.slots[slot].as_ref()
            else {
                continue;
            };
            if cpu != own {
                continue;
            }
            match until <= now {
                true => self.wake(token),
                false => {
                    let chain = &mut self.chains[own];
                    chain.next_wake = chain.next_wake.min(until);
                }
            }
        }
    }
}
