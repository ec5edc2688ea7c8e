//! The processor.

use std::collections::VecDeque;

use warren_idl::{ContextNews, DispatchError, Outcome, Terms};
use warren_scheduling::{Dispatch, Dispatcher, Policy, run};

use crate::{Disturbance, History, Span, Step, Task};

/// Dispatches in a row in which no time passes, after which the scheduler counts as hung.
const PATIENCE: usize = 10_000;

/// Runs a scheduler with this policy over contexts that do these tasks, until `end_ns`.
///
/// # Panics
///
/// If the scheduler returns before, or goes round without time passing.
pub fn simulate(tasks: Vec<Task>, policy: impl Policy, end_ns: u64) -> History {
    simulate_at_cost(tasks, policy, end_ns, 0)
}

/// The same on a processor on which each dispatch takes `cost_ns` before the context runs. Nobody is charged for that.
///
/// # Panics
///
/// As [`simulate`] does.
pub fn simulate_at_cost(
    tasks: Vec<Task>,
    policy: impl Policy,
    end_ns: u64,
    cost_ns: u64,
) -> History {
    let mut processor = Processor::new(tasks, end_ns, cost_ns);
    let ended = run(&mut processor, policy);
    assert_eq!(ended, Err(Processor::END), "the scheduler gave up at {} ns", processor.now_ns);
    processor.finish()
}

struct Processor {
    now_ns: u64,
    end_ns: u64,
    cost_ns: u64,
    contexts: Vec<Context>,
    /// Contexts of which there are news.
    news: VecDeque<usize>,
    history: History,
    /// Dispatches since time has passed.
    idle_dispatches: usize,
}

struct Context {
    task: Task,
    /// The step that is under way or comes next.
    step: usize,
    /// What is left of a step that computes.
    left_ns: u64,
    state: State,
    /// What its scheduler has not heard yet.
    news: u32,
    ready_since_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Ready,
    Waiting { until_ns: u64 },
    Gone,
}

impl Context {
    fn new(task: Task) -> Self {
        let left_ns = match task.steps.first() {
            Some(Step::Compute(length_ns)) => *length_ns,
            _ => 0,
        };
        Context { task, step: 0, left_ns, state: State::Absent, news: 0, ready_since_ns: 0 }
    }

    /// The step that is under way.
    fn current(&self) -> Step {
        self.task.steps.get(self.step).copied().unwrap_or(Step::Compute(u64::MAX))
    }

    fn next_step(&mut self) {
        self.step = (self.step + 1) % self.task.steps.len().max(1);
        if let Step::Compute(length_ns) = self.current() {
            self.left_ns = length_ns;
        }
    }

    /// When something happens to it of which it is not the cause.
    fn event_ns(&self) -> Option<u64> {
        let own = match self.state {
            State::Absent => Some(self.task.arrives_ns),
            State::Ready => None,
            State::Waiting { until_ns } => Some(until_ns),
            State::Gone => return None,
        };
        let others = self.task.disturbances.iter().map(|disturbance| match disturbance {
            Disturbance::Lent(at_ns, _) | Disturbance::Killed(at_ns) => *at_ns,
        });
        own.into_iter().chain(others).min()
    }
}

impl Processor {
    /// How a simulation ends.
    const END: DispatchError = DispatchError::NotTheHost;

    fn new(tasks: Vec<Task>, end_ns: u64, cost_ns: u64) -> Self {
        let history = History { ready: vec![Vec::new(); tasks.len()], ..History::default() };
        let contexts = tasks.into_iter().map(Context::new).collect();
        let news = VecDeque::new();
        let mut processor =
            Processor { now_ns: 0, end_ns, cost_ns, contexts, news, history, idle_dispatches: 0 };
        processor.events();
        processor
    }

    fn finish(mut self) -> History {
        for context in 0..self.contexts.len() {
            self.set_state(context, State::Gone);
        }
        self.history
    }

    fn set_state(&mut self, context: usize, state: State) {
        let at = &mut self.contexts[context];
        let was_ready = at.state == State::Ready;
        at.state = state;
        if was_ready && state != State::Ready && at.ready_since_ns < self.now_ns {
            let span = Span { from_ns: at.ready_since_ns, to_ns: self.now_ns };
            self.history.ready[context].push(span);
        }
        if !was_ready && state == State::Ready {
            at.ready_since_ns = self.now_ns;
        }
    }

    fn tell(&mut self, context: usize, kind: u32) {
        let news = &mut self.contexts[context].news;
        if *news == 0 {
            self.news.push_back(context);
        }
        *news = kind;
    }

    /// Lets everything happen whose time has come.
    fn events(&mut self) {
        for context in 0..self.contexts.len() {
            while self.contexts[context].event_ns().is_some_and(|at_ns| at_ns <= self.now_ns) {
                self.event(context);
            }
        }
    }

    fn event(&mut self, context: usize) {
        match self.contexts[context].state {
            State::Absent if self.contexts[context].task.arrives_ns <= self.now_ns => {
                self.set_state(context, State::Ready);
                self.tell(context, ContextNews::ARRIVED);
            }
            State::Waiting { until_ns } if until_ns <= self.now_ns => {
                self.set_state(context, State::Ready);
                self.tell(context, ContextNews::READY);
            }
            _ => self.disturb(context),
        }
    }

    /// The first disturbance whose time has come.
    fn disturb(&mut self, context: usize) {
        let now_ns = self.now_ns;
        let is_due = |disturbance: &Disturbance| match disturbance {
            Disturbance::Lent(at_ns, _) | Disturbance::Killed(at_ns) => *at_ns <= now_ns,
        };
        let at = &mut self.contexts[context];
        let Some(position) = at.task.disturbances.iter().position(is_due) else { return };
        match (at.task.disturbances.remove(position), at.state) {
            (Disturbance::Lent(_, wait_ns), State::Ready) => {
                self.set_state(context, State::Waiting { until_ns: now_ns + wait_ns });
                self.tell(context, ContextNews::BLOCKED);
            }
            (Disturbance::Killed(_), State::Ready | State::Waiting { .. }) => {
                self.set_state(context, State::Gone);
                self.tell(context, ContextNews::GONE);
            }
            // It is not in a state in which that can happen.
            _ => (),
        }
    }

    /// Lets time pass, for a context or for nobody.
    fn pass(&mut self, context: Option<usize>, until_ns: u64) {
        let span = Span { from_ns: self.now_ns, to_ns: until_ns };
        if span.length_ns() > 0 {
            self.idle_dispatches = 0;
            self.history.ran.extend(context.map(|context| (context, span)));
        }
        self.now_ns = until_ns;
    }

    /// When the next thing happens, or the simulation ends.
    fn next_event_ns(&self) -> u64 {
        self.contexts
            .iter()
            .filter_map(Context::event_ns)
            .min()
            .unwrap_or(u64::MAX)
            .min(self.end_ns)
    }

    fn context(&self, number: u64) -> Result<usize, DispatchError> {
        let context = number.checked_sub(1).ok_or(DispatchError::Unknown)? as usize;
        match self.contexts.get(context).ok_or(DispatchError::Unknown)?.state {
            State::Absent | State::Gone => Err(DispatchError::Unknown),
            _ => Ok(context),
        }
    }

    fn wait(&mut self, until_ns: u64) -> u32 {
        loop {
            if !self.news.is_empty() {
                return Outcome::PREEMPTED;
            }
            if self.now_ns >= until_ns || self.now_ns >= self.end_ns {
                return Outcome::DEADLINE;
            }
            self.pass(None, self.next_event_ns().min(until_ns));
            self.events();
        }
    }

    /// Lets a context run, and says why it stopped.
    fn execute(&mut self, context: usize, budget_ns: u64, until_ns: u64) -> u32 {
        let spent_ns = self.now_ns.saturating_add(budget_ns);
        loop {
            if !self.news.is_empty() {
                return Outcome::PREEMPTED;
            }
            if self.now_ns >= until_ns || self.now_ns >= self.end_ns {
                return Outcome::DEADLINE;
            }
            if self.now_ns >= spent_ns {
                return Outcome::SPENT;
            }
            match self.contexts[context].current() {
                Step::Compute(_) if self.contexts[context].left_ns > 0 => {
                    let done_ns = self.now_ns.saturating_add(self.contexts[context].left_ns);
                    let stop_ns = done_ns.min(spent_ns).min(until_ns).min(self.next_event_ns());
                    self.contexts[context].left_ns -= stop_ns - self.now_ns;
                    self.pass(Some(context), stop_ns);
                    self.events();
                    match self.contexts[context].state {
                        State::Ready => (),
                        State::Gone => return Outcome::KILLED,
                        _ => return Outcome::BLOCKED,
                    }
                }
                Step::Compute(_) => self.contexts[context].next_step(),
                Step::Wait(length_ns) => {
                    let until_ns = self.now_ns + length_ns;
                    self.set_state(context, State::Waiting { until_ns });
                    self.contexts[context].next_step();
                    return Outcome::BLOCKED;
                }
                Step::GiveWay => {
                    self.contexts[context].next_step();
                    return Outcome::YIELDED;
                }
                Step::Lock | Step::Unlock => panic!("locks are simulated with the kernel's books"),
                Step::End => {
                    self.set_state(context, State::Gone);
                    return Outcome::FINISHED;
                }
            }
        }
    }

    /// Takes news from the list.
    fn outcome(&mut self, reason: u32, used_ns: u64) -> Outcome {
        let mut outcome = Outcome { reason, used_ns, now_ns: self.now_ns, ..Outcome::default() };
        let count = self.news.len().min(Outcome::NEWS);
        for (context, place) in self.news.drain(..count).zip(&mut outcome.news) {
            let kind = std::mem::take(&mut self.contexts[context].news);
            *place = ContextNews { context: context as u64 + 1, kind, padding: 0 };
        }
        outcome.count = count as u32;
        outcome
    }
}

impl Dispatcher for Processor {
    fn dispatch(&mut self, dispatch: Dispatch) -> Result<Outcome, DispatchError> {
        if self.now_ns >= self.end_ns {
            return Err(Processor::END);
        }
        self.history.dispatches += 1;
        self.idle_dispatches += 1;
        assert!(self.idle_dispatches < PATIENCE, "no time passes after {} ns", self.now_ns);
        assert!(dispatch.budget_ns > 0, "a budget of nothing at {} ns", self.now_ns);
        if dispatch.context == 0 {
            let reason = self.wait(dispatch.until_ns);
            return Ok(self.outcome(reason, 0));
        }
        let context = self.context(dispatch.context).inspect_err(|_| self.history.refused += 1)?;
        if self.contexts[context].state != State::Ready {
            self.history.refused += 1;
            return Err(DispatchError::NotReady);
        }
        self.pass(None, (self.now_ns + self.cost_ns).min(self.end_ns));
        self.events();
        let start_ns = self.now_ns;
        let reason = self.execute(context, dispatch.budget_ns, dispatch.until_ns);
        Ok(self.outcome(reason, self.now_ns - start_ns))
    }

    fn terms(&mut self, context: u64) -> Result<Terms, DispatchError> {
        Ok(self.contexts[self.context(context)?].task.terms)
    }
}
