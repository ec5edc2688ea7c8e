//! Deaths: faults, panics, endless loops, exhausted stacks, and who is told of them.
#![expect(unsafe_code, reason = "servers of these tests are machine code")]

mod support;

use std::{cell::Cell, rc::Rc};

use support::{
    ATOMIC, FASTEST_NS, Make, REFERENCE, SERVICE, Server, State, VALUES, WIDE, call, code, count,
    replace_first, system,
};
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    death,
    instance::{Instance, Life},
    launch::{self, LaunchFault},
    platform::Platform,
    reference,
    stub::Shape,
};
use warren_hosted::{Hosted, join, start_thread};

const SLICE_NS: u64 = 1_000_000;
/// Index among the words of a server's state: whether a thread has come in.
const ENTERED: usize = 1;
const LOST: u64 = SystemError::Lost as u64;

extern "C" fn add(_: &State, first: u64, second: u64) -> Ret {
    Ret::ok(first + second)
}

/// Calls function 0 of the reference in `words[0]`; what that answers is the value.
extern "C" fn try_it(state: &State, first: u64, second: u64) -> Ret {
    let answer = call(state, 0, state.words[0].get(), first, second);
    state.value.set(state.value.get() + 1);
    Ret::ok(answer.error)
}

/// A server whose first function is machine code, and a client that survives calling it.
fn victim_and_client(bytes: &[u8], watchdog_ms: u32) -> (Server, Server) {
    victim_and_client_of_shape(bytes, watchdog_ms, VALUES)
}

/// The same, with the shape of the client's call.
fn victim_and_client_of_shape(bytes: &[u8], watchdog_ms: u32, shape: Shape) -> (Server, Server) {
    let victim =
        Server::new(&Make { name: "victim", root: &[add], watchdog_ms, ..Make::default() });
    replace_first(&victim, code(&victim, bytes));
    let client = Server::new(&Make {
        name: "client",
        root: &[try_it, add],
        calls: &[(0, shape)],
        ..Make::default()
    });
    client.state().words[0].set(victim.word());
    (victim, client)
}

/// All callee-saved registers are overwritten before the callee faults.
fn callee_saved_registers_survive(shape: Shape) {
    // mov rbx, -1; mov rbp, rbx; mov r12, rbx; mov r13, rbx; mov r14, rbx; mov r15, rbx; std; ud2
    let bytes = [
        0x48, 0xc7, 0xc3, 0xff, 0xff, 0xff, 0xff, 0x48, 0x89, 0xdd, 0x49, 0x89, 0xdc, 0x49, 0x89,
        0xdd, 0x49, 0x89, 0xde, 0x49, 0x89, 0xdf, 0xfd, 0x0f, 0x0b,
    ];
    let (_, client) = victim_and_client_of_shape(&bytes, 0, shape);
    let kept = [1u64, 2, 3, 4, 5, 6].map(std::hint::black_box);
    assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
    assert_eq!(kept.map(std::hint::black_box), [1, 2, 3, 4, 5, 6]);
}

/// A server is killed while a call of this shape that it made is under way.
fn the_one_below_goes_on(shape: Shape) {
    extern "C" fn wait(state: &State, _: u64, _: u64) -> Ret {
        system("wsys.unlock", 0, 0);
        state.words[ENTERED].set(1);
        while state.value.get() == 0 {
            system("wsys.yield", 0, 0);
        }
        system("wsys.lock", 0, 0);
        Ret::ok(0)
    }
    let innermost = Server::new(&Make { root: &[wait], ..Make::default() });
    let caller = |name| {
        Server::new(&Make { name, root: &[try_it], calls: &[(0, shape)], ..Make::default() })
    };
    let (victim, client) = (caller("victim"), caller("client"));
    victim.state().words[0].set(innermost.word());
    client.state().words[0].set(victim.word());
    let result = Rc::new(Cell::new(Ret::ok(0)));
    let thread = {
        let result = result.clone();
        start_thread("inside", move || result.set(client.call(0, 0, 0))).unwrap()
    };
    await_entry(&innermost);
    death::kill::<Hosted>(victim.instance, format_args!("the test wants it"));
    innermost.state().value.set(1);
    join(thread).unwrap();
    assert_eq!(result.get(), Ret::ok(LOST));
    assert_eq!(client.state().value.get(), 1, "the client went on");
    assert_eq!(innermost.call(0, 0, 0), Ret::ok(0));
    death::finish::<Hosted>();
    assert_eq!(victim.instance.life.get(), Life::Buried);
}

fn fails_with_lost(bytes: &[u8], reason: &str) {
    let (victim, client) = victim_and_client(bytes, 20);
    assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
    assert_eq!(client.call(0, 0, 0), Ret::ok(LOST), "a dead server stays dead");
    assert_eq!(client.call(1, 1, 2), Ret::ok(3), "the caller goes on");
    assert_eq!(client.state().value.get(), 2);
    assert_eq!(victim.instance.life.get(), Life::Buried);
    let log = support::log();
    assert!(log.iter().any(|line| line.contains("victim") && line.contains(reason)), "{log:?}");
}

on_a_machine! {
    fn a_null_read_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0x31, 0xc0, 0x48, 0x8b, 0x00, 0xc3], "touched address 0x0"); // xor eax, eax; mov rax, [rax]; ret
    }

    fn a_wild_write_is_lost_at_the_caller(SLICE_NS) {
        // mov eax, 0x12345; mov [rax], rax
        fails_with_lost(&[0xb8, 0x45, 0x23, 0x01, 0x00, 0x48, 0x89, 0x00, 0xc3], "touched address 0x12345");
    }

    fn a_division_by_zero_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1, 0xc3], "divided by zero"); // xor ecx, ecx; xor edx, edx; div ecx
    }

    fn a_privileged_instruction_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0xf4, 0xc3], "did what only a kernel may"); // hlt
    }

    fn an_illegal_instruction_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0x0f, 0x0b], "illegal instruction"); // ud2
    }

    fn a_jump_to_nowhere_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0x31, 0xc0, 0xff, 0xe0], "touched address 0x0"); // xor eax, eax; jmp rax
    }

    fn an_exhausted_stack_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0x50, 0xeb, 0xfd], "ran out of stack"); // push rax; jmp -3
    }

    fn a_stack_that_ends_inside_the_engine_is_lost_at_the_caller(SLICE_NS) {
        extern "C" fn descend(state: &State, depth: u64, _: u64) -> Ret {
            // The engine needs more stack than a level of this, so it is the engine that runs out.
            assert_ne!(system("wsys.keep", 0, 0).error, 0);
            state.value.set(depth);
            let below = descend(state, depth + 1, 0);
            Ret { value: below.value + depth, ..below }
        }
        let victim = Server::new(&Make { name: "victim", root: &[descend], ..Make::default() });
        let client = Server::new(&Make { root: &[try_it, add], calls: &[(0, VALUES)], ..Make::default() });
        client.state().words[0].set(victim.word());
        assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
        assert_eq!(client.call(1, 1, 2), Ret::ok(3));
        assert_eq!(victim.instance.life.get(), Life::Buried);
        let log = support::log();
        assert!(log.iter().any(|line| line.contains("victim: ran out of stack")), "{log:?}");
        // A second one finds the reserve closed again.
        let second = Server::new(&Make { name: "second", root: &[descend], ..Make::default() });
        client.state().words[0].set(second.word());
        assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
    }

    fn a_wild_stack_pointer_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0x31, 0xe4, 0x50], "touched address 0xfffffffffffffff8"); // xor esp, esp; push rax
    }

    fn an_endless_loop_is_lost_at_the_caller(SLICE_NS) {
        fails_with_lost(&[0xeb, 0xfe], "computed for 20 ms"); // jmp self
    }

    fn a_loop_that_calls_is_not_the_watchdogs_business(SLICE_NS) {
        extern "C" fn call_on(state: &State, times: u64, _: u64) -> Ret {
            for _ in 0..times { call(state, 0, state.words[0].get(), 0, 0); }
            Ret::ok(1)
        }
        let inner = Server::new(&Make { root: &[add], watchdog_ms: 5, ..Make::default() });
        let outer = Server::new(&Make { root: &[call_on], calls: &[(0, VALUES)], watchdog_ms: 5, ..Make::default() });
        outer.state().words[0].set(inner.word());
        let start = warren_hosted::machine::now_ns();
        while warren_hosted::machine::now_ns() - start < 50_000_000 {
            assert_eq!(outer.call(0, 100_000, 0), Ret::ok(1));
        }
    }

    fn a_panic_is_lost_at_the_caller(SLICE_NS) {
        extern "C" fn panics(_: &State, _: u64, _: u64) -> Ret {
            let text = "all is lost";
            system("wsys.panic", text.as_ptr() as u64, text.len() as u64)
        }
        let victim = Server::new(&Make { name: "victim", root: &[panics], ..Make::default() });
        let client = Server::new(&Make { root: &[try_it], calls: &[(0, VALUES)], ..Make::default() });
        client.state().words[0].set(victim.word());
        assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
        let log = support::log();
        assert!(log.iter().any(|line| line.contains("victim: panicked: all is lost")), "{log:?}");
    }

    fn a_wild_reference_is_the_callers_fault(SLICE_NS) {
        let victim = Server::new(&Make { name: "victim", root: &[try_it], calls: &[(0, VALUES)], ..Make::default() });
        victim.state().words[0].set(0x1234_5678);
        let client = Server::new(&Make { root: &[try_it], calls: &[(0, VALUES)], ..Make::default() });
        client.state().words[0].set(victim.word());
        assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
        assert_eq!(victim.instance.life.get(), Life::Buried);
        assert_eq!(client.instance.life.get(), Life::Alive);
    }

    fn a_fault_in_an_atomic_call_leaves_its_caller_with_its_lock_and_alive(SLICE_NS) {
        let victim = Server::new(&Make { name: "victim", root: &[add], atomic: true, ..Make::default() });
        replace_first(&victim, code(&victim, &[0x0f, 0x0b]));
        extern "C" fn is_locked(state: &State, lock: u64, _: u64) -> Ret {
            let answer = call(state, 0, state.words[0].get(), 0, 0);
            assert_eq!(answer.error, LOST);
            // SAFETY: the test passes the address of a lock.
            let word = unsafe { &*(lock as *const std::sync::atomic::AtomicU64) };
            // SAFETY: it is the frame of this call.
            let held = unsafe { (*reference::newest_frame::<Hosted>()).lock } as u64;
            // It is not written any more that it is held.
            Ret::ok((word.load(std::sync::atomic::Ordering::Relaxed) == 0 && held == lock).into())
        }
        let client = Server::new(&Make { root: &[is_locked], calls: &[(0, ATOMIC)], ..Make::default() });
        client.state().words[0].set(victim.word());
        assert_eq!(client.call(0, &raw const client.instance.lock as u64, 0), Ret::ok(1));
        assert_eq!(client.instance.lock.0.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    fn what_died_in_an_atomic_call_is_taken_apart_by_the_next_call_into_it(SLICE_NS) {
        let victim = Server::new(&Make { name: "victim", root: &[add], atomic: true, ..Make::default() });
        replace_first(&victim, code(&victim, &[0x0f, 0x0b]));
        let client = |shape| {
            let client = Server::new(&Make { root: &[try_it], calls: &[(0, shape)], ..Make::default() });
            client.state().words[0].set(victim.word());
            client.call(0, 0, 0)
        };
        for _ in 0..2 {
            assert_eq!(client(ATOMIC), Ret::ok(LOST));
            assert_eq!(victim.instance.life.get(), Life::Dead, "its caller keeps its lock");
        }
        assert_eq!(client(VALUES), Ret::ok(LOST));
        assert_eq!(victim.instance.life.get(), Life::Buried);
    }

    fn a_fault_in_a_call_for_a_reference_is_lost(SLICE_NS) {
        let victim = Server::new(&Make { name: "victim", root: &[add], references: &[0], ..Make::default() });
        replace_first(&victim, code(&victim, &[0x0f, 0x0b]));
        let client = Server::new(&Make { root: &[try_it], calls: &[(0, REFERENCE)], ..Make::default() });
        client.state().words[0].set(victim.word());
        assert_eq!(client.call(0, 0, 0), Ret::ok(LOST));
    }

    fn what_a_dead_server_kept_is_given_back(SLICE_NS) {
        extern "C" fn keep(_: &State, word: u64, _: u64) -> Ret { system("wsys.keep", word, 0) }
        let target = Server::new(&Make { root: &[add], ..Make::default() });
        let victim = Server::new(&Make { name: "victim", root: &[add, keep], ..Make::default() });
        assert_eq!(victim.call(1, target.word(), 0).error, 0);
        assert_eq!(count(target.root), 2);
        replace_first(&victim, code(&victim, &[0x0f, 0x0b]));
        assert_eq!(victim.call(0, 0, 0).error, LOST);
        assert_eq!(count(target.root), 1);
    }

    fn callee_saved_registers_of_the_caller_survive_the_callees_death(SLICE_NS) {
        callee_saved_registers_survive(VALUES);
    }

    fn callee_saved_registers_survive_a_call_with_words_on_the_stack(SLICE_NS) {
        callee_saved_registers_survive(WIDE);
    }

    fn a_thread_that_sleeps_in_a_server_is_cut_off_when_that_is_killed(SLICE_NS) {
        extern "C" fn wait(state: &State, _: u64, _: u64) -> Ret {
            system("wsys.unlock", 0, 0);
            state.words[ENTERED].set(1);
            loop { system("wsys.yield", 0, 0); }
        }
        let victim = Server::new(&Make { name: "victim", root: &[wait], ..Make::default() });
        let client = Server::new(&Make { root: &[try_it], calls: &[(0, VALUES)], ..Make::default() });
        client.state().words[0].set(victim.word());
        let result = Rc::new(Cell::new(Ret::ok(0)));
        let thread = start_thread("inside", { let result = result.clone(); move || result.set(client.call(0, 0, 0)) }).unwrap();
        await_entry(&victim);
        Hosted::critical(|| {
            death::kill::<Hosted>(victim.instance, format_args!("the test wants it"));
            assert!(!death::bury::<Hosted>(), "a frame still needs it");
        });
        join(thread).unwrap();
        assert_eq!(result.get(), Ret::ok(LOST));
        assert_eq!(victim.instance.life.get(), Life::Buried, "the thread itself has done that");
    }

    fn whoever_is_called_by_a_destructor_does_not_reach_what_it_destroys(SLICE_NS) {
        extern "C" fn make(state: &State, _: u64, _: u64) -> Ret {
            let made = system("wsys.spawn", 1, core::ptr::from_ref(&state.value) as u64);
            Ret { value: 0, ..made }
        }
        // A local server's state is its parent's.
        extern "C" fn touch(state: &State, _: u64, _: u64) -> Ret {
            state.value.set(state.value.get() + 1);
            Ret::ok(0)
        }
        extern "C" fn hand_out(state: &State, _: u64, _: u64) -> Ret {
            let this = system("wsys.this", 0, 0);
            assert_eq!((this.error, system("wsys.keep", this.value, 0).error), (0, 0));
            state.words[1].set(this.value);
            call(state, 0, state.words[0].get(), this.value, 0)
        }
        // Calls the reference that it is passed, and notes what that answers.
        extern "C" fn use_it(state: &State, word: u64, _: u64) -> Ret {
            state.value.set(call(state, 0, word, 0, 0).error);
            Ret::ok(0)
        }
        let friend = Server::new(&Make { root: &[use_it], calls: &[(0, VALUES)], ..Make::default() });
        let keeper = || {
            let keeper = Server::new(&Make {
                name: "keeper", root: &[make, touch], local: Some((&[touch], hand_out)), destruct: hand_out, calls: &[(0, VALUES)],
                ..Make::default()
            });
            keeper.state().words[0].set(friend.word());
            keeper
        };
        // A local server: the reference that is kept stays, and answers `Lost`.
        let of_local = keeper();
        assert_eq!(of_local.call(0, 0, 0), Ret::ok(0));
        let answer = || friend.state().value.replace(0);
        assert_eq!(answer(), LOST, "it was called while its destructor ran");
        assert_eq!(of_local.state().value.get(), 0);
        assert_eq!(friend.call(0, of_local.state().words[1].get(), 0), Ret::ok(0));
        assert_eq!(answer(), LOST, "it is called when its destructor has run");
        // A root, which is an instance's last object.
        let of_root = keeper();
        give_up(of_root.root);
        assert_eq!(answer(), LOST);
        assert_eq!(of_root.instance.life.get(), Life::Buried);
    }

    fn a_server_is_launched_again_only_when_its_destructor_has_run(SLICE_NS) {
        extern "C" fn destruct(state: &State, _: u64, _: u64) -> Ret {
            system("wsys.unlock", 0, 0);
            state.words[ENTERED].set(1);
            while state.value.get() == 0 { system("wsys.yield", 0, 0); }
            system("wsys.lock", 0, 0);
            Ret::ok(0)
        }
        let victim = Server::new(&Make { root: &[add], destruct, ..Make::default() });
        let planned = victim.instance.planned.expect("a server of the plan");
        let closing = start_thread("closing", move || give_up(victim.root)).unwrap();
        await_entry(&victim);
        let root = Hosted::critical(|| reference::counted_root(victim.instance, SERVICE));
        assert!(root.is_none(), "it answers no more");
        let launched = Rc::new(Cell::new(false));
        let launching = start_thread("launching", { let launched = launched.clone(); move || {
            // The plan of tests has no files: it gets so far and no further.
            assert!(matches!(launch::launch::<Hosted>(planned), Err(LaunchFault::NoFile)));
            launched.set(true);
        }}).unwrap();
        for _ in 0..100 { warren_hosted::yield_now(); }
        assert!(!launched.get(), "its destructor runs");
        victim.state().value.set(1);
        join(closing).unwrap();
        join(launching).unwrap();
        assert!(launched.get());
    }

    fn whoever_destructs_a_server_neither_waits_for_another_one_nor_brings_one_back(SLICE_NS) {
        // Servers of the plan.
        const VICTIM: usize = 1;
        const OTHER: usize = 5;
        thread_local!(static IS_REFUSED: Cell<bool> = const { Cell::new(false) });
        let next = || {
            // SAFETY: inside `critical`.
            Hosted::critical(|| unsafe { reference::tables::<Hosted>() }.next_return_ns())
        };
        extern "C" fn destruct(_: &State, _: u64, _: u64) -> Ret {
            IS_REFUSED.set(matches!(launch::launch::<Hosted>(VICTIM), Err(LaunchFault::Busy)));
            launch::revive::<Hosted>();
            Ret::ok(0)
        }
        let victim = Server::new(&Make { root: &[add], destruct, ..Make::default() });
        assert_eq!(victim.instance.planned, Some(VICTIM), "what its destructor launches");
        // SAFETY: inside `critical`.
        Hosted::critical(|| unsafe { reference::tables::<Hosted>() }.come_back(OTHER, 0));
        give_up(victim.root);
        assert_eq!((IS_REFUSED.get(), next()), (true, Some(0)));
        launch::revive::<Hosted>();
        assert_eq!(next(), None, "whoever destructs nothing brings it back");
    }

    fn whoever_launches_a_server_does_not_wait_for_it(SLICE_NS) {
        const PLANNED: usize = 5;
        let own = death::running_thread::<Hosted>();
        // SAFETY: inside `critical`.
        Hosted::critical(|| unsafe { reference::tables::<Hosted>() }.launching[PLANNED] = Some(own));
        assert!(matches!(launch::launch::<Hosted>(PLANNED), Err(LaunchFault::Busy)));
    }

    fn a_call_that_is_over_ends_as_it_was_although_a_destructor_ends_its_callee(SLICE_NS) {
        thread_local!(static VICTIM: Cell<Option<&'static Instance>> = const { Cell::new(None) });
        extern "C" fn make(state: &State, _: u64, _: u64) -> Ret {
            system("wsys.spawn", 1, core::ptr::from_ref(&state.value) as u64)
        }
        extern "C" fn dropped(_: &State, _: u64, _: u64) -> Ret {
            let victim = VICTIM.get().expect("the test names it");
            death::kill::<Hosted>(victim, format_args!("a destructor wants it"));
            Ret::ok(0)
        }
        extern "C" fn use_one(state: &State, _: u64, _: u64) -> Ret {
            assert_eq!(call(state, 0, state.words[0].get(), 0, 0).error, 0);
            Ret::ok(5)
        }
        let maker = Server::new(&Make { root: &[make], references: &[0], local: Some((&[make], dropped)), ..Make::default() });
        let victim = Server::new(&Make { name: "victim", root: &[use_one], calls: &[(0, REFERENCE)], ..Make::default() });
        victim.state().words[0].set(maker.word());
        VICTIM.set(Some(victim.instance));
        assert_eq!(victim.call(0, 0, 0), Ret::ok(5));
        assert_eq!(maker.instance.objects.get(), 1, "the destructor's object is gone");
        assert_eq!(victim.instance.life.get(), Life::Buried);
    }

    fn a_call_that_returns_into_a_dead_server_goes_on_in_the_one_below(SLICE_NS) {
        the_one_below_goes_on(VALUES);
    }

    fn a_call_with_words_on_the_stack_that_returns_into_a_dead_server_goes_on_below(SLICE_NS) {
        the_one_below_goes_on(WIDE);
    }

    fn a_callee_that_only_the_dead_caller_referred_to_ends_its_call_first(SLICE_NS) {
        extern "C" fn keep(_: &State, word: u64, _: u64) -> Ret { system("wsys.keep", word, 0) }
        extern "C" fn wait(state: &State, ready: u64, _: u64) -> Ret {
            // SAFETY: the test passes the address of a cell that it keeps.
            let ready = unsafe { &*(ready as *const Cell<u64>) };
            system("wsys.unlock", 0, 0);
            state.words[ENTERED].set(1);
            while ready.get() == 0 { system("wsys.yield", 0, 0); }
            system("wsys.lock", 0, 0);
            ready.set(ready.get() * 10 + 1);
            Ret::ok(0)
        }
        extern "C" fn destruct(state: &State, _: u64, _: u64) -> Ret {
            // SAFETY: the test puts the address of its cell there.
            let ready = unsafe { &*(state.words[0].get() as *const Cell<u64>) };
            ready.set(ready.get() * 10 + 2);
            Ret::ok(0)
        }
        let ready: &'static Cell<u64> = Box::leak(Box::new(Cell::new(0)));
        let callee = Server::new(&Make { root: &[wait], destruct, ..Make::default() });
        callee.state().words[0].set(core::ptr::from_ref(ready) as u64);
        let victim = Server::new(&Make { name: "victim", root: &[try_it, keep], calls: &[(0, VALUES)], ..Make::default() });
        victim.state().words[0].set(callee.word());
        assert_eq!(victim.call(1, callee.word(), 0).error, 0);
        give_up(callee.root);
        let address = core::ptr::from_ref(ready) as u64;
        let thread = start_thread("inside", move || assert_eq!(victim.call(0, address, 0).error, LOST)).unwrap();
        await_entry(&callee);
        death::kill::<Hosted>(victim.instance, format_args!("the test wants it"));
        death::finish::<Hosted>();
        ready.set(1);
        join(thread).unwrap();
        death::finish::<Hosted>();
        assert_eq!(ready.get(), 112, "first the call ended, then the server was destructed");
    }

    fn waiters_for_the_lock_of_a_server_that_dies_are_told(FASTEST_NS) {
        // Sixteen threads, all of which want into a server that loops until the watchdog ends it.
        let (victim, _) = victim_and_client(&[0xeb, 0xfe], 20);
        let threads: Vec<_> = (0..16).map(|_| {
            let client = Server::new(&Make { root: &[try_it], calls: &[(0, VALUES)], ..Make::default() });
            client.state().words[0].set(victim.word());
            start_thread("waiter", move || assert_eq!(client.call(0, 0, 0), Ret::ok(LOST))).unwrap()
        }).collect();
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        death::finish::<Hosted>();
        assert_eq!(victim.instance.life.get(), Life::Buried);
    }

    fn a_server_may_die_a_thousand_times_among_preempted_threads(FASTEST_NS) {
        let client = Server::new(&Make { root: &[try_it], concurrent: true, calls: &[(0, VALUES)], ..Make::default() });
        let done = Rc::new(Cell::new(false));
        let current = Rc::new(Cell::new(0));
        let threads: Vec<_> = (0..2).map(|_| {
            let (done, current) = (done.clone(), current.clone());
            start_thread("caller", move || while !done.get() {
                if current.get() != 0 {
                    let answer = client.call(0, 1, 2);
                    assert!(answer == Ret::ok(LOST) || answer == Ret::ok(0), "{answer:?}");
                }
            }).unwrap()
        }).collect();
        for _ in 0..1000 {
            let victim = Server::new(&Make { root: &[add], ..Make::default() });
            client.state().words[0].set(victim.word());
            current.set(1);
            for _ in 0..3 { warren_hosted::yield_now(); }
            death::kill::<Hosted>(victim.instance, format_args!("the test wants it"));
            death::finish::<Hosted>();
        }
        done.set(true);
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        death::finish::<Hosted>();
    }
}

/// Lets other threads run until one of them has come into the server.
fn await_entry(server: &Server) {
    while server.state().words[ENTERED].get() == 0 {
        warren_hosted::yield_now();
    }
}

/// Gives up the count that the test has of a root.
fn give_up(root: *mut warren_engine::layout::Object) {
    Hosted::critical(|| reference::count_down::<Hosted>(root));
    death::finish::<Hosted>();
}
