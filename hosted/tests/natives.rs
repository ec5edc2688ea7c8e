//! Natives, called by servers through their stubs.
#![expect(unsafe_code, reason = "servers of these tests use memory by address")]

mod support;

use std::{fs::File, io::Write};

use support::{ATOMIC, Make, REFERENCE, Server, State, VALUES, call, system};
use warren::{Service, ServiceError};
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    death,
    instance::Life,
    platform::{Platform, Provision},
};
use warren_hosted::{
    Hosted, join,
    natives::{self, Devices},
    start_thread,
};
use warren_idl::{
    AddressSpace, BlockDevice, BlockError, Clock, Log, LogFeed, LogRecord, Memory, MemoryError,
    NEVER_NS, ParameterError, Parameters, Signal, Signals, Thread, ThreadFactory, Timer,
};

const SLICE_NS: u64 = 1_000_000;

/// Word of the native that provides `X`.
fn native<X: ?Sized + Service>() -> u64 {
    let object = Hosted::critical(|| Hosted::provide(Provision::Native { service: X::ID }));
    object.expect("hosted has it") as u64
}

/// The number that travels for an error.
fn number(error: impl ServiceError) -> u64 {
    error.number()
}

/// Which function of `X` has this name.
fn index<X: ?Sized + Service>(name: &str) -> u16 {
    X::FUNCTIONS.iter().position(|(function, _)| *function == name).expect("it has it") as u16
}

/// Passes its words on to the object in `words[0]`.
extern "C" fn pass_on(state: &State, first: u64, second: u64) -> Ret {
    call(state, 0, state.words[0].get(), first, second)
}

/// A server with this name that writes text to the log.
fn writer(name: &str) -> Server {
    extern "C" fn write(state: &State, text: u64, bytes: u64) -> Ret {
        // SAFETY: the stub is for a function of a word and a buffer.
        let write: extern "C" fn(u64, u64, u64, u64) -> Ret =
            unsafe { core::mem::transmute(state.stubs[0].get() as *const ()) };
        write(state.words[0].get(), LogRecord::INFO.into(), text, bytes)
    }
    let calls = [(index::<dyn Log>("write"), ATOMIC)];
    let server = Server::new(&Make { name, root: &[write], calls: &calls, ..Make::default() });
    server.state().words[0].set(native::<dyn Log>());
    server
}

/// A server that passes its calls on to one function of a native.
fn client<X: ?Sized + Service>(function: &str) -> Server {
    let shape = if X::ATOMIC { ATOMIC } else { VALUES };
    let server = Server::new(&Make {
        name: "client",
        root: &[pass_on],
        calls: &[(index::<X>(function), shape)],
        ..Make::default()
    });
    server.state().words[0].set(native::<X>());
    server
}

/// A disk of two and a half blocks.
fn disk() -> File {
    let path = std::env::temp_dir().join(format!("warren-hosted-{}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let blocks = [[1_u8; 512], [2; 512]];
    file.write_all(blocks.as_flattened()).unwrap();
    file.write_all(&[3; 256]).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

/// A server that waits for a signal that nobody raises.
fn waiter(name: &str) -> Server {
    extern "C" fn wait(state: &State, _: u64, _: u64) -> Ret {
        let signal = call(state, 0, state.words[0].get(), 0, 0);
        assert_eq!(signal.error, 0);
        state.value.set(1);
        let answer = call(state, 1, signal.value, 0, NEVER_NS);
        state.value.set(answer.error);
        answer
    }
    let calls =
        [(index::<dyn Signals>("signal"), REFERENCE), (index::<dyn Signal>("wait"), VALUES)];
    let server = Server::new(&Make { name, root: &[wait], calls: &calls, ..Make::default() });
    server.state().words[0].set(native::<dyn Signals>());
    server
}

/// A server that calls the one in `words[0]`, and then the one in `words[1]`. The answers' errors are in `words[2]` and `words[3]`.
fn caller_of_two(name: &str, first: &Server, second: &Server) -> Server {
    extern "C" fn call_both(state: &State, word: u64, _: u64) -> Ret {
        for number in [0, 1] {
            let answer = call(state, 0, state.words[number].get(), word, 0);
            state.words[2 + number].set(answer.error);
        }
        Ret::ok(0)
    }
    let server =
        Server::new(&Make { name, root: &[call_both], calls: &[(0, VALUES)], ..Make::default() });
    server.state().words[0].set(first.word());
    server.state().words[1].set(second.word());
    server
}

/// Kills `victim` once `waiter` waits, on whose behalf a thread calls `client`.
fn kill_while_waiting(client: Server, waiter: &Server, victim: &Server) {
    let thread =
        start_thread("inside", move || assert_eq!(client.call(0, 0, 0), Ret::ok(0))).unwrap();
    while waiter.state().value.get() == 0 {
        warren_hosted::yield_now();
    }
    death::kill::<Hosted>(victim.instance, format_args!("the test wants it"));
    // If it went on waiting, everybody would wait for somebody else.
    join(thread).unwrap();
    assert_eq!(victim.instance.life.get(), Life::Buried, "nobody else has to come by");
}

/// A server that makes an instruction fault once it has set a deadline that has passed, or returns.
fn careless(dies: bool) -> Server {
    extern "C" fn set(_: &State, _: u64, _: u64) -> Ret {
        assert_eq!(system("wsys.deadline", 1, 0).error, 0);
        Ret::ok(0)
    }
    extern "C" fn set_and_die(state: &State, _: u64, _: u64) -> Ret {
        set(state, 0, 0);
        system("wsys.panic", 0, 0)
    }
    let entry = if dies { set_and_die } else { set };
    Server::new(&Make { name: "careless", root: &[entry], ..Make::default() })
}

on_a_machine! {
    fn a_wait_ends_when_the_server_dies_that_waits(SLICE_NS) {
        natives::install(Devices::default());
        let (victim, sleeper) = (waiter("victim"), client::<dyn Timer>("sleep"));
        let client = caller_of_two("client", &victim, &sleeper);
        kill_while_waiting(client, &victim, &victim);
        assert_eq!(client.state().words[2].get(), SystemError::Lost.number());
        assert_eq!(client.state().words[3].get(), 0, "the thread waits as ever");
    }

    fn a_wait_ends_when_the_server_dies_for_which_another_one_waits(SLICE_NS) {
        natives::install(Devices::default());
        let (waiter, sleeper) = (waiter("waiter"), client::<dyn Timer>("sleep"));
        let victim = Server::new(&Make {
            name: "victim", root: &[pass_on], calls: &[(0, VALUES)], ..Make::default()
        });
        victim.state().words[0].set(waiter.word());
        let client = caller_of_two("client", &victim, &sleeper);
        kill_while_waiting(client, &waiter, &victim);
        assert_eq!(waiter.state().value.get(), SystemError::Killed.number(), "it left by itself");
        assert_eq!(waiter.instance.life.get(), Life::Alive);
        assert_eq!(client.state().words[2].get(), SystemError::Lost.number());
        assert_eq!(client.state().words[3].get(), 0, "the thread waits as ever");
    }

    fn deadlines_end_with_the_activations_that_set_them(SLICE_NS) {
        natives::install(Devices::default());
        let sleeper = client::<dyn Timer>("sleep");
        for (dies, error) in [(true, SystemError::Lost.number()), (false, 0)] {
            let client = caller_of_two("client", &careless(dies), &sleeper);
            assert_eq!(client.call(0, 0, 0), Ret::ok(0));
            assert_eq!(client.state().words[2].get(), error);
            assert_eq!(client.state().words[3].get(), 0, "it has no deadline");
        }
    }

    fn a_wild_buffer_is_the_fault_of_the_server_that_passed_it(SLICE_NS) {
        natives::install(Devices::default());
        let server = writer("client");
        assert_eq!(server.call(0, 0x1234, 8).error, SystemError::Lost.number());
        assert_eq!(server.instance.life.get(), Life::Buried);
        let other = writer("client");
        let text = "hello";
        assert_eq!(other.call(0, text.as_ptr() as u64, 5), Ret::ok(0));
        assert_eq!(support::log().last().unwrap(), "client: hello");
    }

    fn a_line_has_the_name_of_the_server_whose_call_it_was(SLICE_NS) {
        natives::install(Devices::default());
        let text = "honest\n[   0.000000] victim: started";
        let write = |server: Server| server.call(0, text.as_ptr() as u64, text.len() as u64);
        assert_eq!(write(writer("liar")), Ret::ok(0));
        assert_eq!(support::log().last().unwrap(), "liar: honest\\n[   0.000000] victim: started");
    }

    fn whoever_follows_the_log_is_told_by_the_thread_that_writes(SLICE_NS) {
        natives::install(Devices::default());
        extern "C" fn told(state: &State, _: u64, _: u64) -> Ret {
            state.value.set(state.value.get() + 1);
            Ret::ok(0)
        }
        let follower = || Server::new(&Make { root: &[told], atomic: true, ..Make::default() });
        let (first, second) = (follower(), follower());
        let write = || writer("client").call(0, "x".as_ptr() as u64, 1);
        let feed = client::<dyn LogFeed>("follow");
        assert_eq!(feed.call(0, first.word(), 0), Ret::ok(0));
        assert_eq!((write(), write()), (Ret::ok(0), Ret::ok(0)));
        assert_eq!((first.state().value.get(), support::count(first.root)), (2, 2));
        assert_eq!(feed.call(0, second.word(), 0), Ret::ok(0));
        assert_eq!(write(), Ret::ok(0));
        assert_eq!((first.state().value.get(), second.state().value.get()), (2, 1));
        assert_eq!((support::count(first.root), support::count(second.root)), (1, 2));
        death::kill::<Hosted>(second.instance, format_args!("the test wants it"));
        assert_eq!(write(), Ret::ok(0), "nobody is told, and nothing is wrong");
    }

    fn the_clock_has_moved_on_after_a_sleep(SLICE_NS) {
        natives::install(Devices::default());
        let (clock, timer) = (client::<dyn Clock>("now_ns"), client::<dyn Timer>("sleep"));
        let before = clock.call(0, 0, 0).value;
        assert_eq!(timer.call(0, 3_000_000, 0).error, 0);
        assert!(clock.call(0, 0, 0).value >= before + 3_000_000);
    }

    fn a_parameter_that_the_plan_does_not_set_is_unset(SLICE_NS) {
        natives::install(Devices::default());
        extern "C" fn get(state: &State, _: u64, _: u64) -> Ret {
            let name = "name";
            // SAFETY: the stub is for a function of two buffers.
            let get: extern "C" fn(u64, *const u8, usize, *mut u8, usize) -> Ret =
                unsafe { core::mem::transmute(state.stubs[0].get() as *const ()) };
            get(state.words[0].get(), name.as_ptr(), name.len(), core::ptr::null_mut(), 0)
        }
        let server = Server::new(&Make { root: &[get], calls: &[(0, ATOMIC)], ..Make::default() });
        server.state().words[0].set(native::<dyn Parameters>());
        assert_eq!(server.call(0, 0, 0).error, number(ParameterError::Unset));
    }

    fn a_data_space_shows_the_same_pages_in_two_servers_and_goes_with_them(SLICE_NS) {
        natives::install(Devices::default());
        extern "C" fn map_and_read(state: &State, space: u64, _: u64) -> Ret {
            let mapped = call(state, 0, state.words[0].get(), space, 0);
            if mapped.error != 0 { return mapped; }
            // SAFETY: the pages were mapped just now.
            Ret::ok(unsafe { *(mapped.value as *const u64) })
        }
        extern "C" fn share(state: &State, bytes: u64, _: u64) -> Ret {
            let space = call(state, 0, state.words[0].get(), bytes, 0);
            if space.error != 0 { return space; }
            let mapped = call(state, 1, state.words[1].get(), space.value, 0);
            assert_eq!(mapped.error, 0);
            // SAFETY: the pages were mapped just now.
            let word = unsafe { &mut *(mapped.value as *mut u64) };
            assert_eq!(*word, 0);
            *word = 42;
            state.value.set(space.value);
            call(state, 2, state.words[2].get(), space.value, 0)
        }
        let map = (index::<dyn AddressSpace>("map"), VALUES);
        let reader = Server::new(&Make { root: &[map_and_read], calls: &[map], ..Make::default() });
        reader.state().words[0].set(native::<dyn AddressSpace>());
        let anonymous = (index::<dyn Memory>("anonymous"), REFERENCE);
        let sharer = Server::new(&Make { root: &[share], calls: &[anonymous, map, (0, VALUES)], ..Make::default() });
        sharer.state().words[0].set(native::<dyn Memory>());
        sharer.state().words[1].set(native::<dyn AddressSpace>());
        sharer.state().words[2].set(reader.word());
        assert_eq!(sharer.call(0, 4095, 0).error, number(MemoryError::Unaligned));
        assert_eq!(sharer.call(0, 8192, 0), Ret::ok(42));
        let space = sharer.state().value.get() as *mut _;
        assert_eq!(support::count(space), 2, "one for each mapping");
        for server in [sharer, reader] {
            death::kill::<Hosted>(server.instance, format_args!("the test wants it"));
            death::finish::<Hosted>();
        }
        assert_eq!(support::count(space), 0);
    }

    fn a_disk_is_read_by_whole_blocks_and_never_written(SLICE_NS) {
        natives::install(Devices { disk: Some(disk()), ..Devices::default() });
        extern "C" fn read(state: &State, first: u64, bytes: u64) -> Ret {
            let mut buffer = [0_u8; 1024];
            // SAFETY: the stub is for a function of a word and a buffer.
            let read: extern "C" fn(u64, u64, *mut u8, u64) -> Ret =
                unsafe { core::mem::transmute(state.stubs[0].get() as *const ()) };
            let answer = read(state.words[0].get(), first, buffer.as_mut_ptr(), bytes);
            Ret { value: buffer[bytes as usize / 2].into(), ..answer }
        }
        let image = Hosted::critical(|| Hosted::provide(Provision::Named { name: "disk-image" }));
        let image = image.expect("a disk was given") as u64;
        let server = |function: &str| {
            let call = (index::<dyn BlockDevice>(function), VALUES);
            let server = Server::new(&Make { root: &[read, pass_on], calls: &[call], ..Make::default() });
            server.state().words[0].set(image);
            server
        };
        assert_eq!(server("blocks").call(1, 0, 0), Ret::ok(2));
        assert_eq!(server("read").call(0, 0, 1024), Ret::ok(2));
        assert_eq!(server("read").call(0, 1, 512), Ret::ok(2));
        assert_eq!(server("read").call(0, 1, 1024).error, number(BlockError::OutOfRange));
        assert_eq!(server("read").call(0, u64::MAX, 512).error, number(BlockError::OutOfRange));
        assert_eq!(server("read").call(0, 0, 511).error, number(BlockError::BadLength));
        assert_eq!(server("write").call(0, 0, 512).error, number(BlockError::ReadOnly));
    }

    fn a_thread_runs_a_program_and_its_status_is_joined(SLICE_NS) {
        natives::install(Devices::default());
        extern "C" fn run(_: &State, _: u64, _: u64) -> Ret {
            Ret::ok(7)
        }
        extern "C" fn start_and_join(state: &State, program: u64, _: u64) -> Ret {
            let name = "name";
            // SAFETY: the stub is for a function of a text and a reference.
            let start: extern "C" fn(u64, *const u8, usize, u64) -> Ret =
                unsafe { core::mem::transmute(state.stubs[0].get() as *const ()) };
            let thread = start(state.words[0].get(), name.as_ptr(), name.len(), program);
            assert_eq!(thread.error, 0);
            call(state, 1, thread.value, 0, 0)
        }
        let program = Server::new(&Make { root: &[run], ..Make::default() });
        let calls = [(index::<dyn ThreadFactory>("start"), REFERENCE), (index::<dyn Thread>("join"), VALUES)];
        let server = Server::new(&Make { root: &[start_and_join], calls: &calls, ..Make::default() });
        server.state().words[0].set(native::<dyn ThreadFactory>());
        assert_eq!(server.call(0, program.word(), 0), Ret::ok(7));
        assert_eq!(support::count(program.root), 1);
    }
}
