//! The hosted process as the engine's platform.
#![expect(unsafe_code, reason = "the engine is given raw access to threads and memory")]

use warren_abi::call::SystemError;
use warren_engine::{
    deadline::Deadlines,
    instance::Instance,
    layout::{Cpu, Frame, LockWord, Object},
    platform::{Exhausted, Level, Placement, Platform, Protection, Provision},
    reference::{count_down, count_up},
    system::System,
    thread::ThreadRecord,
};
use warren_natives::Waiting;

use crate::{
    critical, domain, log, machine, schedule,
    thread::{State, Token},
};

/// The hosted process.
pub struct Hosted;

impl Platform for Hosted {
    fn cpu() -> *mut Cpu {
        machine::cpu()
    }

    fn system() -> *mut System {
        // SAFETY: inside a critical section; the engine's own rules say when the pointer is used.
        unsafe { &raw mut machine::state().system }
    }

    fn critical<R>(work: impl FnOnce() -> R) -> R {
        critical::run(work)
    }

    fn create_region(placement: &Placement, principal: usize) -> Result<u64, Exhausted> {
        machine::with(|machine| machine.create_region(placement, principal))
    }

    fn payer() -> usize {
        machine::with(|machine| {
            // SAFETY: the running thread's record, inside a critical section, or null.
            let running = unsafe { machine.current.as_ref() };
            // What is made before there is a thread is the system's.
            running.map_or(0, |thread| thread.payer)
        })
    }

    fn on_account<R>(principal: usize, work: impl FnOnce() -> R) -> R {
        let before = set_payer(principal);
        let result = work();
        set_payer(before);
        result
    }

    fn map(
        address: u64,
        bytes: u64,
        contents: &[u8],
        protection: Protection,
    ) -> Result<(), Exhausted> {
        let payer = Self::payer();
        machine::with(|machine| machine.regions.map(address, bytes, contents, protection, payer))
    }

    fn write(address: u64, contents: &[u8]) {
        machine::with(|machine| machine.regions.write(address, contents));
    }

    fn read(address: u64, contents: &mut [u8]) -> bool {
        machine::with(|machine| machine.regions.read(address, contents))
    }

    fn remove_region(base: u64) {
        let mapped = machine::with(|machine| machine.remove_region(base));
        for space in mapped {
            count_down::<Hosted>(space as *mut Object);
        }
    }

    fn with_deadlines<R>(work: impl FnOnce(&mut Deadlines) -> R) -> R {
        // SAFETY: the running thread's record, inside a critical section.
        machine::with(|machine| work(unsafe { &mut (*machine.current).deadlines }))
    }

    fn gate(index: usize) -> usize {
        domain::call::gate(index)
    }

    fn holder(word: u64) -> u64 {
        schedule::owner_of_frame(word)
    }

    fn give_time_to(holder: u64) {
        schedule::yield_to(Token(holder));
    }

    /// There is one CPU here, which is the home of every lock.
    fn ask_for_home(_: *const LockWord, home: u64) {
        unreachable!("a lock whose home is CPU {home}");
    }

    fn yield_now() {
        schedule::yield_now();
    }

    fn threads(visit: &mut dyn FnMut(&mut ThreadRecord)) {
        let threads: Vec<_> = machine::with(|machine| {
            schedule::save(machine);
            let alive = machine.threads.iter_mut().filter(|thread| thread.state != State::Ended);
            alive.map(|thread| &raw mut thread.record).collect()
        });
        for record in threads {
            // SAFETY: no thread is taken apart inside this critical section.
            visit(unsafe { &mut *record });
        }
    }

    fn end_calls_above(thread: u64, frame: *mut Frame) {
        schedule::end_calls_above(Token(thread), frame);
    }

    /// Whoever makes a call on a domain's behalf looks at its end whether the caller is still there.
    fn forget_caller(_: &mut Frame) {}

    fn cut_off(thread: u64) {
        schedule::cut_off(Token(thread));
    }

    fn wake(thread: u64) {
        schedule::wake(thread);
    }

    fn abort(error: u64) -> ! {
        schedule::leave_newest_frame(error)
    }

    fn file(name: &str) -> Option<&'static [u8]> {
        machine::with(|machine| machine.archive.file(name))
    }

    fn provide(what: Provision<'_>) -> Option<*mut Object> {
        machine::with(|machine| match what {
            Provision::Native { service } => machine.provided.get(&service).copied(),
            Provision::Named { name } => machine.named.get(name).copied(),
            Provision::Ports { .. } | Provision::Interrupt { .. } => None,
        })
        .inspect(|object| count_up(*object))
    }

    /// Linux promises any memory.
    fn has_room(_: usize, _: usize) -> bool {
        true
    }

    /// Nothing is known here by addresses of records.
    fn forget(_: &Instance) {}

    fn now_ns() -> u64 {
        machine::now_ns()
    }

    fn log(level: Level, server: &str, line: core::fmt::Arguments<'_>) {
        log::write(level, server, line);
    }
}

/// Sets on whose account the running thread makes things; returns on whose it did.
fn set_payer(principal: usize) -> usize {
    // SAFETY: the running thread's record, inside a critical section.
    machine::with(|machine| unsafe { core::mem::replace(&mut (*machine.current).payer, principal) })
}

impl Waiting for Hosted {
    fn wait_until<R>(look: impl FnMut(u64) -> Result<R, u64>) -> Result<R, SystemError> {
        schedule::wait_until_or(look)
    }
}
