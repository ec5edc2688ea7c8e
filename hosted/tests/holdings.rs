//! Objects and references are charged: no principal can take what is set aside for others, and all is given back.
//!
//! Servers of three principals make, keep and release at random, and die. A model beside the engine says what each principal then holds, and what
//! must be refused.
#![expect(unsafe_code, reason = "states of servers are made by hand")]

mod support;

use std::{cell::RefCell, collections::HashMap};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::{Make, Server, State, nothing, principals, system};
use warren_abi::call::{Ret, SystemError};
use warren_engine::{death, layout::OBJECTS, platform::Platform, reference::tables};
use warren_hosted::Hosted;

const SLICE_NS: u64 = 1_000_000;
/// Objects that one call makes at most: fewer than a thread has temporaries.
const AT_ONCE: u64 = 400;
const BUDGET: u64 = SystemError::Budget as u64;

/// Words of the references that a server keeps, and of the weak ones.
type Kept = RefCell<[Vec<u64>; 2]>;

fn kept(state: &State) -> &Kept {
    // SAFETY: the test writes the address of a value that stays for good.
    unsafe { &*(state.value.get() as *const Kept) }
}

/// Makes so many local servers and keeps them. Answers how many.
extern "C" fn make(state: &State, count: u64, _: u64) -> Ret {
    for made in 0..count {
        let object = system("wsys.spawn", 1, 0);
        if object.error != 0 || system("wsys.keep", object.value, 0).error != 0 {
            return Ret::ok(made);
        }
        kept(state).borrow_mut()[0].push(object.value);
    }
    Ret::ok(count)
}

/// Makes so many that go when this returns. Answers how many.
extern "C" fn make_for_now(_: &State, count: u64, _: u64) -> Ret {
    let made = (0..count).take_while(|_| system("wsys.spawn", 1, 0).error == 0).count();
    Ret::ok(made as u64)
}

/// Keeps an object, weakly or not.
extern "C" fn keep(state: &State, word: u64, weakly: u64) -> Ret {
    let answer = system(["wsys.keep", "wsys.weak"][weakly as usize], word, 0);
    if answer.error == 0 {
        kept(state).borrow_mut()[weakly as usize].push(word);
    }
    Ret { value: 0, ..answer }
}

/// Releases so many of what it keeps, weakly or not.
extern "C" fn release(state: &State, count: u64, weakly: u64) -> Ret {
    for _ in 0..count {
        let Some(word) = kept(state).borrow_mut()[weakly as usize].pop() else { break };
        let name = ["wsys.release", "wsys.unweak"][weakly as usize];
        assert_eq!(system(name, word, 0), Ret::ok(0));
    }
    Ret::ok(0)
}

fn server(principal: usize) -> Server {
    let server = Server::new(&Make {
        root: &[make, make_for_now, keep, release],
        local: Some((&[nothing], nothing)),
        principal,
        ..Make::default()
    });
    let kept: &'static Kept = Box::leak(Box::default());
    server.state().value.set(core::ptr::from_ref(kept) as u64);
    server
}

/// Something that a server does.
#[derive(Clone, Debug)]
enum Act {
    /// Makes and keeps, on the account of a principal.
    Make(usize, u64),
    /// Makes what goes at once.
    MakeForNow(usize, u64),
    /// Keeps what the other server with this number keeps last, so often.
    Keep(usize, u64, bool),
    Release(u64, bool),
    /// Dies, and another one of the same principal comes.
    Die,
}

fn acts() -> impl Strategy<Value = Act> {
    let count = || 1..=AT_ONCE;
    prop_oneof![
        6 => (0..3usize, count()).prop_map(|(payer, count)| Act::Make(payer, count)),
        2 => (0..3usize, count()).prop_map(|(payer, count)| Act::MakeForNow(payer, count)),
        3 => (0..4usize, count(), any::<bool>()).prop_map(|(of, count, weakly)| Act::Keep(of, count, weakly)),
        2 => (count(), any::<bool>()).prop_map(|(count, weakly)| Act::Release(count, weakly)),
        1 => Just(Act::Die),
    ]
}

/// What the principals hold, as the engine says.
fn held() -> [(u64, u64); 3] {
    Hosted::critical(|| {
        // SAFETY: inside `critical`.
        let holdings = &unsafe { tables::<Hosted>() }.holdings;
        [0, 1, 2].map(|number| (holdings.objects_of(number), holdings.references_of(number)))
    })
}

/// What must be true, kept beside the engine.
struct Model {
    servers: Vec<Server>,
    /// Who pays for each object, by its word.
    payers: HashMap<u64, usize>,
    /// Roots of servers of each principal.
    before: [(u64, u64); 3],
}

impl Model {
    fn new() -> Self {
        let before = held();
        Model { servers: [0, 1, 2, 1].map(server).into(), payers: HashMap::new(), before }
    }

    /// What the principals hold: who keeps what says which objects there are.
    fn expected(&mut self) -> [(u64, u64); 3] {
        let mut all = self.before;
        let mut living = HashMap::new();
        for server in &self.servers {
            all[server.instance.principal].0 += 1;
            let kept = kept(server.state()).borrow();
            for word in kept.iter().flatten() {
                all[server.instance.principal].1 += 1;
                living.insert(*word, self.payers[word]);
            }
        }
        living.values().for_each(|payer| all[*payer].0 += 1);
        self.payers = living;
        all
    }

    /// How many objects more a principal must get.
    fn left_for(&mut self, payer: usize) -> u64 {
        let held = self.expected().map(|(objects, _)| objects);
        let limits: Vec<u64> =
            principals().iter().map(|one| u64::from(one.limits.objects)).collect();
        let part = |number: usize| match (OBJECTS as u64 / 2 / 3, limits[number]) {
            (part, 0) => part,
            (part, limit) => part.min(limit),
        };
        let common = OBJECTS as u64 - (0..3).map(part).sum::<u64>();
        let taken: u64 = (0..3).map(|number| held[number].saturating_sub(part(number))).sum();
        let left = common - taken + part(payer).saturating_sub(held[payer]);
        match limits[payer] {
            0 => left,
            limit => left.min(limit - held[payer]),
        }
    }

    /// How many references more a principal may have.
    fn references_left_for(&mut self, principal: usize) -> u64 {
        let held = self.expected()[principal].1;
        match u64::from(principals()[principal].limits.references) {
            0 => u64::MAX,
            limit => limit - held,
        }
    }

    fn act(&mut self, who: usize, act: &Act) {
        let server = self.servers[who];
        match *act {
            Act::Make(payer, count) => {
                let own = self.references_left_for(server.instance.principal);
                let must = count.min(self.left_for(payer)).min(own);
                let made = Hosted::on_account(payer, || server.call(0, count, 0));
                assert_eq!(made, Ret::ok(must), "{act:?}");
                let kept = kept(server.state()).borrow();
                let new = &kept[0][kept[0].len() - must as usize..];
                self.payers.extend(new.iter().map(|word| (*word, payer)));
            }
            Act::MakeForNow(payer, count) => {
                let must = count.min(self.left_for(payer));
                let made = Hosted::on_account(payer, || server.call(1, count, 0));
                assert_eq!(made, Ret::ok(must), "{act:?}");
            }
            Act::Keep(of, count, weakly) => {
                let last = kept(self.servers[of].state()).borrow()[0].last().copied();
                let Some(word) = last else { return };
                let must = count.min(self.references_left_for(server.instance.principal));
                for number in 0..count {
                    let error = if number < must { 0 } else { BUDGET };
                    assert_eq!(server.call(2, word, weakly.into()).error, error, "{act:?}");
                }
            }
            Act::Release(count, weakly) => {
                assert_eq!(server.call(3, count, weakly.into()), Ret::ok(0));
            }
            Act::Die => {
                let principal = server.instance.principal;
                self.servers.remove(who);
                self.die(server);
                self.servers.insert(who, self::server(principal));
            }
        }
        assert_eq!(held(), self.expected(), "{act:?}");
    }

    fn die(&mut self, server: Server) {
        death::kill::<Hosted>(server.instance, format_args!("the test wants it"));
        death::finish::<Hosted>();
        Hosted::critical(|| warren_engine::reference::count_down::<Hosted>(server.root));
        death::finish::<Hosted>();
    }
}

on_a_machine! {
    fn no_principal_takes_the_objects_of_another_and_all_come_back(SLICE_NS) {
        let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
        let acts = prop::collection::vec((0..4usize, acts()), 1..80);
        let result = TestRunner::new(config).run(&acts, |acts| {
            let mut model = Model::new();
            acts.iter().for_each(|(who, act)| model.act(*who, act));
            for server in std::mem::take(&mut model.servers) {
                model.die(server);
            }
            assert_eq!(held(), model.before);
            Ok(())
        });
        result.unwrap();
    }
}
