//! Whatever happens, the books balance.

use std::{collections::HashSet, vec, vec::Vec};

use proptest::prelude::*;

use super::{super::*, HELP, terms};

/// What may happen next on a CPU.
#[derive(Clone, Debug)]
enum Step {
    Dispatch { guest: usize, budget: u64, ended_by: EndedBy },
    Await { time: u64, ended_by: EndedBy },
    Block { time: u64 },
    Wake { who: usize, by_who_runs: bool },
    Help { holder: usize },
    GiveWay,
    LetGo,
    End,
    Add { processor: usize, anywhere: bool },
    Pass { time: u64 },
    Relaunch,
    Move { who: usize, processor: usize },
    Charge,
}

fn ended_by() -> impl Strategy<Value = EndedBy> {
    prop_oneof![
        Just(EndedBy::Nothing),
        (0..100u64).prop_map(|own_after| EndedBy::Others { own_after }),
        Just(EndedBy::Anybody)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<usize>(), 0..200u64, ended_by())
            .prop_map(|(guest, budget, ended_by)| Step::Dispatch { guest, budget, ended_by }),
        1 => (0..300u64, ended_by()).prop_map(|(time, ended_by)| Step::Await { time, ended_by }),
        3 => (0..300u64).prop_map(|time| Step::Block { time }),
        3 => (any::<usize>(), any::<bool>())
            .prop_map(|(who, by_who_runs)| Step::Wake { who, by_who_runs }),
        3 => any::<usize>().prop_map(|holder| Step::Help { holder }),
        1 => Just(Step::GiveWay),
        1 => Just(Step::LetGo),
        1 => Just(Step::End),
        2 => (any::<usize>(), any::<bool>())
            .prop_map(|(processor, anywhere)| Step::Add { processor, anywhere }),
        6 => (0..150u64).prop_map(|time| Step::Pass { time }),
        1 => Just(Step::Relaunch),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(who, processor)| Step::Move { who, processor }),
        1 => Just(Step::Charge),
    ]
}

/// Contexts besides hosts at the same time.
const ROOM: usize = 20;

/// CPUs with a root scheduler each, two schedulers more, one below the other, and what happens to them.
struct World {
    contexts: Contexts,
    /// By their processors' numbers.
    hosts: Vec<Token>,
    leaves: Vec<Token>,
    now: u64,
    /// CPUs that were told to look, and have not done so.
    told: u64,
}

impl World {
    fn new(cpus: usize) -> Self {
        let mut contexts = Contexts::new(0, HELP);
        contexts.open_accounts(4);
        let processors: Vec<usize> = (0..cpus + 2).map(|_| contexts.add_processor()).collect();
        let mut hosts = Vec::new();
        for cpu in 0..cpus {
            assert!(cpu == 0 || contexts.add_cpu(0) == Some(cpu));
            hosts.push(contexts.add(Places::ROOT, 0).unwrap());
            contexts.set_guest(cpu, hosts[cpu]);
        }
        for above in [Places { first: 0, count: cpus }, Places::one(cpus)] {
            hosts.push(contexts.add(above, 0).unwrap());
        }
        for (processor, host) in processors.into_iter().zip(&hosts) {
            contexts.set_host(processor, *host);
        }
        for cpu in 0..cpus {
            contexts.pass(cpu, 0);
        }
        World { contexts, hosts, leaves: Vec::new(), now: 0, told: 0 }
    }

    /// The processor of which who runs is the host, if it is one.
    fn hosted(&self, cpu: usize) -> Option<usize> {
        self.hosts.iter().position(|host| *host == self.contexts.running(cpu))
    }

    fn anybody(&self, number: usize) -> Token {
        let all: Vec<Token> = self.hosts.iter().chain(&self.leaves).copied().collect();
        all[number % all.len()]
    }

    fn take(&mut self, cpu: usize, step: Step) {
        self.now += 1;
        let now = self.now;
        let is_leaf = !self.contexts.is_idle(cpu) && self.hosted(cpu).is_none();
        match step {
            Step::Dispatch { guest, budget, ended_by } => {
                let Some(processor) = self.hosted(cpu) else { return };
                while self.contexts.next_news(processor).is_some() {}
                let guest = Some(self.anybody(guest));
                let terms = Terms { ended_by, ..terms(budget) };
                let _ = self.contexts.dispatch(cpu, now, processor, guest, terms);
            }
            Step::Await { time, ended_by } => {
                let Some(processor) = self.hosted(cpu) else { return };
                let terms = Terms { until: now + time, ended_by, ..terms(0) };
                self.contexts.dispatch(cpu, now, processor, None, terms).unwrap();
            }
            Step::Block { time } if is_leaf => self.contexts.block(cpu, now, now + time),
            Step::Wake { who, by_who_runs } => {
                let who = self.anybody(who);
                let slept = matches!(self.contexts.get(who).unwrap().state, State::Blocked { .. });
                self.contexts.wake_by(by_who_runs.then_some(cpu), who);
                if slept && !by_who_runs {
                    self.check_heard(who);
                }
            }
            Step::Help { holder } if !self.contexts.is_idle(cpu) => {
                self.contexts.help(cpu, now, self.anybody(holder));
            }
            Step::GiveWay => self.contexts.give_way(cpu, now),
            Step::LetGo => self.contexts.let_go(cpu, now),
            Step::End if is_leaf => {
                let running = self.contexts.running(cpu);
                self.leaves.retain(|leaf| *leaf != running);
                self.contexts.end(cpu, now, End::Finished);
            }
            Step::Add { processor, anywhere } => {
                let processor = processor % self.hosts.len();
                let places = match anywhere {
                    true => Places { first: 0, count: self.contexts.cpus() },
                    false => Places::one(processor),
                };
                let room = self.leaves.len() < ROOM;
                let leaf = room.then(|| self.contexts.add(places, 1 + processor % 3)).flatten();
                self.leaves.extend(leaf);
            }
            Step::Pass { time } => {
                self.now += time;
                self.pass(cpu);
            }
            Step::Relaunch => {
                let Some(processor) = self.hosted(cpu) else { return };
                self.contexts.set_host(processor, self.hosts[processor]);
            }
            Step::Move { who, processor } if !self.leaves.is_empty() => {
                let leaf = self.leaves[who % self.leaves.len()];
                self.contexts.move_to(leaf, Places::one(processor % self.hosts.len()));
            }
            Step::Charge => self.contexts.charge_all(now),
            Step::Block { .. } | Step::Help { .. } | Step::End | Step::Move { .. } => (),
        }
    }

    /// A context was woken by something that is not the doing of who runs: a host that wants to hear of that does.
    fn check_heard(&self, woken: Token) {
        let contexts = &self.contexts;
        let processor = contexts.get(woken).unwrap().processor;
        let host = contexts.processors.get(processor).and_then(|place| place.host);
        let Some(host) = host.and_then(|host| contexts.get(host)) else { return };
        let Some(loan) = host.state.loan().filter(|_| host.is_link) else { return };
        if !loan.help && loan.ended_by != EndedBy::Nothing {
            let chain = &contexts.chains[host.cpu];
            let level = chain.links.iter().position(|link| *link == host.token).unwrap();
            assert!(chain.due.is_some_and(|due| due <= level), "nobody says that there are news");
        }
    }

    fn pass(&mut self, cpu: usize) {
        self.told &= !(1 << cpu);
        self.contexts.pass(cpu, self.now);
    }

    fn check(&self) {
        let contexts = &self.contexts;
        let all: Vec<&Context> = contexts.slots.iter().flatten().collect();
        let linked: Vec<Token> =
            contexts.chains.iter().flat_map(|chain| &chain.links).copied().collect();
        assert_eq!(
            linked.iter().collect::<HashSet<_>>().len(),
            linked.len(),
            "nobody is in two chains, or in one twice"
        );
        for cpu in 0..contexts.cpus() {
            self.check_chain(cpu, &all);
        }
        let charged: u64 = contexts.accounts().iter().map(|account| account.used).sum();
        assert_eq!(charged + contexts.idle(), contexts.elapsed(), "each count is charged once");
        for context in &all {
            assert_eq!(context.is_link, linked.contains(&context.token));
            let is_root = contexts.chains.iter().any(|chain| chain.links[0] == context.token);
            if let Some(loan) = context.state.loan()
                && !loan.help
                && !is_root
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
            assert!(knows || context.listed || context.places == Places::ROOT, "{context:?}");
            if context.awaits_news {
                assert!(!has_urgent_news(context, &all), "a host sleeps over its news");
            }
        }
    }

    fn check_chain(&self, cpu: usize, all: &[&Context]) {
        let contexts = &self.contexts;
        let chain = &contexts.chains[cpu];
        for (level, pair) in chain.links.windows(2).enumerate() {
            let lender = contexts.get(pair[0]).unwrap();
            let loan = lender.state.loan().expect("each link is a loan");
            assert_eq!(loan.to, pair[1]);
            let is_due = chain.due.is_some_and(|due| due <= level);
            let hears_of_all = loan.ended_by == EndedBy::Anybody && !loan.help;
            let waits = hears_of_all && has_urgent_news(lender, all);
            assert!(is_due || !waits, "a link goes on although there are news");
        }
        for link in &chain.links {
            assert_eq!(contexts.get(*link).unwrap().cpu, cpu);
        }
        let last = contexts.get(contexts.running(cpu)).unwrap();
        assert!(matches!(last.state, State::Ready), "who runs lends nothing");
        assert!(
            !contexts.is_due(cpu) || self.told & (1 << cpu) != 0,
            "a CPU is due and nobody says so"
        );
        for context in all.iter().filter(|context| context.cpu == cpu) {
            if let State::Blocked { until } = context.state {
                assert!(contexts.next_event(cpu) <= until, "somebody sleeps too long");
            }
        }
    }
}

/// Whether there are news for a host of which it is to hear at once.
fn has_urgent_news(host: &Context, all: &[&Context]) -> bool {
    let mut listed = all.iter().filter(|context| context.listed);
    listed.any(|context| {
        Some(context.processor) == host.hosts && !matches!(context.state, State::Blocked { .. })
    })
}

proptest! {
    #[test]
    fn whatever_happens_the_books_balance(
        cpus in 1..=4usize,
        steps in prop::collection::vec((0..4usize, step()), 1..400),
    ) {
        let mut world = World::new(cpus);
        for (cpu, step) in steps {
            let cpu = cpu % cpus;
            world.take(cpu, step);
            world.told |= world.contexts.to_tell(cpu);
            // A machine does what is due on its own CPU before anybody goes on there.
            if world.contexts.is_due(cpu) {
                world.pass(cpu);
                world.told |= world.contexts.to_tell(cpu);
            }
            world.check();
        }
    }
}
