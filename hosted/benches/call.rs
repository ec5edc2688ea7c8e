//! What a service call costs in one space, in time-stamp cycles and against a plain indirect call in the same run.
//!
//! Promise: at most [`PROMISE`] times a plain indirect call that returns a value, with locks, with a
//! frame for cutting it off, with temporaries checked. Each number is the median of many rounds.
//!
//! What it costs is its stores: an ordinary call makes 18, and processors take one or two in a cycle into their caches.
//! Beside it stands a stub that does nothing but call on, which no stub can be cheaper than: see decision 16.
#![expect(unsafe_code, reason = "stubs and the time-stamp counter")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{arch::x86_64::_rdtsc, cell::Cell, hint::black_box, mem::offset_of};

use support::{ATOMIC, Make, Server, State, VALUES};
use warren_abi::call::Ret;
use warren_engine::layout::Object;
use warren_hosted::machine::{self, Settings};

/// Rounds of which the median counts.
const ROUNDS: usize = 201;
/// Calls of one round.
const CALLS: u64 = 10_000;
/// A call costs at most that many plain ones.
const PROMISE: f64 = 5.0;

type Stub = extern "C" fn(u64, u64, u64) -> Ret;

extern "C" fn add(_: &State, first: u64, second: u64) -> Ret {
    Ret::ok(first.wrapping_add(second))
}

extern "C" fn add_plainly(_: u64, first: u64, second: u64) -> Ret {
    Ret::ok(first.wrapping_add(second))
}

/// A stub that only calls the first function of its object.
fn bare_stub() -> Vec<u8> {
    let entries = offset_of!(Object, entries) as u8;
    let state = offset_of!(Object, state) as u8;
    let mut code = vec![0x48, 0x8b, 0x47, entries]; // mov rax, [rdi + entries]
    code.extend([0x48, 0x8b, 0x7f, state]); // mov rdi, [rdi + state]
    code.extend([0x48, 0x83, 0xec, 0x08]); // sub rsp, 8
    code.extend([0xff, 0x10]); // call [rax]
    code.extend([0x48, 0x83, 0xc4, 0x08]); // add rsp, 8
    code.push(0xc3); // ret
    code
}

/// Measures the call whose stub is number `which`.
extern "C" fn measure(state: &State, which: u64, _: u64) -> Ret {
    // SAFETY: the state names stubs for functions that take two words.
    let stub: Stub =
        unsafe { core::mem::transmute(state.stubs[which as usize].get() as *const ()) };
    Ret::ok(cycles(stub, state.words[which as usize].get()).to_bits())
}

/// Cycles of one call: the median of many rounds.
fn cycles(function: Stub, word: u64) -> f64 {
    let function = black_box(function);
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            // SAFETY: every processor of this kind has the counter.
            let start = unsafe { _rdtsc() };
            for number in 0..CALLS {
                black_box(function(word, number, 1));
            }
            // SAFETY: as above.
            unsafe { _rdtsc() - start }
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2] as f64 / CALLS as f64
}

fn main() {
    let settings = Settings { plan: support::plan(), ..Settings::default() };
    let ratio: &'static Cell<f64> = Box::leak(Box::new(Cell::new(0.0)));
    machine::run(settings, || ratio.set(compare())).expect("the machine starts");
    assert!(
        ratio.get() <= PROMISE,
        "a call costs {:.2} plain ones, promised {PROMISE}",
        ratio.get()
    );
}

fn compare() -> f64 {
    let callee = Server::new(&Make { root: &[add], ..Make::default() });
    let atomic = Server::new(&Make { root: &[add], atomic: true, ..Make::default() });
    let caller = Server::new(&Make {
        root: &[measure],
        calls: &[(0, VALUES), (0, ATOMIC)],
        ..Make::default()
    });
    caller.state().words[0].set(callee.word());
    caller.state().words[1].set(atomic.word());
    caller.state().words[2].set(callee.word());
    caller.state().stubs[2].set(support::code(&caller, &bare_stub()) as u64);
    let plain = cycles(add_plainly, 0);
    println!("plain indirect call  {plain:6.1} cycles");
    let cost = |name: &str, which: u64| {
        let cost = f64::from_bits(caller.call(0, which, 0).value);
        println!("{name:20} {cost:6.1} cycles, {:.2} plain calls", cost / plain);
        cost / plain
    };
    let ratio = cost("service call", 0);
    cost("atomic service call", 1);
    cost("stub that only calls", 2);
    ratio
}
