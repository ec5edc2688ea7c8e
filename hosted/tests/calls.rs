//! Calls through stubs: values, nesting, locks, references, local servers.
#![expect(unsafe_code, reason = "objects are looked at from outside")]

mod support;

use std::{cell::Cell, rc::Rc};

use support::{ATOMIC, FASTEST_NS, Make, REFERENCE, Server, State, VALUES, call, count, system};
use warren_abi::call::{Ret, SystemError};
use warren_hosted::{join, start_thread};

const SLOW_NS: u64 = 5_000_000;

extern "C" fn add(_: &State, first: u64, second: u64) -> Ret {
    Ret::ok(first + second)
}

/// Calls function 0 of the reference in `words[0]`, and adds to what that says.
extern "C" fn forward(state: &State, first: u64, second: u64) -> Ret {
    let answer = call(state, 0, state.words[0].get(), first, second);
    Ret { value: answer.value + 1, ..answer }
}

extern "C" fn value(state: &State, _: u64, _: u64) -> Ret {
    Ret::ok(state.value.get())
}

on_a_machine! {
    fn a_call_returns_what_the_callee_says(SLOW_NS) {
        let server = Server::new(&Make { root: &[add], ..Make::default() });
        assert_eq!(server.call(0, 40, 2), Ret::ok(42));
    }

    fn a_callee_calls_on(SLOW_NS) {
        let inner = Server::new(&Make { root: &[add], ..Make::default() });
        let outer = Server::new(&Make { root: &[forward], calls: &[(0, VALUES)], ..Make::default() });
        outer.state().words[0].set(inner.word());
        assert_eq!(outer.call(0, 1, 2), Ret::ok(4));
    }

    fn a_server_is_entered_again_while_its_own_call_is_under_way(SLOW_NS) {
        let first = Server::new(&Make { root: &[forward, value], calls: &[(0, VALUES)], ..Make::default() });
        let second = Server::new(&Make { root: &[forward], calls: &[(1, VALUES)], ..Make::default() });
        first.state().words[0].set(second.word());
        second.state().words[0].set(first.word());
        first.state().value.set(10);
        assert_eq!(first.call(0, 0, 0), Ret::ok(12));
    }

    fn a_server_may_call_itself(SLOW_NS) {
        let server = Server::new(&Make { root: &[forward, value], calls: &[(1, VALUES)], ..Make::default() });
        server.state().words[0].set(server.word());
        server.state().value.set(10);
        assert_eq!(server.call(0, 0, 0), Ret::ok(11));
    }

    fn an_atomic_call_keeps_the_callers_lock(SLOW_NS) {
        extern "C" fn is_locked(state: &State, lock: u64, _: u64) -> Ret {
            // SAFETY: the test passes the address of a lock.
            let lock = unsafe { &*(lock as *const std::sync::atomic::AtomicU64) };
            state.value.set(1);
            Ret::ok((lock.load(std::sync::atomic::Ordering::Relaxed) != 0).into())
        }
        let inner = Server::new(&Make { root: &[is_locked], atomic: true, ..Make::default() });
        let outer = Server::new(&Make { root: &[forward], calls: &[(0, ATOMIC)], ..Make::default() });
        outer.state().words[0].set(inner.word());
        let lock = &raw const outer.instance.lock as u64;
        assert_eq!(outer.call(0, lock, 0), Ret::ok(2));
        // The callee's is not written while the thread that holds it runs.
        assert_eq!(outer.call(0, &raw const inner.instance.lock as u64, 0), Ret::ok(1));
    }

    fn entering_an_atomic_service_again_is_refused(SLOW_NS) {
        let first = Server::new(&Make { root: &[forward, value], atomic: true, calls: &[(0, ATOMIC)], ..Make::default() });
        let second = Server::new(&Make { root: &[forward], atomic: true, calls: &[(1, ATOMIC)], ..Make::default() });
        first.state().words[0].set(second.word());
        second.state().words[0].set(first.word());
        assert_eq!(first.call(0, 0, 0).error, SystemError::Reentered.number());
        assert_eq!(first.call(1, 0, 0), Ret::ok(0));
    }

    fn calls_nested_too_deeply_are_refused_and_the_callers_go_on(SLOW_NS) {
        extern "C" fn descend(state: &State, _: u64, _: u64) -> Ret {
            state.value.set(state.value.get() + 1);
            let answer = call(state, 0, state.words[0].get(), 0, 0);
            if answer.error == SystemError::TooDeep.number() { Ret::ok(state.value.get()) } else { answer }
        }
        let server = Server::new(&Make { root: &[descend], calls: &[(0, VALUES)], ..Make::default() });
        server.state().words[0].set(server.word());
        let deepest = server.call(0, 0, 0);
        assert_eq!(deepest, Ret::ok(warren_engine::layout::FRAMES as u64 - 1));
        assert_eq!(server.call(0, 0, 0).error, 0);
    }

    fn a_local_server_is_dropped_when_the_call_that_got_it_returns(SLOW_NS) {
        extern "C" fn open(state: &State, _: u64, _: u64) -> Ret {
            system("wsys.spawn", 1, core::ptr::from_ref(&state.value) as u64)
        }
        extern "C" fn use_it(state: &State, _: u64, _: u64) -> Ret {
            let opened = call(state, 0, state.words[0].get(), 0, 0);
            assert_eq!(opened.error, 0);
            call(state, 1, opened.value, 0, 0)
        }
        // A local server's state is the address of its parent's `value`.
        extern "C" fn touch(local: &State, _: u64, _: u64) -> Ret {
            local.value.set(local.value.get() + 1);
            Ret::ok(local.value.get())
        }
        extern "C" fn dropped(local: &State, _: u64, _: u64) -> Ret {
            local.value.set(local.value.get() + 100);
            Ret::ok(0)
        }
        let files = Server::new(&Make {
            root: &[open], references: &[0], local: Some((&[touch], dropped)), ..Make::default()
        });
        let client = Server::new(&Make { root: &[use_it], calls: &[(0, REFERENCE), (0, VALUES)], ..Make::default() });
        client.state().words[0].set(files.word());
        assert_eq!(client.call(0, 0, 0), Ret::ok(1));
        assert_eq!(files.state().value.get(), 101);
        assert_eq!(client.call(0, 0, 0), Ret::ok(102));
        assert_eq!(files.state().value.get(), 202);
    }

    fn a_reference_that_is_returned_stays_until_its_receiver_returns(SLOW_NS) {
        extern "C" fn give(state: &State, _: u64, _: u64) -> Ret {
            Ret::ok(state.words[1].get())
        }
        extern "C" fn take(state: &State, _: u64, _: u64) -> Ret {
            let given = call(state, 0, state.words[0].get(), 0, 0);
            if given.error != 0 { return given; }
            Ret::ok(count(given.value as *mut _).into())
        }
        let target = Server::new(&Make { root: &[add], ..Make::default() });
        let giver = Server::new(&Make { root: &[give], references: &[0], ..Make::default() });
        let taker = Server::new(&Make { root: &[take], calls: &[(0, REFERENCE)], ..Make::default() });
        giver.state().words[1].set(target.word());
        taker.state().words[0].set(giver.word());
        assert_eq!(taker.call(0, 0, 0), Ret::ok(2));
        assert_eq!(count(target.root), 1);
        giver.state().words[1].set(0x1234);
        assert_eq!(taker.call(0, 0, 0).error, SystemError::BadAnswer.number());
    }

    fn a_kept_reference_outlives_the_call_and_goes_when_it_is_released(SLOW_NS) {
        extern "C" fn keep(_: &State, word: u64, _: u64) -> Ret {
            system("wsys.keep", word, 0)
        }
        extern "C" fn release(_: &State, word: u64, _: u64) -> Ret {
            let before = count(word as *mut _);
            assert_eq!(system("wsys.release", word, 0).error, 0);
            // The count goes when the activation has returned.
            Ret::ok((before - count(word as *mut _)).into())
        }
        let target = Server::new(&Make { root: &[add], ..Make::default() });
        let keeper = Server::new(&Make { root: &[keep, release], ..Make::default() });
        assert_eq!(keeper.call(0, target.word(), 0), Ret::ok(target.word()));
        assert_eq!(count(target.root), 2);
        assert_eq!(keeper.call(1, target.word(), 0), Ret::ok(0));
        assert_eq!(count(target.root), 1);
    }

    fn a_weak_reference_is_upgraded_while_its_target_lives(SLOW_NS) {
        extern "C" fn weak(_: &State, word: u64, _: u64) -> Ret {
            system("wsys.weak", word, 0)
        }
        extern "C" fn upgrade(_: &State, word: u64, _: u64) -> Ret {
            let upgraded = system("wsys.upgrade", word, 0);
            Ret { value: count(word as *mut _).into(), ..upgraded }
        }
        extern "C" fn unweak(_: &State, word: u64, _: u64) -> Ret {
            system("wsys.unweak", word, 0)
        }
        let target = Server::new(&Make { root: &[add], ..Make::default() });
        let holder = Server::new(&Make { root: &[weak, upgrade, unweak], ..Make::default() });
        let word = target.word();
        assert_eq!(holder.call(1, word, 0).error, SystemError::BadReference.number());
        assert_eq!(holder.call(0, word, 0), Ret::ok(word));
        assert_eq!(holder.call(1, word, 0), Ret::ok(2));
        assert_eq!(count(target.root), 1);
        give_up(target.root);
        assert_eq!(holder.call(1, word, 0).error, SystemError::Gone.number());
        assert_eq!(holder.call(2, word, 0), Ret::ok(0));
        assert_eq!(holder.call(2, word, 0).error, SystemError::BadReference.number());
    }

    fn a_server_is_destructed_when_its_last_reference_goes(SLOW_NS) {
        extern "C" fn destruct(_: &State, _: u64, _: u64) -> Ret {
            DESTRUCTED.with(|flag| flag.set(flag.get() + 1));
            Ret::ok(0)
        }
        let server = Server::new(&Make { root: &[add], destruct, ..Make::default() });
        give_up(server.root);
        assert_eq!(DESTRUCTED.with(Cell::get), 1);
        assert_eq!(server.instance.life.get(), warren_engine::instance::Life::Buried);
    }

    fn what_a_destructed_server_held_goes_with_it(SLOW_NS) {
        extern "C" fn keep(_: &State, word: u64, _: u64) -> Ret {
            system("wsys.keep", word, 0)
        }
        let target = Server::new(&Make { root: &[add], ..Make::default() });
        let keeper = Server::new(&Make { root: &[keep], ..Make::default() });
        assert_eq!(keeper.call(0, target.word(), 0).error, 0);
        give_up(keeper.root);
        assert_eq!(count(target.root), 1);
    }

    fn a_root_that_is_named_again_while_it_dies_in_an_atomic_call_is_destroyed_once(SLOW_NS) {
        extern "C" fn destruct(_: &State, _: u64, _: u64) -> Ret {
            DESTRUCTED.with(|flag| flag.set(flag.get() + 1));
            Ret::ok(0)
        }
        extern "C" fn keep(_: &State, word: u64, _: u64) -> Ret {
            system("wsys.keep", word, 0)
        }
        extern "C" fn release(state: &State, word: u64, _: u64) -> Ret {
            assert_eq!(system("wsys.release", word, 0).error, 0);
            state.value.set(1);
            Ret::ok(0)
        }
        extern "C" fn through(state: &State, word: u64, _: u64) -> Ret {
            let answer = call(state, 0, state.words[0].get(), word, 0);
            assert_eq!(DESTRUCTED.with(Cell::get), 0, "no destructor runs while a lock is held");
            answer
        }
        let target = Server::new(&Make { root: &[add], destruct, ..Make::default() });
        let keeper = Server::new(&Make { root: &[keep, release], atomic: true, ..Make::default() });
        let client = Server::new(&Make { root: &[through], calls: &[(1, ATOMIC)], ..Make::default() });
        client.state().words[0].set(keeper.word());
        assert_eq!(keeper.call(0, target.word(), 0).error, 0);
        give_up(target.root);
        assert_eq!(count(target.root), 1);
        assert_eq!(client.call(0, target.word(), 0), Ret::ok(0));
        assert_eq!(DESTRUCTED.with(Cell::get), 1);
    }

    fn a_scope_drops_what_was_added_in_it(SLOW_NS) {
        extern "C" fn scoped(_: &State, word: u64, _: u64) -> Ret {
            let mark = system("wsys.scope", 0, 0).value;
            assert_eq!(system("wsys.pin", word, 0).error, 0);
            let inside = count(word as *mut _);
            assert_eq!(system("wsys.scope_end", mark, 0).error, 0);
            assert_eq!(system("wsys.scope_end", mark + 1, 0).error, SystemError::BadArgument.number());
            Ret::ok(u64::from(inside) * 10 + u64::from(count(word as *mut _)))
        }
        let target = Server::new(&Make { root: &[add], ..Make::default() });
        let server = Server::new(&Make { root: &[scoped], ..Make::default() });
        assert_eq!(server.call(0, target.word(), 0), Ret::ok(21));
    }

    fn increments_by_preempted_threads_are_never_lost(FASTEST_NS) {
        const TIMES: u64 = 500_000;
        extern "C" fn increment(state: &State, _: u64, _: u64) -> Ret {
            let value = state.value.get();
            // Long enough to be preempted between reading and writing.
            for _ in 0..4 { core::hint::spin_loop(); }
            state.value.set(value + 1);
            Ret::ok(value)
        }
        extern "C" fn many(state: &State, _: u64, _: u64) -> Ret {
            for _ in 0..TIMES {
                assert_eq!(call(state, 0, state.words[0].get(), 0, 0).error, 0);
            }
            Ret::ok(0)
        }
        let counter = Server::new(&Make { root: &[increment], ..Make::default() });
        let threads: Vec<_> = (0..2).map(|_| {
            let client = Server::new(&Make { root: &[many], calls: &[(0, VALUES)], ..Make::default() });
            client.state().words[0].set(counter.word());
            start_thread("client", move || assert_eq!(client.call(0, 0, 0), Ret::ok(0))).unwrap()
        }).collect();
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        assert_eq!(counter.state().value.get(), 2 * TIMES);
        assert!(warren_hosted::machine::switches() > 100, "the threads were preempted");
    }

    fn increments_through_atomic_calls_are_never_lost(FASTEST_NS) {
        const TIMES: u64 = 500_000;
        extern "C" fn increment(state: &State, _: u64, _: u64) -> Ret {
            let value = state.value.get();
            for _ in 0..4 { core::hint::spin_loop(); }
            state.value.set(value + 1);
            Ret::ok(value)
        }
        extern "C" fn many(state: &State, _: u64, _: u64) -> Ret {
            for _ in 0..TIMES {
                assert_eq!(call(state, 0, state.words[0].get(), 0, 0).error, 0);
            }
            Ret::ok(0)
        }
        let counter = Server::new(&Make { root: &[increment], atomic: true, ..Make::default() });
        let threads: Vec<_> = (0..2).map(|_| {
            let client = Server::new(&Make { root: &[many], calls: &[(0, ATOMIC)], ..Make::default() });
            client.state().words[0].set(counter.word());
            start_thread("client", move || assert_eq!(client.call(0, 0, 0), Ret::ok(0))).unwrap()
        }).collect();
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        assert_eq!(counter.state().value.get(), 2 * TIMES);
    }

    fn references_handed_out_by_preempted_threads_are_all_given_back(FASTEST_NS) {
        const TIMES: u64 = 50_000;
        extern "C" fn open(state: &State, _: u64, _: u64) -> Ret {
            system("wsys.spawn", 1, core::ptr::from_ref(&state.value) as u64)
        }
        extern "C" fn dropped(local: &State, _: u64, _: u64) -> Ret {
            local.value.set(local.value.get() + 1);
            Ret::ok(0)
        }
        extern "C" fn once(state: &State, _: u64, _: u64) -> Ret {
            let opened = call(state, 0, state.words[0].get(), 0, 0);
            if opened.error == 0 { Ret::ok(0) } else { opened }
        }
        let files = Server::new(&Make {
            root: &[open], references: &[0], local: Some((&[add], dropped)), ..Make::default()
        });
        let threads: Vec<_> = (0..2).map(|_| {
            let client = Server::new(&Make { root: &[once], calls: &[(0, REFERENCE)], ..Make::default() });
            client.state().words[0].set(files.word());
            start_thread("client", move || {
                for _ in 0..TIMES { assert_eq!(client.call(0, 0, 0), Ret::ok(0)); }
            }).unwrap()
        }).collect();
        threads.into_iter().for_each(|thread| join(thread).unwrap());
        assert_eq!(files.state().value.get(), 2 * TIMES);
        assert_eq!(files.instance.objects.get(), 1);
    }

    fn what_is_given_up_goes_although_there_is_no_room_to_remember_it(SLOW_NS) {
        extern "C" fn fill(state: &State, _: u64, _: u64) -> Ret {
            let made = system("wsys.spawn", 1, core::ptr::from_ref(&state.value) as u64).value;
            assert_eq!(system("wsys.keep", made, 0).error, 0);
            while system("wsys.this", 0, 0).error == 0 {}
            system("wsys.release", made, 0)
        }
        extern "C" fn dropped(local: &State, _: u64, _: u64) -> Ret {
            local.value.set(local.value.get() + 1);
            Ret::ok(0)
        }
        let server = Server::new(&Make { root: &[fill], local: Some((&[add], dropped)), ..Make::default() });
        assert_eq!(server.call(0, 0, 0), Ret::ok(0));
        assert_eq!(server.state().value.get(), 1);
        assert_eq!(server.instance.objects.get(), 1);
    }

    fn nothing_is_destroyed_while_an_atomic_call_keeps_a_lock(SLOW_NS) {
        extern "C" fn make_and_drop(state: &State, _: u64, _: u64) -> Ret {
            let mark = system("wsys.scope", 0, 0).value;
            system("wsys.spawn", 1, core::ptr::from_ref(&state.value) as u64);
            assert_eq!(system("wsys.scope_end", mark, 0).error, 0);
            Ret::ok(state.value.get())
        }
        extern "C" fn dropped(local: &State, _: u64, _: u64) -> Ret {
            local.value.set(local.value.get() + 1);
            Ret::ok(0)
        }
        let callee = Server::new(&Make { root: &[make_and_drop], atomic: true, local: Some((&[add], dropped)), ..Make::default() });
        let caller = Server::new(&Make { root: &[forward], calls: &[(0, ATOMIC)], ..Make::default() });
        caller.state().words[0].set(callee.word());
        assert_eq!(caller.call(0, 0, 0), Ret::ok(1));
        assert_eq!(callee.state().value.get(), 1);
    }

    fn a_server_that_unlocked_itself_is_entered_by_another_thread(SLOW_NS) {
        extern "C" fn wait(state: &State, _: u64, _: u64) -> Ret {
            assert_eq!(system("wsys.unlock", 0, 0).error, 0);
            while state.value.get() == 0 {
                system("wsys.yield", 0, 0);
            }
            assert_eq!(system("wsys.lock", 0, 0).error, 0);
            Ret::ok(state.value.get())
        }
        extern "C" fn set(state: &State, value: u64, _: u64) -> Ret {
            state.value.set(value);
            Ret::ok(0)
        }
        let server = Server::new(&Make { root: &[wait, set], ..Make::default() });
        let result = Rc::new(Cell::new(Ret::ok(0)));
        let waiter = start_thread("waiter", { let result = result.clone(); move || result.set(server.call(0, 0, 0)) }).unwrap();
        warren_hosted::sleep_ns(1_000_000).unwrap();
        assert_eq!(server.call(1, 5, 0), Ret::ok(0));
        join(waiter).unwrap();
        assert_eq!(result.get(), Ret::ok(5));
    }

    fn a_heap_grows_by_zeroed_pages_up_to_its_limit(SLOW_NS) {
        extern "C" fn grow(_: &State, bytes: u64, _: u64) -> Ret {
            let grown = system("wsys.grow", bytes, 0);
            if grown.error != 0 { return grown; }
            // SAFETY: the pages were added just now.
            let page = unsafe { &mut *(grown.value as *mut [u8; 4096]) };
            assert!(page.iter().all(|byte| *byte == 0));
            page.fill(1);
            grown
        }
        let server = Server::new(&Make { root: &[grow], ..Make::default() });
        let first = server.call(0, 8192, 0).value;
        assert_eq!(server.call(0, 4096, 0).value, first + 8192);
        assert_eq!(server.call(0, 4095, 0).error, SystemError::BadArgument.number());
        assert_eq!(server.call(0, 1 << 20, 0).error, SystemError::Budget.number());
    }
}

thread_local! {
    static DESTRUCTED: Cell<u32> = const { Cell::new(0) };
}

/// Gives up the count that the test has of a root.
fn give_up(root: *mut warren_engine::layout::Object) {
    use warren_engine::{death, platform::Platform, reference};
    warren_hosted::Hosted::critical(|| reference::count_down::<warren_hosted::Hosted>(root));
    death::finish::<warren_hosted::Hosted>();
}
