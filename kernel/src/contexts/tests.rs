use std::{collections::HashSet, vec::Vec};

use proptest::prelude::*;

use super::*;

const HELP: u64 = 20;

fn terms(budget: u64) -> Terms {
    Terms { budget, until: UNLIMITED, at_once: false }
}

fn at_once(budget: u64) -> Terms {
    Terms { at_once: true, ..terms(budget) }
}

/// A root scheduler that hosts processor 0, and so many contexts that have arrived there and of which it has heard.
fn system<const N: usize>() -> (Contexts, Token, [Token; N]) {
    let mut contexts = Contexts::new(0, HELP);
    contexts.open_accounts(8);
    let processor = contexts.add_processor();
    let host = contexts.add(None, 0).unwrap();
    contexts.set_guest(0, host);
    contexts.set_host(processor, host);
    let all = core::array::from_fn(|index| contexts.add(Some(processor), index + 1).unwrap());
    while contexts.next_news(processor).is_some() {}
    assert_eq!(contexts.running(), host);
    (contexts, host, all)
}

fn news(contexts: &mut Contexts, processor: usize) -> Vec<(Token, Change)> {
    core::iter::from_fn(|| contexts.next_news(processor))
        .map(|news| (news.context, news.change))
        .collect()
}

#[test]
fn a_dispatched_context_runs_until_its_budget_is_spent() {
    let (mut contexts, host, [one]) = system();
    contexts.dispatch(10, 0, Some(one), terms(100)).unwrap();
    assert_eq!((contexts.running(), contexts.next_event()), (one, 110));
    contexts.pass(60);
    assert_eq!(contexts.running(), one);
    contexts.pass(110);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Spent, used: 100 });
    assert_eq!(contexts.accounts()[1].used, 100);
    assert_eq!(contexts.accounts()[0].used, 10);
}

#[test]
fn blocking_returns_to_the_host_and_waking_is_news() {
    let (mut contexts, host, [one]) = system();
    contexts.dispatch(0, 0, Some(one), terms(100)).unwrap();
    contexts.block(5, UNLIMITED);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Blocked, used: 5 });
    assert_eq!(contexts.dispatch(5, 0, Some(one), terms(100)), Err(Refusal::NotReady));
    contexts.dispatch(6, 0, None, terms(0)).unwrap();
    assert!(contexts.is_idle());
    contexts.wake(one);
    assert!(contexts.is_due());
    contexts.pass(50);
    assert_eq!((contexts.running(), contexts.idle()), (host, 44));
    assert_eq!(news(&mut contexts, 0), [(one, Change::Ready)]);
}

#[test]
fn news_end_a_dispatch_that_wants_them_at_once_and_no_other() {
    let (mut contexts, host, [one, two]) = system();
    contexts.dispatch(0, 0, Some(one), terms(100)).unwrap();
    contexts.block(0, 30);
    contexts.dispatch(0, 0, Some(two), terms(1000)).unwrap();
    contexts.pass(40);
    assert_eq!(contexts.running(), two);
    contexts.pass(1000);
    assert_eq!(contexts.stop_of(host).reason, Reason::Spent);
    contexts.dispatch(1000, 0, Some(two), at_once(1000)).unwrap();
    assert_eq!(contexts.running(), host, "there were news already");
    assert_eq!(news(&mut contexts, 0), [(one, Change::Ready)]);
    contexts.dispatch(1000, 0, Some(one), terms(100)).unwrap();
    contexts.block(1000, 2000);
    contexts.dispatch(1000, 0, Some(two), at_once(5000)).unwrap();
    contexts.pass(2000);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Preempted, used: 1000 });
}

#[test]
fn a_stacked_scheduler_goes_on_where_it_was() {
    let (mut contexts, host, [inner, other]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Some(processor), 5).unwrap();
    contexts.dispatch(0, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(news(&mut contexts, processor), [(leaf, Change::Arrived)]);
    contexts.dispatch(10, processor, Some(leaf), terms(1000)).unwrap();
    contexts.pass(100);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Spent, used: 100 });
    contexts.dispatch(100, 0, Some(other), terms(100)).unwrap();
    contexts.pass(200);
    contexts.dispatch(200, 0, Some(inner), terms(2000)).unwrap();
    assert_eq!(contexts.running(), leaf);
    contexts.pass(1110);
    assert_eq!(contexts.running(), inner, "the leaf has used its 1000 counts");
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Spent, used: 1000 });
    assert_eq!(contexts.accounts()[5].used, 1000);
}

#[test]
fn a_preempted_scheduler_with_news_goes_on_itself() {
    let (mut contexts, _, [inner]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Some(processor), 5).unwrap();
    contexts.dispatch(0, 0, Some(inner), terms(100)).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, processor, Some(leaf), at_once(1000)).unwrap();
    contexts.pass(100);
    contexts.add(Some(processor), 6).unwrap();
    contexts.dispatch(100, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(contexts.running(), inner);
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Preempted, used: 100 });
}

#[test]
fn a_waiter_lends_its_time_and_pays_for_it() {
    let (mut contexts, host, [waiter, holder]) = system();
    contexts.dispatch(0, 0, Some(waiter), terms(100)).unwrap();
    contexts.help(10, holder);
    assert_eq!((contexts.running(), contexts.next_event()), (holder, 30));
    contexts.pass(30);
    assert_eq!(contexts.running(), waiter);
    contexts.help(30, holder);
    contexts.block(35, UNLIMITED);
    assert_eq!(contexts.running(), waiter, "the holder has let go and blocks on the waiter's time");
    contexts.pass(100);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.accounts()[1], Account { used: 100, helped: 25 });
    assert_eq!(contexts.accounts()[2], Account::default());
    assert_eq!(news(&mut contexts, 0), [(holder, Change::Blocked)]);
}

#[test]
fn help_goes_along_chains_of_waiters() {
    let (mut contexts, host, [first, second, third]) = system();
    contexts.dispatch(0, 0, Some(second), terms(5)).unwrap();
    contexts.help(0, third);
    contexts.pass(5);
    assert_eq!(contexts.running(), host);
    contexts.dispatch(5, 0, Some(first), terms(100)).unwrap();
    contexts.help(5, second);
    assert_eq!(contexts.running(), second, "its help ended with its time: it looks at the lock");
    contexts.help(6, third);
    assert_eq!(contexts.running(), third);
    contexts.pass(16);
    assert_eq!(contexts.accounts()[1].helped, 11, "the first waiter pays");
    contexts.pass(25);
    assert_eq!(contexts.running(), first);
}

#[test]
fn waiters_for_each_other_give_way() {
    let (mut contexts, host, [one, two]) = system();
    contexts.dispatch(0, 0, Some(one), terms(100)).unwrap();
    contexts.help(0, two);
    contexts.help(1, one);
    assert_eq!(contexts.running(), one, "the second one gave its time back");
    contexts.help(1, one);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.stop_of(host).reason, Reason::Yielded);
}

#[test]
fn a_helped_context_that_was_dispatched_and_preempted_is_the_old_dispatchers_to_know() {
    let (mut contexts, host, [inner, waiter]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Some(processor), 5).unwrap();
    contexts.dispatch(0, 0, Some(inner), terms(10)).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, processor, Some(leaf), terms(1000)).unwrap();
    contexts.pass(10);
    contexts.dispatch(10, 0, Some(waiter), terms(100)).unwrap();
    contexts.help(10, leaf);
    contexts.block(15, UNLIMITED);
    assert_eq!(contexts.running(), waiter);
    contexts.block(16, UNLIMITED);
    assert_eq!(contexts.running(), host);
    contexts.dispatch(16, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(contexts.running(), inner);
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Blocked, used: 10 });
}

#[test]
fn the_end_is_told_once_and_frees_the_slot() {
    let (mut contexts, host, [one]) = system();
    contexts.dispatch(0, 0, Some(one), terms(100)).unwrap();
    contexts.end(7, End::Faulted);
    assert_eq!(contexts.running(), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Ended(End::Faulted), used: 7 });
    assert_eq!(news(&mut contexts, 0), []);
    let next = contexts.add(Some(0), 1).unwrap();
    assert_eq!(Contexts::slot(next), Contexts::slot(one));
    assert_ne!(next, one);
    contexts.wake(one);
    assert_eq!(contexts.dispatch(7, 0, Some(one), terms(100)), Err(Refusal::Unknown));
}

#[test]
fn only_the_host_dispatches_and_only_its_own() {
    let (mut contexts, host, [one, two]) = system();
    let other = contexts.add_processor();
    let stranger = contexts.add(Some(other), 1).unwrap();
    assert_eq!(contexts.dispatch(0, 0, Some(stranger), terms(1)), Err(Refusal::Unknown));
    assert_eq!(contexts.dispatch(0, 0, Some(host), terms(1)), Err(Refusal::Unknown));
    assert_eq!(contexts.dispatch(0, other, Some(stranger), terms(1)), Err(Refusal::NotTheHost));
    assert_eq!(contexts.dispatch(0, 9, Some(one), terms(1)), Err(Refusal::NotTheHost));
    contexts.dispatch(0, 0, Some(one), terms(10)).unwrap();
    assert_eq!(contexts.dispatch(0, 0, Some(two), terms(1)), Err(Refusal::NotTheHost));
}

#[test]
fn chains_have_an_end() {
    let mut contexts = Contexts::new(0, HELP);
    let mut processor = contexts.add_processor();
    let host = contexts.add(None, 0).unwrap();
    contexts.set_guest(0, host);
    contexts.set_host(processor, host);
    let mut refused = None;
    for _ in 0..DEPTH {
        let next = contexts.add(Some(processor), 0).unwrap();
        while contexts.next_news(processor).is_some() {}
        if let Err(refusal) = contexts.dispatch(0, processor, Some(next), terms(UNLIMITED)) {
            refused = Some(refusal);
            break;
        }
        processor = contexts.add_processor();
        contexts.set_host(processor, next);
    }
    assert_eq!(refused, Some(Refusal::TooDeep));
}

#[test]
fn contexts_of_a_dead_scheduler_arrive_at_the_one_above() {
    let (mut contexts, host, [inner]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Some(processor), 5).unwrap();
    let sleeper = contexts.add(Some(processor), 5).unwrap();
    contexts.dispatch(0, 0, Some(inner), terms(100)).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, processor, Some(sleeper), terms(100)).unwrap();
    contexts.block(0, UNLIMITED);
    contexts.move_all(processor, 0);
    contexts.end(1, End::Faulted);
    assert_eq!(contexts.running(), host);
    assert_eq!(news(&mut contexts, 0), [(leaf, Change::Arrived)]);
    contexts.wake(sleeper);
    assert_eq!(news(&mut contexts, 0), [(sleeper, Change::Arrived)]);
}

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Dispatch { guest: usize, budget: u64, at_once: bool },
    Await { time: u64 },
    Block { time: u64 },
    Wake { who: usize },
    Help { holder: usize },
    GiveWay,
    End,
    Add { processor: usize },
    Pass { time: u64 },
    Relaunch { processor: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<usize>(), 0..200u64, any::<bool>())
            .prop_map(|(guest, budget, at_once)| Step::Dispatch { guest, budget, at_once }),
        1 => (0..300u64).prop_map(|time| Step::Await { time }),
        3 => (0..300u64).prop_map(|time| Step::Block { time }),
        3 => any::<usize>().prop_map(|who| Step::Wake { who }),
        3 => any::<usize>().prop_map(|holder| Step::Help { holder }),
        1 => Just(Step::GiveWay),
        1 => Just(Step::End),
        2 => (0..3usize).prop_map(|processor| Step::Add { processor }),
        6 => (0..150u64).prop_map(|time| Step::Pass { time }),
        1 => (0..3usize).prop_map(|processor| Step::Relaunch { processor }),
    ]
}

/// Three processors, one below the other, and what happens to them.
struct World {
    contexts: Contexts,
    hosts: [Token; 3],
    leaves: Vec<Token>,
    now: u64,
}

impl World {
    fn new() -> Self {
        let mut contexts = Contexts::new(0, HELP);
        contexts.open_accounts(4);
        let processors: [usize; 3] = core::array::from_fn(|_| contexts.add_processor());
        let root = contexts.add(None, 0).unwrap();
        contexts.set_guest(0, root);
        let hosts = [root, contexts.add(Some(0), 0).unwrap(), contexts.add(Some(1), 0).unwrap()];
        for (processor, host) in processors.into_iter().zip(hosts) {
            contexts.set_host(processor, host);
        }
        World { contexts, hosts, leaves: Vec::new(), now: 0 }
    }

    /// The processor of which who runs is the host, if it is one.
    fn hosted(&self) -> Option<usize> {
        self.hosts.iter().position(|host| *host == self.contexts.running())
    }

    fn anybody(&self, number: usize) -> Token {
        let all: Vec<Token> = self.hosts.iter().chain(&self.leaves).copied().collect();
        all[number % all.len()]
    }

    fn take(&mut self, step: Step) {
        self.now += 1;
        let now = self.now;
        let is_leaf = !self.contexts.is_idle() && self.hosted().is_none();
        match step {
            Step::Dispatch { guest, budget, at_once } => {
                let Some(processor) = self.hosted() else { return };
                while self.contexts.next_news(processor).is_some() {}
                let guest = Some(self.anybody(guest));
                let terms = Terms { at_once, ..terms(budget) };
                let _ = self.contexts.dispatch(now, processor, guest, terms);
            }
            Step::Await { time } => {
                let Some(processor) = self.hosted() else { return };
                let terms = Terms { until: now + time, ..terms(0) };
                self.contexts.dispatch(now, processor, None, terms).unwrap();
            }
            Step::Block { time } if is_leaf => self.contexts.block(now, now + time),
            Step::Wake { who } => self.contexts.wake(self.anybody(who)),
            Step::Help { holder } if !self.contexts.is_idle() => {
                self.contexts.help(now, self.anybody(holder));
            }
            Step::GiveWay => self.contexts.give_way(now),
            Step::End if is_leaf => {
                let running = self.contexts.running();
                self.leaves.retain(|leaf| *leaf != running);
                self.contexts.end(now, End::Finished);
            }
            Step::Add { processor } => {
                let room = self.leaves.len() < 20;
                let leaf =
                    room.then(|| self.contexts.add(Some(processor), 1 + processor)).flatten();
                self.leaves.extend(leaf);
            }
            Step::Pass { time } => {
                self.now += time;
                self.contexts.pass(self.now);
            }
            Step::Relaunch { processor } if self.hosted() == Some(processor) => {
                self.contexts.set_host(processor, self.hosts[processor]);
            }
            Step::Block { .. } | Step::Help { .. } | Step::End | Step::Relaunch { .. } => (),
        }
    }

    fn check(&self) {
        let contexts = &self.contexts;
        let chain = &contexts.chain;
        assert_eq!(
            chain.iter().collect::<HashSet<_>>().len(),
            chain.len(),
            "nobody is in it twice"
        );
        for pair in chain.windows(2) {
            let loan = contexts.get(pair[0]).unwrap().state.loan().expect("each link is a loan");
            assert_eq!(loan.to, pair[1]);
        }
        let last = contexts.get(contexts.running()).unwrap();
        assert!(matches!(last.state, State::Ready), "who runs lends nothing");
        let charged: u64 = contexts.accounts().iter().map(|account| account.used).sum();
        assert_eq!(charged + contexts.idle(), contexts.charged, "each count is charged once");
        for context in contexts.slots.iter().flatten() {
            if let Some(loan) = context.state.loan()
                && !loan.help
                && context.token != chain[0]
            {
                let guest = contexts.get(loan.to).unwrap();
                assert_eq!(guest.dispatcher, Some(context.token));
                assert!(guest.state.can_run());
            }
            if let Some(dispatcher) = context.dispatcher {
                let loan = contexts.get(dispatcher).unwrap().state.loan().unwrap();
                assert!(!loan.help && loan.to == context.token);
            }
            let knows = match context.state {
                State::Ready | State::Lends(_) => context.told == context::Told::Ready,
                State::Blocked { .. } => context.told != context::Told::Ready,
                State::Ended => false,
            };
            assert!(knows || context.listed || context.processor == NOWHERE, "{context:?}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_books_balance(steps in prop::collection::vec(step(), 1..400)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            // The machine does what is due before anybody goes on.
            if world.contexts.is_due() {
                world.contexts.pass(world.now);
            }
            world.check();
        }
    }
}
