//! The kernel as the engine's platform, and the start of the system on it.
#![expect(unsafe_code, reason = "hands the engine's memory to the engine")]

use core::cell::UnsafeCell;

use warren_abi::call::SystemError;
use warren_engine::{
    deadline::Deadlines,
    instance::Instance,
    layout::{Cpu, Frame, LockWord, OBJECTS, Object},
    plan,
    platform::{Exhausted, Level, Placement, Platform, Protection, Provision},
    system::System,
    thread::ThreadRecord,
};
use warren_kernel::acpi::Controllers;
use warren_natives::Waiting;

use crate::{
    boot, calls,
    cpu::{self, block, interrupts, kernel_lock, requests},
    log::{self, log},
    machine,
    memory::{frames, heap, regions},
    natives,
    threads::{self, Place},
};

/// The bare machine.
pub struct Kernel;

/// Memory for all objects.
#[repr(C, align(64))]
pub struct ObjectTable(UnsafeCell<[u8; OBJECTS * size_of::<Object>()]>);

// SAFETY: only the engine reaches into it, inside critical sections.
unsafe impl Sync for ObjectTable {}

pub static OBJECT_TABLE: ObjectTable =
    ObjectTable(UnsafeCell::new([0; OBJECTS * size_of::<Object>()]));

struct SystemCell(UnsafeCell<System>);

// SAFETY: as for `ObjectTable`.
unsafe impl Sync for SystemCell {}

// SAFETY: the table is zeroed, has that many entries, and is used by nobody else.
static SYSTEM: SystemCell =
    SystemCell(UnsafeCell::new(unsafe { System::new(OBJECT_TABLE.0.get().cast()) }));

impl Platform for Kernel {
    fn cpu() -> *mut Cpu {
        block::engine()
    }

    fn system() -> *mut System {
        SYSTEM.0.get()
    }

    fn critical<R>(work: impl FnOnce() -> R) -> R {
        interrupts::off(work)
    }

    fn alone<R>(work: impl FnOnce() -> R) -> R {
        requests::alone(work)
    }

    fn barrier() {
        requests::barrier();
    }

    fn create_region(placement: &Placement, principal: usize) -> Result<u64, Exhausted> {
        regions::create(placement, principal)
    }

    fn payer() -> usize {
        frames::payer()
    }

    fn on_account<R>(principal: usize, work: impl FnOnce() -> R) -> R {
        frames::on_account(principal, work)
    }

    fn map(
        address: u64,
        bytes: u64,
        contents: &[u8],
        protection: Protection,
    ) -> Result<(), Exhausted> {
        regions::map(address, bytes, contents, protection)
    }

    fn has_room(bytes: usize, pieces: usize) -> bool {
        heap::has_room(bytes, pieces)
    }

    fn write(address: u64, contents: &[u8]) {
        regions::write(address, contents);
    }

    fn read(address: u64, contents: &mut [u8]) -> bool {
        regions::read(address, contents)
    }

    fn remove_region(base: u64) {
        regions::remove(base);
        natives::release_mappings(base);
    }

    fn with_deadlines<R>(work: impl FnOnce(&mut Deadlines) -> R) -> R {
        threads::with_deadlines(work)
    }

    fn gate(index: usize) -> usize {
        calls::gate_address(index)
    }

    fn holder(word: u64) -> u64 {
        threads::owner_of_frame(word)
    }

    fn give_time_to(holder: u64) {
        threads::give_time_to(holder);
    }

    fn let_go() {
        threads::let_go();
    }

    fn ask_for_home(lock: *const LockWord, home: u64) {
        requests::ask_for_home(lock, home);
    }

    fn yield_now() {
        threads::yield_now();
    }

    fn threads(visit: &mut dyn FnMut(&mut ThreadRecord)) {
        // A thread that runs elsewhere changes its frames without asking anybody.
        requests::alone(|| threads::visit(visit));
    }

    fn end_calls_above(thread: u64, frame: *mut Frame) {
        threads::end_calls_above(thread, frame);
    }

    fn forget_caller(frame: &mut Frame) {
        calls::forget_caller(frame);
    }

    fn replace_callee(frame: &mut Frame, own: *mut Object) {
        calls::replace_callee(frame, own);
    }

    fn cut_off(thread: u64) {
        calls::cut_off(thread);
    }

    fn wake(thread: u64) {
        threads::wake_by_running(thread);
    }

    fn abort(error: u64) -> ! {
        calls::abort(error)
    }

    fn file(name: &str) -> Option<&'static [u8]> {
        boot::archive().file(name)
    }

    fn provide(what: Provision<'_>) -> Option<*mut Object> {
        natives::provide(what)
    }

    fn forget(instance: &Instance) {
        calls::forget(instance);
    }

    fn now_ns() -> u64 {
        crate::cpu::clock::now_ns()
    }

    fn log(level: Level, server: &str, line: core::fmt::Arguments<'_>) {
        log::write(level, server, line);
    }
}

impl Waiting for Kernel {
    fn wait_until<R>(look: impl FnMut(u64) -> Result<R, u64>) -> Result<R, SystemError> {
        threads::wait_until_or(look)
    }
}

/// The engine's tables. With interrupts off; the borrow ends before anything of the engine is called.
pub fn tables() -> &'static mut System {
    assert!(!interrupts::enabled(), "the engine's tables are used with interrupts off");
    debug_assert!(kernel_lock::is_held(), "whoever switches interrupts off has the kernel's lock");
    // SAFETY: this CPU has the kernel's lock, so nobody else uses them.
    unsafe { &mut *SYSTEM.0.get() }
}

/// Where a thread that was interrupted at `rip` has to go on ([`System::restart`]). With the kernel's lock, or while its holder
/// waits for this CPU.
pub fn restart(rip: u64) -> u64 {
    // SAFETY: nobody changes the tables meanwhile.
    unsafe { &*SYSTEM.0.get() }.restart(rip)
}

/// Starts the thread that launches the plan's servers.
pub fn start(controllers: Controllers, command_line: &str) {
    let bytes = boot::archive().file("plan").unwrap_or_else(|| {
        log!("the boot archive has no plan");
        machine::exit(1)
    });
    match plan::decode(bytes) {
        Ok(plan) => {
            log!("system `{}` with {} servers", plan.system, plan.servers.len());
            tables().set_plan(plan);
        }
        Err(error) => {
            log!("the plan was refused: {error}");
            machine::exit(1)
        }
    }
    natives::install(controllers, command_line);
    let started = threads::start("start", Place::SYSTEM, natives::bottom(), natives::start_tasks);
    let token = started.expect("the first thread has room");
    // Interrupts are off: it runs when the code that boots has become the root.
    threads::with_books(|contexts| contexts.set_guest(cpu::number(), token));
}
