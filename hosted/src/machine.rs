//! The one machine of the process: its state, and running it.
//!
//! # Who may touch the state
//!
//! Only the machine's Linux thread, and only in a critical section; the block that gs points to is the
//! running thread's own besides. M1: no borrow of the state lives while contexts are switched or a
//! server runs.
#![expect(
    unsafe_code,
    reason = "one machine's state in a static, and the register that points to it"
)]

use std::{
    cell::{Cell, UnsafeCell},
    collections::BTreeMap,
    io,
    mem::MaybeUninit,
};

use warren_engine::{
    death,
    instance::Instance,
    layout::{Cpu, NO_LOCK, OBJECTS, Object},
    native,
    plan::Plan,
    system::System,
};

use crate::{
    Hosted,
    archive::Archive,
    books::Books,
    critical,
    domain::Domains,
    region::Regions,
    sampling::Samples,
    schedule, signal, terminal,
    thread::{Thread, Token},
    time,
};

/// ID of the service of the object that is the callee of every thread's first frame. Nobody can call it.
const BOTTOM_SERVICE: u32 = 0xffff_ffff;
/// What the platform calls itself in the log.
pub(crate) const NAME: &str = "platform";
/// Length of a time slice unless told otherwise.
const SLICE_NS: u64 = 5_000_000;

/// What a machine is made with.
pub struct Settings {
    /// Length of a time slice.
    pub slice_ns: u64,
    /// Whether the log is shown.
    pub verbose: bool,
    /// What the system consists of.
    pub plan: Plan,
    /// The boot archive.
    pub archive: Archive,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            slice_ns: SLICE_NS,
            verbose: false,
            plan: Plan::default(),
            archive: Archive::default(),
        }
    }
}

/// The machine's state.
pub(crate) struct Machine {
    /// The engine's tables.
    pub system: System,
    /// Memory of instances.
    pub regions: Regions,
    /// Domains, if placements are processes.
    pub domains: Domains,
    /// All threads, those that ended and are not taken apart yet included.
    #[expect(
        clippy::vec_box,
        reason = "`current` and contexts point to threads, which must not move"
    )]
    pub threads: Vec<Box<Thread>>,
    /// The thread that runs.
    pub current: *mut Thread,
    /// Where the context goes on that runs the machine.
    pub outside: u64,
    /// Number of the next thread.
    pub next_thread: u64,
    /// The instance of natives.
    pub natives: Option<&'static Instance>,
    /// Callee of every thread's first frame.
    pub bottom: *mut Object,
    /// When the machine started.
    pub started_ns: u64,
    /// Who has used how much time.
    pub books: Books,
    /// Samples, if they are taken.
    pub samples: Option<Samples>,
    /// How often the running thread was changed.
    pub switches: u64,
    /// The boot archive.
    pub archive: Archive,
    /// Objects that the platform provides, by the ID of their service.
    pub provided: BTreeMap<u32, *mut Object>,
    /// Objects that the platform provides under a name.
    pub named: BTreeMap<&'static str, *mut Object>,
}

/// A static that the rule of this module guards.
struct Global<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: only the machine's Linux thread touches it (see the module's text).
unsafe impl<T> Sync for Global<T> {}

static CPU: Global<Cpu> = Global(UnsafeCell::new(MaybeUninit::zeroed()));
static STATE: Global<Machine> = Global(UnsafeCell::new(MaybeUninit::uninit()));

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this Linux thread is the machine's.
pub(crate) fn is_here() -> bool {
    HERE.with(Cell::get)
}

/// The block that gs points to.
pub(crate) fn cpu() -> *mut Cpu {
    CPU.0.get().cast()
}

/// The machine's state.
///
/// # Safety
///
/// The machine was made, the caller is in a critical section, and ends the borrow before it switches
/// contexts, calls a server, or calls anything that takes the state itself (M1).
pub(crate) unsafe fn state() -> &'static mut Machine {
    // SAFETY: the caller promised to be alone.
    let state = unsafe { &mut *STATE.0.get() };
    // SAFETY: `make` initialised it.
    unsafe { state.assume_init_mut() }
}

/// Works on the state in a critical section of its own.
pub(crate) fn with<R>(work: impl FnOnce(&mut Machine) -> R) -> R {
    // SAFETY: a critical section; `work` gets the only borrow (M1).
    critical::run(|| work(unsafe { state() }))
}

/// Nanoseconds since the machine started.
pub fn now_ns() -> u64 {
    with(|machine| machine.now_ns())
}

/// How often another thread was switched to.
pub fn switches() -> u64 {
    with(|machine| machine.switches)
}

/// The instance to which natives belong.
pub fn natives() -> &'static Instance {
    with(|machine| machine.natives).expect("the machine runs")
}

/// Makes the machine and runs `main` as its first thread, until that ends. Once in a process.
pub fn run(settings: Settings, main: impl FnOnce() + 'static) -> io::Result<()> {
    assert!(!HERE.with(|here| here.replace(true)), "a process has one machine");
    make(&settings);
    stop_at_panics();
    crate::log::set_verbose(settings.verbose);
    critical::enter();
    // SAFETY: a critical section, and the borrow ends at once.
    let machine = unsafe { state() };
    machine.archive = settings.archive;
    machine.books.open(&settings.plan);
    machine.regions.open_accounts(&settings.plan);
    machine.system.set_plan(settings.plan);
    create_natives();
    let first = schedule::add_thread("boot", 0, Box::new(main))?;
    signal::install(settings.slice_ns)?;
    schedule::run_until_end(first);
    signal::stop_ticks();
    critical::leave_for_good();
    Ok(())
}

/// Lets no other Warren thread run once the platform itself has panicked.
fn stop_at_panics() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_here() {
            critical::enter();
            terminal::restore();
        }
        previous(panic);
    }));
}

/// Fills in the statics and points gs at the block.
fn make(settings: &Settings) {
    let bytes = OBJECTS * size_of::<Object>();
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a mapping at an address of the system's choice touches nothing that exists.
    let objects = unsafe { libc::mmap(core::ptr::null_mut(), bytes, access, flags, -1, 0) };
    assert!(objects != libc::MAP_FAILED, "memory for the object table");
    // SAFETY: the mapping is zeroed, large enough, and nobody else's, for good.
    let system = unsafe { System::new(objects.cast()) };
    assert!(settings.slice_ns > 0, "a time slice has a length");
    let machine = Machine {
        system,
        regions: Regions::new(),
        domains: Domains::new(),
        threads: Vec::new(),
        current: core::ptr::null_mut(),
        outside: 0,
        next_thread: Token::FIRST,
        natives: None,
        bottom: core::ptr::null_mut(),
        started_ns: time::monotonic_ns(),
        books: Books::new(),
        samples: None,
        switches: 0,
        archive: Archive::default(),
        provided: BTreeMap::new(),
        named: BTreeMap::new(),
    };
    // SAFETY: nobody uses the state yet.
    unsafe { (*STATE.0.get()).write(machine) };
    // SAFETY: the block is zeroed, which is a valid value of it, and nobody uses it yet.
    let cpu = unsafe { &mut *cpu() };
    cpu.slow = death::slow_paths::<Hosted>();
    cpu.no_lock = &raw const NO_LOCK;
    const SET_GS: libc::c_int = 0x1001;
    // SAFETY: nothing in a Linux process uses gs; the block is a static.
    let result = unsafe { libc::syscall(libc::SYS_arch_prctl, SET_GS, core::ptr::from_mut(cpu)) };
    assert_eq!(result, 0, "gs is ours to set");
}

/// Makes the instance of natives and the callee of all first frames. Inside a critical section.
fn create_natives() {
    let natives = native::create_instance::<Hosted>(NAME);
    let kind = native::kind::<Hosted>(BOTTOM_SERVICE, "Platform", false, Vec::new(), &[], None);
    let bottom = native::create_permanent::<Hosted>(natives, kind, 0);
    // SAFETY: inside a critical section, and the borrow ends at once.
    let machine = unsafe { state() };
    machine.natives = Some(natives);
    machine.bottom = bottom.expect("the object table is empty");
}
