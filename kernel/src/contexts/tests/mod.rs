mod books;

use std::vec::Vec;

use super::*;

const HELP: u64 = 20;

fn terms(budget: u64) -> Terms {
    Terms { budget, until: UNLIMITED, ended_by: EndedBy::Nothing }
}

fn at_once(budget: u64) -> Terms {
    Terms { ended_by: EndedBy::Anybody, ..terms(budget) }
}

/// A root scheduler that hosts processor 0, and so many contexts that have arrived there and of which it has heard.
fn system<const N: usize>() -> (Contexts, Token, [Token; N]) {
    let mut contexts = Contexts::new(0, HELP);
    contexts.open_accounts(8);
    let processor = contexts.add_processor();
    let host = contexts.add(Places::ROOT, 0).unwrap();
    contexts.set_guest(0, host);
    contexts.pass(0, 0);
    contexts.set_host(processor, host);
    let all =
        core::array::from_fn(|index| contexts.add(Places::one(processor), index + 1).unwrap());
    while contexts.next_news(processor).is_some() {}
    assert_eq!(contexts.running(0), host);
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
    contexts.dispatch(0, 10, 0, Some(one), terms(100)).unwrap();
    assert_eq!((contexts.running(0), contexts.next_event(0)), (one, 110));
    contexts.pass(0, 60);
    assert_eq!(contexts.running(0), one);
    contexts.pass(0, 110);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Spent, used: 100 });
    assert_eq!(contexts.accounts()[1].used, 100);
    assert_eq!(contexts.accounts()[0].used, 10);
}

#[test]
fn blocking_returns_to_the_host_and_waking_is_news() {
    let (mut contexts, host, [one]) = system();
    contexts.dispatch(0, 0, 0, Some(one), terms(100)).unwrap();
    contexts.block(0, 5, UNLIMITED);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Blocked, used: 5 });
    assert_eq!(contexts.dispatch(0, 5, 0, Some(one), terms(100)), Err(Refusal::NotReady));
    contexts.dispatch(0, 6, 0, None, terms(0)).unwrap();
    assert!(contexts.is_idle(0));
    contexts.wake(one);
    assert!(contexts.is_due(0));
    contexts.pass(0, 50);
    assert_eq!((contexts.running(0), contexts.idle()), (host, 44));
    assert_eq!(news(&mut contexts, 0), [(one, Change::Ready)]);
}

#[test]
fn news_end_a_dispatch_that_wants_them_at_once_and_no_other() {
    let (mut contexts, host, [one, two]) = system();
    contexts.dispatch(0, 0, 0, Some(one), terms(100)).unwrap();
    contexts.block(0, 0, 30);
    contexts.dispatch(0, 0, 0, Some(two), terms(1000)).unwrap();
    contexts.pass(0, 40);
    assert_eq!(contexts.running(0), two);
    contexts.pass(0, 1000);
    assert_eq!(contexts.stop_of(host).reason, Reason::Spent);
    contexts.dispatch(0, 1000, 0, Some(two), at_once(1000)).unwrap();
    assert_eq!(contexts.running(0), host, "there were news already");
    assert_eq!(news(&mut contexts, 0), [(one, Change::Ready)]);
    contexts.dispatch(0, 1000, 0, Some(one), terms(100)).unwrap();
    contexts.block(0, 1000, 2000);
    contexts.dispatch(0, 1000, 0, Some(two), at_once(5000)).unwrap();
    contexts.pass(0, 2000);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Preempted, used: 1000 });
}

#[test]
fn what_who_runs_does_itself_ends_no_dispatch_that_only_others_end() {
    let (mut contexts, host, [one, two, three]) = system();
    for waits in [two, three] {
        contexts.dispatch(0, 0, 0, Some(waits), terms(100)).unwrap();
        contexts.block(0, 0, UNLIMITED);
    }
    let terms = Terms { ended_by: EndedBy::Others { own_after: 50 }, ..terms(1000) };
    contexts.dispatch(0, 0, 0, Some(one), terms).unwrap();
    contexts.wake_by(Some(0), two);
    assert!(!contexts.is_due(0));
    contexts.pass(0, 10);
    assert_eq!(contexts.running(0), one);
    contexts.wake(three);
    assert!(contexts.is_due(0));
    contexts.pass(0, 20);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Preempted, used: 20 });
    assert_eq!(news(&mut contexts, 0), [(two, Change::Ready), (three, Change::Ready)]);
    for waits in [two, three] {
        contexts.dispatch(0, 20, 0, Some(waits), terms).unwrap();
        contexts.block(0, 20, UNLIMITED);
    }
    contexts.dispatch(0, 20, 0, Some(one), terms).unwrap();
    contexts.wake_by(Some(0), two);
    contexts.block(0, 30, UNLIMITED);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Blocked, used: 10 });
    assert_eq!(news(&mut contexts, 0), [(two, Change::Ready)]);
    contexts.dispatch(0, 30, 0, Some(two), terms).unwrap();
    contexts.wake_by(Some(0), one);
    assert_eq!(contexts.next_event(0), 80);
    contexts.pass(0, 80);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Spent, used: 50 });
    assert_eq!(news(&mut contexts, 0), [(one, Change::Ready)]);
    contexts.dispatch(0, 80, 0, Some(one), terms).unwrap();
    contexts.block(0, 80, UNLIMITED);
    assert_eq!(contexts.dispatch(0, 80, 0, Some(two), at_once(100)), Ok(()));
    contexts.wake_by(Some(0), one);
    assert!(contexts.is_due(0), "this one is ended by all");
}

#[test]
fn a_stacked_scheduler_goes_on_where_it_was() {
    let (mut contexts, host, [inner, other]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Places::one(processor), 5).unwrap();
    contexts.dispatch(0, 0, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(news(&mut contexts, processor), [(leaf, Change::Arrived)]);
    contexts.dispatch(0, 10, processor, Some(leaf), terms(1000)).unwrap();
    contexts.pass(0, 100);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Spent, used: 100 });
    contexts.dispatch(0, 100, 0, Some(other), terms(100)).unwrap();
    contexts.pass(0, 200);
    contexts.dispatch(0, 200, 0, Some(inner), terms(2000)).unwrap();
    assert_eq!(contexts.running(0), leaf);
    contexts.pass(0, 1110);
    assert_eq!(contexts.running(0), inner, "the leaf has used its 1000 counts");
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Spent, used: 1000 });
    assert_eq!(contexts.accounts()[5].used, 1000);
}

#[test]
fn a_preempted_scheduler_with_news_goes_on_itself() {
    let (mut contexts, _, [inner]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Places::one(processor), 5).unwrap();
    contexts.dispatch(0, 0, 0, Some(inner), terms(100)).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, 0, processor, Some(leaf), at_once(1000)).unwrap();
    contexts.pass(0, 100);
    contexts.add(Places::one(processor), 6).unwrap();
    contexts.dispatch(0, 100, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(contexts.running(0), inner);
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Preempted, used: 100 });
}

#[test]
fn a_waiter_lends_its_time_and_pays_for_it() {
    let (mut contexts, host, [waiter, holder]) = system();
    contexts.dispatch(0, 0, 0, Some(waiter), terms(100)).unwrap();
    contexts.help(0, 10, holder);
    assert_eq!((contexts.running(0), contexts.next_event(0)), (holder, 30));
    contexts.pass(0, 30);
    assert_eq!(contexts.running(0), waiter);
    contexts.help(0, 30, holder);
    contexts.block(0, 35, UNLIMITED);
    assert_eq!(
        contexts.running(0),
        waiter,
        "the holder has let go and blocks on the waiter's time"
    );
    contexts.pass(0, 100);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.accounts()[1], Account { used: 100, helped: 25 });
    assert_eq!(contexts.accounts()[2], Account::default());
    assert_eq!(news(&mut contexts, 0), [(holder, Change::Blocked)]);
}

#[test]
fn help_ends_as_soon_as_the_holder_lets_go() {
    let (mut contexts, _, [waiter, holder, _]) = system();
    contexts.dispatch(0, 0, 0, Some(waiter), terms(100)).unwrap();
    assert!(!contexts.is_helped(0));
    contexts.let_go(0, 5);
    assert_eq!(contexts.running(0), waiter, "nobody but its scheduler lends it time");
    contexts.help(0, 10, holder);
    assert!(contexts.is_helped(0));
    contexts.let_go(0, 15);
    assert_eq!(contexts.running(0), waiter);
    assert_eq!(contexts.accounts()[1], Account { used: 15, helped: 5 });
    assert_eq!(contexts.stop_of(waiter), Stop { reason: Reason::Preempted, used: 5 });
    assert!(contexts.activity_of(holder) == Some(Activity::Ready));
}

#[test]
fn where_nobody_helps_a_waiter_gives_way() {
    let (mut contexts, host, [waiter, holder]) = system();
    contexts.help = 0;
    contexts.dispatch(0, 0, 0, Some(waiter), terms(100)).unwrap();
    contexts.help(0, 10, holder);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Yielded, used: 10 });
}

#[test]
fn help_goes_along_chains_of_waiters() {
    let (mut contexts, host, [first, second, third]) = system();
    contexts.dispatch(0, 0, 0, Some(second), terms(5)).unwrap();
    contexts.help(0, 0, third);
    contexts.pass(0, 5);
    assert_eq!(contexts.running(0), host);
    contexts.dispatch(0, 5, 0, Some(first), terms(100)).unwrap();
    contexts.help(0, 5, second);
    assert_eq!(contexts.running(0), second, "its help ended with its time: it looks at the lock");
    contexts.help(0, 6, third);
    assert_eq!(contexts.running(0), third);
    contexts.pass(0, 16);
    assert_eq!(contexts.accounts()[1].helped, 11, "the first waiter pays");
    contexts.pass(0, 25);
    assert_eq!(contexts.running(0), first);
}

#[test]
fn waiters_for_each_other_give_way() {
    let (mut contexts, host, [one, two]) = system();
    contexts.dispatch(0, 0, 0, Some(one), terms(100)).unwrap();
    contexts.help(0, 0, two);
    contexts.help(0, 1, one);
    assert_eq!(contexts.running(0), one, "the second one gave its time back");
    contexts.help(0, 1, one);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host).reason, Reason::Yielded);
}

#[test]
fn a_helped_context_that_was_dispatched_and_preempted_is_the_old_dispatchers_to_know() {
    let (mut contexts, host, [inner, waiter]) = system();
    let processor = contexts.add_processor();
    contexts.set_host(processor, inner);
    let leaf = contexts.add(Places::one(processor), 5).unwrap();
    contexts.dispatch(0, 0, 0, Some(inner), terms(10)).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, 0, processor, Some(leaf), terms(1000)).unwrap();
    contexts.pass(0, 10);
    contexts.dispatch(0, 10, 0, Some(waiter), terms(100)).unwrap();
    contexts.help(0, 10, leaf);
    contexts.block(0, 15, UNLIMITED);
    assert_eq!(contexts.running(0), waiter);
    contexts.block(0, 16, UNLIMITED);
    assert_eq!(contexts.running(0), host);
    contexts.dispatch(0, 16, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(contexts.running(0), inner);
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Blocked, used: 10 });
}

#[test]
fn the_end_is_told_once_and_frees_the_slot() {
    let (mut contexts, host, [one]) = system();
    contexts.dispatch(0, 0, 0, Some(one), terms(100)).unwrap();
    contexts.end(0, 7, End::Faulted);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.stop_of(host), Stop { reason: Reason::Ended(End::Faulted), used: 7 });
    assert_eq!(news(&mut contexts, 0), []);
    let next = contexts.add(Places::one(0), 1).unwrap();
    assert_eq!(Contexts::slot(next), Contexts::slot(one));
    assert_ne!(next, one);
    contexts.wake(one);
    assert_eq!(contexts.dispatch(0, 7, 0, Some(one), terms(100)), Err(Refusal::Unknown));
}

#[test]
fn only_the_host_dispatches_and_only_its_own() {
    let (mut contexts, host, [one, two]) = system();
    let other = contexts.add_processor();
    let stranger = contexts.add(Places::one(other), 1).unwrap();
    assert_eq!(contexts.dispatch(0, 0, 0, Some(stranger), terms(1)), Err(Refusal::Unknown));
    assert_eq!(contexts.dispatch(0, 0, 0, Some(host), terms(1)), Err(Refusal::Unknown));
    assert_eq!(contexts.dispatch(0, 0, other, Some(stranger), terms(1)), Err(Refusal::NotTheHost));
    assert_eq!(contexts.dispatch(0, 0, 9, Some(one), terms(1)), Err(Refusal::NotTheHost));
    contexts.dispatch(0, 0, 0, Some(one), terms(10)).unwrap();
    assert_eq!(contexts.dispatch(0, 0, 0, Some(two), terms(1)), Err(Refusal::NotTheHost));
}

#[test]
fn chains_have_an_end() {
    let mut contexts = Contexts::new(0, HELP);
    let mut processor = contexts.add_processor();
    let host = contexts.add(Places::ROOT, 0).unwrap();
    contexts.set_guest(0, host);
    contexts.pass(0, 0);
    contexts.set_host(processor, host);
    let mut refused = None;
    for _ in 0..DEPTH {
        let next = contexts.add(Places::one(processor), 0).unwrap();
        while contexts.next_news(processor).is_some() {}
        if let Err(refusal) = contexts.dispatch(0, 0, processor, Some(next), terms(UNLIMITED)) {
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
    let leaf = contexts.add(Places::one(processor), 5).unwrap();
    let sleeper = contexts.add(Places::one(processor), 5).unwrap();
    contexts.dispatch(0, 0, 0, Some(inner), terms(100)).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, 0, processor, Some(sleeper), terms(100)).unwrap();
    contexts.block(0, 0, UNLIMITED);
    contexts.move_all(processor, Places::one(0));
    contexts.end(0, 1, End::Faulted);
    assert_eq!(contexts.running(0), host);
    assert_eq!(news(&mut contexts, 0), [(leaf, Change::Arrived)]);
    contexts.wake(sleeper);
    assert_eq!(news(&mut contexts, 0), [(sleeper, Change::Arrived)]);
}

/// Another CPU with a root scheduler of its own. Returns its number, its processor and its host, which runs there.
fn add_cpu(contexts: &mut Contexts, now: u64) -> (usize, usize, Token) {
    let cpu = contexts.add_cpu(now).unwrap();
    let processor = contexts.add_processor();
    let host = contexts.add(Places::ROOT, 0).unwrap();
    contexts.set_guest(cpu, host);
    contexts.pass(cpu, now);
    contexts.set_host(processor, host);
    assert_eq!(contexts.running(cpu), host);
    (cpu, processor, host)
}

#[test]
fn cpus_run_and_are_charged_side_by_side() {
    let (mut contexts, _, [one]) = system();
    let (cpu, processor, _) = add_cpu(&mut contexts, 100);
    let two = contexts.add(Places::one(processor), 2).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, 110, 0, Some(one), terms(1000)).unwrap();
    contexts.dispatch(cpu, 120, processor, Some(two), terms(50)).unwrap();
    assert_eq!((contexts.running(0), contexts.running(cpu)), (one, two));
    assert_eq!((contexts.next_event(0), contexts.next_event(cpu)), (1110, 170));
    assert_eq!((contexts.cpu_of(one), contexts.cpu_of(two)), (Some(0), Some(cpu)));
    contexts.pass(cpu, 170);
    assert_eq!(contexts.accounts()[1].used, 0, "nothing has happened on the first CPU");
    contexts.charge_all(200);
    let used = [0, 1, 2].map(|principal| contexts.accounts()[principal].used);
    assert_eq!(used, [110 + 20 + 30, 90, 50]);
    assert_eq!((contexts.elapsed(), contexts.idle()), (200 + 100, 0));
}

#[test]
fn who_runs_on_one_cpu_cannot_be_lent_time_on_another() {
    let (mut contexts, host, [holder]) = system();
    let (cpu, processor, other_host) = add_cpu(&mut contexts, 0);
    let waiter = contexts.add(Places::one(processor), 2).unwrap();
    news(&mut contexts, processor);
    contexts.dispatch(0, 0, 0, Some(holder), terms(10)).unwrap();
    contexts.dispatch(cpu, 0, processor, Some(waiter), terms(1000)).unwrap();
    contexts.help(cpu, 5, holder);
    assert_eq!(contexts.running(cpu), other_host, "the holder runs: the waiter gave way");
    assert_eq!(contexts.stop_of(other_host).reason, Reason::Yielded);
    contexts.dispatch(cpu, 5, processor, Some(waiter), terms(1000)).unwrap();
    contexts.pass(0, 10);
    contexts.help(cpu, 10, holder);
    assert_eq!(contexts.running(cpu), holder);
    assert_eq!(contexts.dispatch(0, 10, 0, Some(holder), terms(10)), Err(Refusal::NotReady));
    contexts.pass(cpu, 30);
    assert_eq!(contexts.running(cpu), waiter);
    contexts.dispatch(0, 30, 0, Some(holder), terms(10)).unwrap();
    assert_eq!((contexts.running(0), contexts.stop_of(host).reason), (holder, Reason::Spent));
}

#[test]
fn a_lender_whose_guest_runs_on_another_cpu_goes_on_itself() {
    let (mut contexts, host, [inner]) = system();
    let (cpu, processor, _) = add_cpu(&mut contexts, 0);
    let waiter = contexts.add(Places::one(processor), 2).unwrap();
    news(&mut contexts, processor);
    let below = contexts.add_processor();
    contexts.set_host(below, inner);
    let leaf = contexts.add(Places::one(below), 5).unwrap();
    contexts.dispatch(0, 0, 0, Some(inner), terms(10)).unwrap();
    news(&mut contexts, below);
    contexts.dispatch(0, 0, below, Some(leaf), terms(1000)).unwrap();
    contexts.pass(0, 10);
    assert_eq!(contexts.running(0), host);
    contexts.dispatch(cpu, 10, processor, Some(waiter), terms(1000)).unwrap();
    contexts.help(cpu, 10, leaf);
    assert_eq!(contexts.running(cpu), leaf);
    contexts.dispatch(0, 15, 0, Some(inner), terms(100)).unwrap();
    assert_eq!(contexts.running(0), inner);
    assert_eq!(contexts.stop_of(inner), Stop { reason: Reason::Preempted, used: 10 });
    contexts.block(cpu, 20, UNLIMITED);
    assert_eq!(contexts.running(cpu), waiter);
    assert_eq!(news(&mut contexts, below), [(leaf, Change::Blocked)]);
}

#[test]
fn a_cpu_is_told_once_of_what_another_one_made_due_there() {
    let (mut contexts, host, [one, two]) = system();
    let (cpu, processor, other_host) = add_cpu(&mut contexts, 0);
    contexts.dispatch(cpu, 0, processor, None, terms(0)).unwrap();
    contexts.dispatch(0, 0, 0, Some(one), terms(100)).unwrap();
    contexts.block(0, 0, UNLIMITED);
    contexts.dispatch(0, 0, 0, Some(two), at_once(1000)).unwrap();
    assert!(contexts.is_idle(cpu));
    assert_eq!(contexts.to_tell(0), 0);
    contexts.add(Places::one(processor), 2).unwrap();
    assert_eq!(contexts.to_tell(0), 1 << cpu, "its host is ready");
    assert_eq!(contexts.to_tell(0), 0, "it knows");
    assert!(contexts.is_idle(cpu), "its chain is its own");
    contexts.pass(cpu, 10);
    assert_eq!(contexts.running(cpu), other_host);
    contexts.wake(one);
    assert_eq!(contexts.to_tell(cpu), 1, "the host wants news at once");
    assert_eq!(contexts.running(0), two);
    contexts.pass(0, 20);
    assert_eq!(contexts.running(0), host);
    assert_eq!(contexts.to_tell(cpu), 0);
}

#[test]
fn a_sleeper_is_woken_by_the_cpu_where_it_fell_asleep() {
    let (mut contexts, _, [one]) = system();
    let (cpu, ..) = add_cpu(&mut contexts, 0);
    contexts.dispatch(0, 0, 0, Some(one), terms(100)).unwrap();
    contexts.block(0, 0, 50);
    assert_eq!((contexts.next_event(0), contexts.next_event(cpu)), (50, UNLIMITED));
    contexts.pass(cpu, 60);
    assert_eq!(contexts.activity_of(one), Some(Activity::Blocked));
    contexts.pass(0, 60);
    assert_eq!(contexts.activity_of(one), Some(Activity::Ready));
}

/// Two CPUs with a scheduler each, and contexts that may be at either, of which the hosts have heard.
fn two_cpus<const N: usize>() -> (Contexts, [Token; 2], [Token; N]) {
    let (mut contexts, host, []) = system();
    let (_, _, other) = add_cpu(&mut contexts, 0);
    let places = Places { first: 0, count: 2 };
    let all = core::array::from_fn(|index| contexts.add(places, index + 1).unwrap());
    for processor in [0, 1] {
        news(&mut contexts, processor);
    }
    (contexts, [host, other], all)
}

#[test]
fn a_new_context_goes_where_the_fewest_are() {
    let (mut contexts, _, [one, two, three]) = two_cpus();
    let at = [one, two, three].map(|token| contexts.get(token).unwrap().processor);
    assert_eq!(at, [0, 1, 0]);
    let four = contexts.add(Places { first: 0, count: 2 }, 4).unwrap();
    assert_eq!(news(&mut contexts, 1), [(four, Change::Arrived)]);
}

#[test]
fn a_host_with_nothing_to_do_takes_over_who_waits_for_its_turn() {
    let (mut contexts, [_, other], [one, two, three]) = two_cpus();
    contexts.dispatch(1, 0, 1, Some(two), terms(1000)).unwrap();
    contexts.dispatch(0, 0, 0, Some(one), terms(1000)).unwrap();
    contexts.end(1, 10, End::Finished);
    contexts.dispatch(1, 10, 1, None, at_once(0)).unwrap();
    assert_eq!(contexts.running(1), other);
    assert_eq!(news(&mut contexts, 1), [(three, Change::Arrived)]);
    contexts.dispatch(1, 10, 1, Some(three), terms(1000)).unwrap();
    contexts.pass(0, 1000);
    assert_eq!(contexts.dispatch(0, 1000, 0, Some(three), terms(1)), Err(Refusal::Unknown));
    contexts.dispatch(0, 1000, 0, None, at_once(0)).unwrap();
    assert!(contexts.is_idle(0), "who runs on the other CPU is not taken");
}

/// The first of three contexts runs on CPU 0, on these terms, where the last one is blocked; CPU 1 has nothing to do. The host of that one, and the two.
fn one_busy_cpu(terms_of_one: Terms) -> (Contexts, Token, [Token; 2]) {
    let (mut contexts, [_, other], [one, two, three]) = two_cpus();
    contexts.dispatch(1, 0, 1, Some(two), terms(1000)).unwrap();
    contexts.end(1, 0, End::Finished);
    contexts.dispatch(0, 0, 0, Some(three), terms(1000)).unwrap();
    contexts.block(0, 0, UNLIMITED);
    contexts.dispatch(0, 0, 0, Some(one), terms_of_one).unwrap();
    contexts.dispatch(1, 0, 1, None, at_once(0)).unwrap();
    assert!(contexts.is_idle(1));
    (contexts, other, [one, three])
}

#[test]
fn who_wakes_behind_another_one_is_offered_to_a_host_that_waits() {
    let (mut contexts, other, [one, three]) = one_busy_cpu(terms(1000));
    contexts.wake(three);
    assert_eq!(contexts.to_tell(0), 0, "the host of its own processor may choose it");
    news(&mut contexts, 0);
    contexts.pass(0, 1000);
    contexts.dispatch(0, 1000, 0, Some(one), terms(1000)).unwrap();
    assert_eq!(contexts.to_tell(0), 1 << 1);
    contexts.pass(1, 10);
    assert_eq!((contexts.running(1), news(&mut contexts, 1)), (other, [].into()));
    contexts.dispatch(1, 10, 1, None, at_once(0)).unwrap();
    assert_eq!(news(&mut contexts, 1), [(three, Change::Arrived)]);
    assert_eq!(news(&mut contexts, 0), [], "it is not there any more");
}

#[test]
fn whom_who_runs_has_woken_is_offered_to_a_host_that_waits() {
    let ended_by = EndedBy::Others { own_after: 50 };
    let (mut contexts, other, [one, three]) = one_busy_cpu(Terms { ended_by, ..terms(1000) });
    contexts.wake_by(Some(0), three);
    assert!(!contexts.is_due(0));
    assert_eq!(contexts.to_tell(0), 1 << 1);
    contexts.pass(1, 10);
    assert_eq!(contexts.running(1), other);
    contexts.dispatch(1, 10, 1, None, at_once(0)).unwrap();
    assert_eq!(news(&mut contexts, 1), [(three, Change::Arrived)]);
    contexts.wake_by(Some(1), three);
    assert_eq!(contexts.running(0), one, "it goes on there");
}

#[test]
fn who_has_one_place_stays_there() {
    let (mut contexts, _, [one, two]) = two_cpus();
    let places = Places { first: 0, count: 2 };
    contexts.add(places.only(2), 5).unwrap();
    contexts.dispatch(0, 0, 0, Some(one), terms(1000)).unwrap();
    contexts.dispatch(1, 0, 1, Some(two), terms(1000)).unwrap();
    contexts.block(1, 0, UNLIMITED);
    contexts.dispatch(1, 0, 1, None, at_once(0)).unwrap();
    assert!(contexts.is_idle(1));
}

#[test]
fn there_are_as_many_cpus_as_numbers() {
    let mut contexts = Contexts::new(0, HELP);
    let numbers: Vec<usize> = core::iter::from_fn(|| contexts.add_cpu(0)).collect();
    assert_eq!(numbers, (1..CPUS).collect::<Vec<_>>());
    assert_eq!(contexts.cpus(), CPUS);
}
