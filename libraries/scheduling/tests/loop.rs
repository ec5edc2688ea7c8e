//! What the loop makes of what a processor says, be it sense or nonsense.

use std::collections::{BTreeMap, VecDeque};

use proptest::{collection::vec, prelude::*};
use warren_idl::{ContextNews, DispatchError, ENDED_BY_ANYBODY, ENDED_BY_OTHERS, Outcome, Terms};
use warren_scheduling::{Dispatch, Dispatcher, FOREVER_NS, PerContext, Policy, Slot, Turn, run};
use warren_simulated_processor::{MS, Step, Task, simulate};

/// Chooses the oldest of those that are ready, and fails if it hears what cannot be.
#[derive(Default)]
struct Strict<const HEEDS_OWN: bool> {
    states: PerContext<State>,
    ready: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Blocked,
    Ready,
    Gone,
}

impl<const HEEDS_OWN: bool> Strict<HEEDS_OWN> {
    fn change(&mut self, slot: Slot, from: State, to: State) {
        assert_eq!(self.states[slot], from, "{slot:?} becomes {to:?}");
        self.states[slot] = to;
        self.ready.retain(|ready| *ready != slot);
        if to == State::Ready {
            self.ready.push(slot);
        }
    }
}

impl<const HEEDS_OWN: bool> Policy for Strict<HEEDS_OWN> {
    const HEEDS_OWN: bool = HEEDS_OWN;

    fn arrived(&mut self, slot: Slot, _terms: &Terms, _now_ns: u64) {
        self.states.set(slot, State::Blocked);
    }

    fn ready(&mut self, slot: Slot, _now_ns: u64) {
        self.change(slot, State::Blocked, State::Ready);
    }

    fn blocked(&mut self, slot: Slot, _now_ns: u64) {
        self.change(slot, State::Ready, State::Blocked);
    }

    fn gone(&mut self, slot: Slot, _now_ns: u64) {
        self.change(slot, State::Blocked, State::Gone);
    }

    fn charge(&mut self, slot: Slot, _used_ns: u64, _gave_way: bool, _now_ns: u64) {
        assert_eq!(self.states[slot], State::Ready);
    }

    fn choose(&mut self, _now_ns: u64) -> Option<Turn> {
        let slot = *self.ready.first()?;
        Some(Turn { slot, budget_ns: MS, until_ns: FOREVER_NS })
    }
}

/// Answers one dispatch after the other by script, and then that it is no processor any more.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Outcome, DispatchError>>,
    dispatched: Vec<Dispatch>,
    terms: BTreeMap<u64, DispatchError>,
}

const END: DispatchError = DispatchError::NotTheHost;

impl Script {
    /// The contexts that are dispatched; 0 for waiting.
    fn play(answers: impl IntoIterator<Item = Result<Outcome, DispatchError>>) -> Vec<u64> {
        let mut script = Script { answers: answers.into_iter().collect(), ..Script::default() };
        assert_eq!(run(&mut script, Strict::<true>::default()), Err(END));
        script.dispatched.iter().map(|dispatch| dispatch.context).collect()
    }
}

impl Dispatcher for Script {
    fn dispatch(&mut self, dispatch: Dispatch) -> Result<Outcome, DispatchError> {
        self.dispatched.push(dispatch);
        self.answers.pop_front().unwrap_or(Err(END))
    }

    fn terms(&mut self, context: u64) -> Result<Terms, DispatchError> {
        self.terms.get(&context).map_or(Ok(Terms::default()), |error| Err(*error))
    }
}

fn outcome(reason: u32, news: &[(u64, u32)]) -> Result<Outcome, DispatchError> {
    let mut outcome = Outcome { reason, count: news.len() as u32, ..Outcome::default() };
    for (place, (context, kind)) in outcome.news.iter_mut().zip(news) {
        *place = ContextNews { context: *context, kind: *kind, padding: 0 };
    }
    Ok(outcome)
}

fn arrived(contexts: &[u64]) -> Result<Outcome, DispatchError> {
    let news: Vec<_> = contexts.iter().map(|context| (*context, ContextNews::ARRIVED)).collect();
    outcome(Outcome::PREEMPTED, &news)
}

#[test]
fn with_nothing_ready_it_waits_for_news() {
    let mut script = Script::default();
    assert_eq!(run(&mut script, Strict::<true>::default()), Err(END));
    let ended_by = ENDED_BY_ANYBODY;
    let wait = Dispatch { context: 0, budget_ns: FOREVER_NS, until_ns: FOREVER_NS, ended_by };
    assert_eq!(script.dispatched, [wait]);
}

#[test]
fn a_turn_is_ended_by_the_news_that_the_policy_heeds() {
    fn ended_by(policy: impl Policy) -> Vec<u32> {
        let answers = [arrived(&[7])].into();
        let mut script = Script { answers, ..Script::default() };
        assert_eq!(run(&mut script, policy), Err(END));
        script.dispatched.iter().map(|dispatch| dispatch.ended_by).collect()
    }
    assert_eq!(ended_by(Strict::<true>::default()), [ENDED_BY_ANYBODY; 2]);
    assert_eq!(ended_by(Strict::<false>::default()), [ENDED_BY_ANYBODY, ENDED_BY_OTHERS]);
}

#[test]
fn who_blocks_is_dispatched_again_when_it_is_ready() {
    let answers = [
        arrived(&[7]),
        outcome(Outcome::BLOCKED, &[]),
        outcome(Outcome::PREEMPTED, &[(7, ContextNews::READY)]),
        outcome(Outcome::FINISHED, &[]),
    ];
    assert_eq!(Script::play(answers), [0, 7, 0, 7, 0]);
}

#[test]
fn who_blocked_and_woke_in_one_dispatch_is_ready() {
    let answers = [arrived(&[7]), outcome(Outcome::BLOCKED, &[(7, ContextNews::READY)])];
    assert_eq!(Script::play(answers), [0, 7, 7]);
}

#[test]
fn who_ended_is_forgotten_however_often_it_is_said() {
    for reason in [Outcome::FINISHED, Outcome::FAULTED, Outcome::KILLED] {
        let answers = [arrived(&[7]), outcome(reason, &[(7, ContextNews::GONE)])];
        assert_eq!(Script::play(answers), [0, 7, 0]);
    }
}

#[test]
fn who_gives_way_runs_after_another_one() {
    let gave_way = || outcome(Outcome::YIELDED, &[]);
    let answers = [arrived(&[7, 8]), gave_way(), outcome(Outcome::SPENT, &[]), gave_way()];
    assert_eq!(Script::play(answers), [0, 7, 8, 8, 7]);
}

#[test]
fn who_gives_way_to_nobody_runs() {
    let gave_way = || outcome(Outcome::YIELDED, &[]);
    assert_eq!(Script::play([arrived(&[7]), gave_way(), gave_way()]), [0, 7, 7, 7]);
}

#[test]
fn what_is_not_ready_is_asked_again_after_something_else_or_a_while() {
    let not_ready = || Err(DispatchError::NotReady);
    let answers = [arrived(&[7, 8]), not_ready(), outcome(Outcome::BLOCKED, &[]), not_ready()];
    let mut script = Script { answers: answers.into(), ..Script::default() };
    script.answers.push_back(outcome(Outcome::DEADLINE, &[]));
    assert_eq!(run(&mut script, Strict::<true>::default()), Err(END));
    let dispatched: Vec<_> = script.dispatched.iter().map(|it| it.context).collect();
    assert_eq!(dispatched, [0, 7, 8, 7, 0, 7]);
    assert_eq!(script.dispatched[4].until_ns, MS, "it does not wait for ever");
}

#[test]
fn what_is_unknown_is_forgotten() {
    let unknown = || Err(DispatchError::Unknown);
    assert_eq!(Script::play([arrived(&[7, 8]), unknown(), unknown()]), [0, 7, 8, 0]);
}

#[test]
fn whoever_is_heard_of_has_arrived() {
    let news = [(7, ContextNews::READY), (8, ContextNews::BLOCKED), (9, ContextNews::GONE)];
    let answers = [
        outcome(Outcome::PREEMPTED, &news),
        outcome(Outcome::BLOCKED, &[]),
        outcome(Outcome::PREEMPTED, &[(8, ContextNews::READY)]),
    ];
    assert_eq!(Script::play(answers), [0, 7, 0, 8]);
}

#[test]
fn whoever_arrives_again_is_somebody_new() {
    let answers = [arrived(&[7]), outcome(Outcome::BLOCKED, &[(7, ContextNews::ARRIVED)])];
    assert_eq!(Script::play(answers), [0, 7, 7]);
}

#[test]
fn who_is_gone_before_its_terms_are_asked_for_did_not_arrive() {
    let terms = [(7, DispatchError::Unknown)].into();
    let mut script = Script { answers: [arrived(&[7])].into(), terms, ..Script::default() };
    assert_eq!(run(&mut script, Strict::<true>::default()), Err(END));
    assert_eq!(script.dispatched.iter().map(|it| it.context).max(), Some(0));
}

#[test]
fn other_errors_end_it() {
    for error in [DispatchError::TooDeep, DispatchError::NotTheHost] {
        let mut script =
            Script { answers: [arrived(&[7]), Err(error)].into(), ..Script::default() };
        assert_eq!(run(&mut script, Strict::<true>::default()), Err(error));
    }
    let mut script = Script { answers: [Err(DispatchError::NotReady)].into(), ..Script::default() };
    assert_eq!(
        run(&mut script, Strict::<true>::default()),
        Err(DispatchError::NotReady),
        "of nobody"
    );
}

#[test]
fn more_contexts_than_there_is_room_for_news_all_arrive() {
    let tasks = vec![Task::of([Step::Compute(MS), Step::End]); 3 * Outcome::NEWS + 1];
    let history = simulate(tasks, Strict::<true>::default(), 100 * MS);
    assert_eq!(history.ran.len(), 3 * Outcome::NEWS + 1);
    assert_eq!(history.refused, 0);
}

fn any_answer() -> impl Strategy<Value = Result<Outcome, DispatchError>> {
    let refusal = prop_oneof![Just(DispatchError::Unknown), Just(DispatchError::NotReady)];
    let news = vec((1..6u64, 0..7u32), 0..Outcome::NEWS);
    let outcome = (0..11u32, 0..12u32, 0..5 * MS, 0..50 * MS, news).prop_map(
        |(reason, count, used_ns, now_ns, news)| {
            Ok(Outcome { count, used_ns, now_ns, ..outcome(reason, &news).unwrap() })
        },
    );
    prop_oneof![1 => refusal.prop_map(Err), 4 => outcome]
}

proptest! {
    #[test]
    fn a_policy_hears_only_what_can_be(answers in vec(any_answer(), 0..100)) {
        // `Strict` panics otherwise.
        let mut script = Script { answers: answers.into(), ..Script::default() };
        let error = run(&mut script, Strict::<true>::default()).unwrap_err();
        // A refusal ends it if nobody was dispatched.
        prop_assert!(error == END || script.dispatched.last().unwrap().context == 0);
    }
}
