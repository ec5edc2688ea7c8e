//! Several CPUs: the kernel's own books, a scheduler's loop on each CPU, and contexts that follow their scripts.
//!
//! Each loop runs in a thread of its own, but only between the answer to one of its requests and the next one, and only one of them at
//! a time. So everything happens in an order that the tasks alone decide.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use warren_idl::{ContextNews, DispatchError, Outcome, Terms};
use warren_kernel::contexts::{
    self, Change, Contexts, End, EndedBy, Places, Reason, Refusal, Token,
};
use warren_scheduling::{Dispatch, Dispatcher, Policy, run};

use crate::{History, Span, Step, Task};

/// Requests in a row in which no time passes, after which the schedulers count as hung.
const PATIENCE: usize = 10_000;

/// Runs a scheduler on `cpus` CPUs, with a policy for each, over contexts that do these tasks, until `end_ns`. Contexts with a
/// guarantee stay at one processor, in turn; the others may be at any.
///
/// # Panics
///
/// If one of the loops returns before, or they go on without time passing, or there are disturbances, which are not simulated here.
pub fn simulate_on<P: Policy>(
    cpus: usize,
    tasks: Vec<Task>,
    policy: impl Fn() -> P + Sync,
    end_ns: u64,
) -> History {
    simulate_with(cpus, Waiting::Helps, tasks, policy, end_ns)
}

/// The same, with another way to wait for locks.
///
/// # Panics
///
/// As [`simulate_on`] does.
pub fn simulate_with<P: Policy>(
    cpus: usize,
    waiting: Waiting,
    tasks: Vec<Task>,
    policy: impl Fn() -> P + Sync,
    end_ns: u64,
) -> History {
    assert!(tasks.iter().all(|task| task.disturbances.is_empty()), "disturbances are for one CPU");
    thread::scope(|scope| {
        let loops = (0..cpus).map(|_| {
            let (to_loop, from_machine) = channel();
            let (to_machine, from_loop) = channel();
            let policy = &policy;
            scope.spawn(move || {
                let ended = run(&mut OnCpu { to_machine, from_machine }, policy());
                assert_eq!(ended, Err(END), "a scheduler gave up");
            });
            Loop { to_loop, from_loop, waits: false }
        });
        Machine::new(loops.collect(), waiting, tasks).run(end_ns)
    })
}

/// What a context does that waits for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It lends its time to the holder, as the kernel lets it.
    Helps,
    /// It tries again and again, for this long in between, in nanoseconds.
    Spins(u64),
}

/// For how long a context lends its time before it looks at the lock again, in nanoseconds.
const HELP_NS: u64 = 20_000;

/// How a simulation ends.
const END: DispatchError = DispatchError::NotTheHost;

enum Request {
    Dispatch(Dispatch),
    Terms(u64),
}

enum Answer {
    Dispatch(Result<Outcome, DispatchError>),
    Terms(Result<Terms, DispatchError>),
}

/// The processor of one CPU, as its loop sees it.
struct OnCpu {
    to_machine: Sender<Request>,
    from_machine: Receiver<Answer>,
}

impl Dispatcher for OnCpu {
    fn dispatch(&mut self, dispatch: Dispatch) -> Result<Outcome, DispatchError> {
        let _ = self.to_machine.send(Request::Dispatch(dispatch));
        match self.from_machine.recv() {
            Ok(Answer::Dispatch(answer)) => answer,
            _ => Err(END),
        }
    }

    fn terms(&mut self, context: u64) -> Result<Terms, DispatchError> {
        let _ = self.to_machine.send(Request::Terms(context));
        match self.from_machine.recv() {
            Ok(Answer::Terms(answer)) => answer,
            _ => Err(END),
        }
    }
}

/// The loop of one CPU, as the machine sees it.
struct Loop {
    to_loop: Sender<Answer>,
    from_loop: Receiver<Request>,
    /// Whether it waits for the end of a dispatch.
    waits: bool,
}

struct Machine {
    books: Contexts,
    loops: Vec<Loop>,
    hosts: Vec<Token>,
    tasks: Vec<Task>,
    /// Numbers of tasks, in the order in which they arrive.
    order: Vec<usize>,
    /// Those that have arrived, and where they are in their tasks.
    contexts: BTreeMap<Token, Progress>,
    waiting: Waiting,
    /// Who has the lock.
    holder: Option<Token>,
    /// How many have arrived.
    arrived: usize,
    now_ns: u64,
    history: History,
}

struct Progress {
    task: usize,
    step: usize,
    /// What is left of a step that computes.
    left_ns: u64,
    ready_since_ns: Option<u64>,
}

impl Machine {
    fn new(loops: Vec<Loop>, waiting: Waiting, tasks: Vec<Task>) -> Self {
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_by_key(|number| tasks[*number].arrives_ns);
        let mut books = Contexts::new(0, HELP_NS);
        let hosts = (0..loops.len()).map(|cpu| {
            assert!(cpu == 0 || books.add_cpu(0) == Some(cpu));
            let host = books.add(Places::ROOT, 0).expect("there is room");
            let processor = books.add_processor();
            books.set_guest(cpu, host);
            books.set_host(processor, host);
            books.pass(cpu, 0);
            host
        });
        let hosts = hosts.collect();
        let history = History { ready: vec![Vec::new(); tasks.len()], ..History::default() };
        Machine {
            books,
            loops,
            hosts,
            tasks,
            order,
            contexts: BTreeMap::new(),
            waiting,
            holder: None,
            arrived: 0,
            now_ns: 0,
            history,
        }
    }

    fn run(mut self, end_ns: u64) -> History {
        loop {
            self.arrive();
            self.settle();
            if self.now_ns >= end_ns {
                return self.finish();
            }
            self.advance(self.next_event_ns().min(end_ns));
        }
    }

    /// Takes up the tasks whose time has come.
    fn arrive(&mut self) {
        while let Some(&number) = self.order.get(self.arrived)
            && self.tasks[number].arrives_ns <= self.now_ns
        {
            let task = &self.tasks[number];
            let everywhere = Places { first: 0, count: self.loops.len() };
            let places = match task.terms.slice_ns {
                0 => everywhere,
                _ => everywhere.only(self.arrived),
            };
            let token = self.books.add(places, 0).expect("there is room");
            let left_ns = match task.steps.first() {
                Some(Step::Compute(length_ns)) => *length_ns,
                _ => 0,
            };
            let progress = Progress { task: number, step: 0, left_ns, ready_since_ns: None };
            self.contexts.insert(token, progress);
            self.arrived += 1;
            self.tell(0);
        }
    }

    /// Every CPU that has to hears of what happened on another one.
    fn tell(&mut self, own: usize) {
        let told = self.books.to_tell(own);
        for cpu in 0..self.loops.len() {
            if told & (1 << cpu) != 0 || cpu == own && self.books.is_due(cpu) {
                self.books.pass(cpu, self.now_ns);
            }
        }
    }

    /// Lets everything happen for which no time has to pass.
    fn settle(&mut self) {
        let mut patience = PATIENCE;
        let mut cpu = 0;
        let mut quiet = 0;
        while quiet < self.loops.len() {
            quiet = if self.act(cpu) { 0 } else { quiet + 1 };
            self.tell(cpu);
            cpu = (cpu + 1) % self.loops.len();
            patience -= 1;
            assert!(patience > 0, "no time passes after {} ns", self.now_ns);
        }
        self.note_ready();
    }

    /// Lets who runs on a CPU do something for which no time has to pass. `false` if there is nothing.
    fn act(&mut self, cpu: usize) -> bool {
        let running = self.books.running(cpu);
        if running == self.hosts[cpu] {
            self.serve(cpu);
            return true;
        }
        let Some(progress) = self.contexts.get_mut(&running) else { return false };
        let task = &self.tasks[progress.task];
        let step = task.steps.get(progress.step).copied().unwrap_or(Step::Compute(u64::MAX));
        if task.steps.is_empty() || matches!(step, Step::Compute(_)) && progress.left_ns > 0 {
            return false;
        }
        if step == Step::Lock
            && let Some(holder) = self.holder
        {
            return match self.waiting {
                Waiting::Spins(_) if progress.left_ns > 0 => false,
                Waiting::Spins(length_ns) => {
                    progress.left_ns = length_ns;
                    false
                }
                Waiting::Helps => {
                    self.books.help(cpu, self.now_ns, holder);
                    true
                }
            };
        }
        progress.step = (progress.step + 1) % task.steps.len();
        if let Step::Compute(length_ns) = task.steps[progress.step] {
            progress.left_ns = length_ns;
        }
        let now_ns = self.now_ns;
        match step {
            Step::Compute(_) => (),
            Step::Lock => self.holder = Some(running),
            Step::Unlock => self.holder = None,
            Step::Wait(length_ns) => self.books.block(cpu, now_ns, now_ns + length_ns),
            Step::GiveWay => self.books.give_way(cpu, now_ns),
            Step::End => {
                self.books.end(cpu, now_ns, End::Finished);
                self.note_ready();
                self.contexts.remove(&running);
            }
        }
        true
    }

    /// Answers the loop of a CPU, whose host runs, and does what it asks for next.
    fn serve(&mut self, cpu: usize) {
        if core::mem::take(&mut self.loops[cpu].waits) {
            let outcome = self.outcome(cpu);
            let _ = self.loops[cpu].to_loop.send(Answer::Dispatch(Ok(outcome)));
        }
        let request = self.loops[cpu].from_loop.recv().expect("a scheduler has stopped");
        let answer = match request {
            Request::Terms(context) => {
                let progress = self.contexts.get(&context);
                let terms = progress.map(|progress| self.tasks[progress.task].terms);
                Answer::Terms(terms.ok_or(DispatchError::Unknown))
            }
            Request::Dispatch(Dispatch { context, budget_ns, until_ns, .. }) => {
                self.history.dispatches += 1;
                // No context makes another one ready here.
                let ended_by = EndedBy::Anybody;
                let terms = contexts::Terms { budget: budget_ns, until: until_ns, ended_by };
                let guest = (context != 0).then_some(context);
                match self.books.dispatch(cpu, self.now_ns, cpu, guest, terms) {
                    Ok(()) => {
                        self.loops[cpu].waits = true;
                        return;
                    }
                    Err(Refusal::NotReady) => Answer::Dispatch(Err(DispatchError::NotReady)),
                    Err(_) => Answer::Dispatch(Err(DispatchError::Unknown)),
                }
            }
        };
        self.history.refused += usize::from(matches!(answer, Answer::Dispatch(Err(_))));
        let _ = self.loops[cpu].to_loop.send(answer);
    }

    fn outcome(&mut self, cpu: usize) -> Outcome {
        let stop = self.books.stop_of(self.hosts[cpu]);
        let reason = match stop.reason {
            Reason::Blocked => Outcome::BLOCKED,
            Reason::Preempted => Outcome::PREEMPTED,
            Reason::Spent => Outcome::SPENT,
            Reason::Deadline => Outcome::DEADLINE,
            Reason::Yielded => Outcome::YIELDED,
            Reason::Ended(_) => Outcome::FINISHED,
        };
        let mut outcome =
            Outcome { reason, used_ns: stop.used, now_ns: self.now_ns, ..Outcome::default() };
        for place in &mut outcome.news {
            let Some(news) = self.books.next_news(cpu) else { break };
            let kind = match news.change {
                Change::Arrived => ContextNews::ARRIVED,
                Change::Ready => ContextNews::READY,
                Change::Blocked => ContextNews::BLOCKED,
                Change::Gone => ContextNews::GONE,
            };
            *place = ContextNews { context: news.context, kind, padding: 0 };
            outcome.count += 1;
        }
        outcome
    }

    /// When the next thing happens for which time has to pass.
    fn next_event_ns(&self) -> u64 {
        let arrival = self.order.get(self.arrived).map(|number| self.tasks[*number].arrives_ns);
        let cpus = (0..self.loops.len()).map(|cpu| {
            let running = self.contexts.get(&self.books.running(cpu));
            let computes = running.filter(|progress| !self.tasks[progress.task].steps.is_empty());
            let done_ns = computes.map_or(u64::MAX, |it| self.now_ns.saturating_add(it.left_ns));
            self.books.next_event(cpu).min(done_ns)
        });
        cpus.chain(arrival).min().unwrap_or(u64::MAX)
    }

    /// Lets time pass until `until_ns`.
    fn advance(&mut self, until_ns: u64) {
        let span = Span { from_ns: self.now_ns, to_ns: until_ns };
        let running: Vec<Token> =
            (0..self.loops.len()).map(|cpu| self.books.running(cpu)).collect();
        for token in &running {
            if let Some(progress) = self.contexts.get_mut(token) {
                progress.left_ns = progress.left_ns.saturating_sub(span.length_ns());
                self.history.ran.push((progress.task, span));
            }
        }
        let waits = |(token, progress): (&Token, &Progress)| {
            progress.ready_since_ns.is_some()
                && self.tasks[progress.task].terms.slice_ns == 0
                && !running.contains(token)
        };
        let idles = (0..self.loops.len()).any(|cpu| self.books.is_idle(cpu));
        if idles && self.contexts.iter().any(waits) {
            self.history.stranded_ns += span.length_ns();
        }
        self.now_ns = until_ns;
        for cpu in 0..self.loops.len() {
            self.books.pass(cpu, until_ns);
            self.tell(cpu);
        }
    }

    /// Notes who is ready from now on, or not any more.
    fn note_ready(&mut self) {
        for (token, progress) in &mut self.contexts {
            let is_ready = matches!(
                self.books.activity_of(*token),
                Some(contexts::Activity::Ready | contexts::Activity::Lends)
            );
            match progress.ready_since_ns {
                None if is_ready => progress.ready_since_ns = Some(self.now_ns),
                Some(from_ns) if !is_ready => {
                    let span = Span { from_ns, to_ns: self.now_ns };
                    self.history.ready[progress.task].push(span);
                    progress.ready_since_ns = None;
                }
                _ => (),
            }
        }
    }

    fn finish(mut self) -> History {
        for progress in self.contexts.values() {
            if let Some(from_ns) = progress.ready_since_ns {
                let span = Span { from_ns, to_ns: self.now_ns };
                self.history.ready[progress.task].push(span);
            }
        }
        let used: u64 = self.books.accounts().iter().map(|account| account.used).sum();
        assert_eq!(used + self.books.idle(), self.books.elapsed(), "the books do not balance");
        // Nobody answers the loops from now on, which ends them.
        self.history
    }
}
