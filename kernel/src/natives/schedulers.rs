//! `Processor`, and the threads in which schedulers run.
#![expect(unsafe_code, reason = "schedulers are called by the engine's own stub")]

use alloc::vec::Vec;

use warren::{Cx, Service};
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    instance::Instance,
    launch,
    plan::Plan,
    record::Held,
    reference::{count_up, counted_root},
    stub::{self, Shape, Words},
};
use warren_idl::{
    ContextNews, DispatchError, ENDED_BY_NOTHING, ENDED_BY_OTHERS, Outcome, Scheduler, Terms,
};
use warren_kernel::contexts::{self, Change, End, EndedBy, Places, Reason, Refusal};

use super::{Word, bottom, kinds, release};
use crate::{
    cpu::{self, clock, interrupts},
    guarded::Guarded,
    log::log,
    machine,
    memory::frames,
    system::{self, Kernel},
    threads::{self, Place},
};

/// A dispatch lasts no longer, so that a scheduler whose server has died notices it.
const LONGEST_NS: u64 = 100_000_000;

/// After how much time a scheduler that wants news of others alone hears of those whom who runs has woken: they may have little room for what comes meanwhile.
const OWN_NS: u64 = 1_000_000;

/// The time that one scheduler hands on, by the number of its processor.
pub struct Processor(usize);

warren_natives::natives!(Processor);

impl warren_idl::Processor for Processor {
    fn dispatch(
        cx: &mut Cx<'_, Self>,
        context: u64,
        budget_ns: u64,
        until_ns: u64,
        ended_by: u32,
    ) -> Result<Outcome, DispatchError> {
        if is_to_fail(warren_natives::caller::<Kernel>()) {
            return Err(DispatchError::Recalled);
        }
        let processor = cx.state().0;
        let guest = (context != 0).then_some(context);
        let terms = contexts::Terms {
            budget: clock::counts_of(budget_ns.min(LONGEST_NS)),
            until: clock::counts_of(until_ns),
            ended_by: match ended_by {
                ENDED_BY_NOTHING => EndedBy::Nothing,
                ENDED_BY_OTHERS => EndedBy::Others { own_after: clock::counts_of(OWN_NS) },
                _ => EndedBy::Anybody,
            },
        };
        interrupts::off(|| {
            threads::dispatch(processor, guest, terms).map_err(refused)?;
            Ok(outcome(processor))
        })
    }

    fn terms(cx: &mut Cx<'_, Self>, context: u64) -> Result<Terms, DispatchError> {
        let processor = cx.state().0;
        interrupts::off(|| {
            let principal =
                threads::with_books(|contexts| contexts.principal_at(processor, context));
            let principal = principal.ok_or(DispatchError::Unknown)?;
            let planned = system::tables().plan.principals.get(principal);
            let terms = planned.map(|planned| planned.terms).unwrap_or_default();
            Ok(Terms {
                principal: principal as u32,
                priority: terms.priority,
                weight: terms.weight,
                padding: 0,
                slice_ns: terms.slice_ns,
                period_ns: terms.period_ns,
            })
        })
    }
}

/// Whether the next call into a scheduler is to fail. There would be none: it is entered once.
fn is_to_fail(scheduler: &Instance) -> bool {
    interrupts::off(|| scheduler.is_alive() && scheduler.fault.get() != 0)
}

fn refused(refusal: Refusal) -> DispatchError {
    match refusal {
        Refusal::Unknown => DispatchError::Unknown,
        Refusal::NotReady => DispatchError::NotReady,
        Refusal::NotTheHost => DispatchError::NotTheHost,
        Refusal::TooDeep => DispatchError::TooDeep,
    }
}

/// How the dispatch of the running thread ended, with news.
fn outcome(processor: usize) -> Outcome {
    // What was used up to the stop was charged then.
    threads::with_charged_books(|contexts| {
        let stop = contexts.stop_of(contexts.running(cpu::number()));
        let mut outcome = Outcome {
            reason: match stop.reason {
                Reason::Blocked => Outcome::BLOCKED,
                Reason::Preempted => Outcome::PREEMPTED,
                Reason::Spent => Outcome::SPENT,
                Reason::Deadline => Outcome::DEADLINE,
                Reason::Yielded => Outcome::YIELDED,
                Reason::Ended(End::Finished) => Outcome::FINISHED,
                Reason::Ended(End::Faulted) => Outcome::FAULTED,
                Reason::Ended(End::Killed) => Outcome::KILLED,
            },
            used_ns: clock::ns_of(stop.used),
            now_ns: clock::now_ns(),
            ..Outcome::default()
        };
        while (outcome.count as usize) < Outcome::NEWS
            && let Some(news) = contexts.next_news(processor)
        {
            let kind = match news.change {
                Change::Arrived => ContextNews::ARRIVED,
                Change::Ready => ContextNews::READY,
                Change::Blocked => ContextNews::BLOCKED,
                Change::Gone => ContextNews::GONE,
            };
            outcome.news[outcome.count as usize] =
                ContextNews { context: news.context, kind, padding: 0 };
            outcome.count += 1;
        }
        outcome
    })
}

/// The processors on which each principal's contexts are scheduled.
static PLACES: Guarded<Vec<Places>> = Guarded::new(Vec::new());

/// Where threads of a principal belong.
pub fn place_of(principal: usize) -> Place {
    let places = PLACES.with(|places| places.get(principal).copied()).unwrap_or(Places::ROOT);
    Place { places, principal }
}

/// Makes the processors of each scheduler of the plan, with a thread for each that launches the scheduler and runs in it. From then on
/// the running thread, which the root has run until now, is the system's.
///
/// The scheduler under the roots has a processor on each CPU, where its threads stay. Its contexts may be at any of them, but those of a
/// principal with a guarantee stay at one: what is guaranteed is a part of one CPU's time. A scheduler below has one processor.
pub fn start() {
    let plan = interrupts::off(|| system::tables().plan);
    let mut servers: Vec<usize> = Vec::new();
    for principal in &plan.principals {
        let server = principal.scheduler.unwrap_or_else(|| {
            log!(
                "principal `{}` has no scheduler: the plan is for a hosted system",
                principal.name
            );
            machine::exit(1)
        });
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    for (number, principal) in plan.principals.iter().enumerate() {
        let parent = principal.parent.unwrap_or(number);
        frames::open_account(number, parent, principal.limits.memory_bytes);
        threads::limit_threads(number, parent, principal.limits.threads);
    }
    threads::divide_threads(plan.principals.len());
    let is_root =
        |server: usize| plan.principals[plan.servers[server].principal].scheduler == Some(server);
    let all: Vec<Places> = threads::with_books(|contexts| {
        contexts.open_accounts(plan.principals.len());
        let mut add = |server: &usize| {
            let count = if is_root(*server) { contexts.cpus() } else { 1 };
            let first = contexts.add_processor();
            (1..count).for_each(|_| _ = contexts.add_processor());
            Places { first, count }
        };
        servers.iter().map(&mut add).collect()
    });
    let mut guaranteed = 0..;
    let by_principal = plan.principals.iter().map(|principal| {
        let scheduler = servers.iter().position(|server| Some(*server) == principal.scheduler);
        let places = all[scheduler.expect("each principal's scheduler is among them")];
        match principal.terms.slice_ns {
            0 => places,
            _ => places.only(guaranteed.next().unwrap_or_default()),
        }
    });
    PLACES.with(|places| *places = by_principal.collect());
    for (&server, places) in servers.iter().zip(all) {
        let principal = plan.servers[server].principal;
        let place = if is_root(server) {
            Place { places: Places::ROOT, principal }
        } else {
            place_of(principal)
        };
        for (number, processor) in places.numbers().enumerate() {
            let host = Host { server, processor, above: place.places };
            let name = &plan.servers[server].name;
            let started = threads::start(name, place, bottom(), move || host.run(plan));
            let token = started.expect("the first threads have room");
            if is_root(server) {
                let own = threads::running();
                threads::change_books(|contexts| {
                    if number == 0 {
                        contexts.move_to(own, places);
                    }
                    contexts.set_guest(number, token);
                });
            }
        }
    }
}

/// The thread of a scheduler. It outlives the scheduler's server.
struct Host {
    /// Index in the plan.
    server: usize,
    processor: usize,
    /// Where the thread itself is scheduled.
    above: Places,
}

impl Host {
    /// Launches the scheduler and runs in it, again and again. When it cannot be had any more its contexts go to the scheduler above.
    fn run(self, plan: &Plan) -> End {
        let name = &plan.servers[self.server].name;
        let own = threads::running();
        let mut next = launch::launch::<Kernel>(self.server).ok();
        while let Some(instance) = next {
            threads::change_books(|contexts| contexts.set_host(self.processor, own));
            let why = self.schedule(&instance);
            log!("scheduler {name} stopped: {why}");
            next = self.again(&instance);
        }
        if self.above == Places::ROOT {
            log!("there is no scheduler");
            machine::exit(1)
        }
        log!("the contexts of scheduler {name} go to the one above");
        PLACES.with(|all| {
            let own = Places::one(self.processor);
            all.iter_mut().filter(|places| **places == own).for_each(|places| *places = self.above);
        });
        threads::change_books(|contexts| contexts.move_all(self.processor, self.above));
        End::Faulted
    }

    /// Runs in a scheduler until that stops. Returns why.
    fn schedule(&self, instance: &Instance) -> &'static str {
        let service = <dyn Scheduler as Service>::ID;
        let Some(scheduler) = interrupts::off(|| counted_root(instance, service)) else {
            return "it does not provide the service";
        };
        let processor = interrupts::off(|| {
            let kind = kinds().processors;
            let state = Processor(self.processor);
            let object =
                warren_natives::create_object::<Kernel, _, _>(super::instance(), kind, state)?;
            count_up(object);
            Some(object as Word)
        });
        let Some(processor) = processor else {
            release(scheduler as Word);
            return "objects have run out";
        };
        let mut words = Words::default();
        words[0] = processor;
        let shape = Shape::default();
        let error = loop {
            // SAFETY: the object provides `Scheduler`, whose first function takes one reference; the counts of both are held.
            let Ret { error, .. } = unsafe { stub::invoke(scheduler, 0, &words, shape) };
            if !is_to_fail(instance) {
                break error;
            }
        };
        release(scheduler as Word);
        release(processor);
        match error {
            0 => "it had enough",
            error => SystemError::from_number(error).map_or("its own error", SystemError::message),
        }
    }

    /// What to run in after an instance has stopped: the one that was launched in its place, and under the root any, because
    /// without one nobody would ever run.
    fn again(&self, stopped: &Instance) -> Option<Held<Kernel>> {
        let is_dead = interrupts::off(|| !stopped.is_alive());
        let came_back = interrupts::off(|| {
            let tables = system::tables();
            tables.running[self.server].is_some()
        });
        let may = is_dead && (came_back || self.above == Places::ROOT);
        may.then(|| launch::launch::<Kernel>(self.server).ok()).flatten()
    }
}
