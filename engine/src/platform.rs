//! What the engine asks of the machine under it.
//!
//! There is one platform in a program, so nothing here takes a `self`: the kernel and the hosted
//! process each implement the trait on an empty type and keep their state where their own rules say.

pub use crate::space::{
    HEAP_OFFSET, INSTANCE_BYTES, MAPPING_OFFSET, PAGE, Placement, Protection, REGION_BASE,
    REGION_BYTES, STATE_OFFSET,
};
use crate::{
    deadline::Deadlines,
    instance::Instance,
    layout::{Cpu, Frame, LockWord, Object},
    system::System,
    thread::ThreadRecord,
};

/// Memory or domains have run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// What a line of the log means to whoever reads it. The numbers are those of the service by which logs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It should not have happened.
    Error = 1,
    /// It may be a sign of trouble.
    Warning = 2,
    /// It just happens.
    Info = 3,
}

/// What a requirement can be connected to besides servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provision<'a> {
    /// The object by which the platform provides the service with this ID.
    Native {
        /// The ID.
        service: u32,
    },
    /// A range of I/O ports.
    Ports {
        /// Its first port.
        first: u16,
        /// Number of ports.
        count: u16,
    },
    /// An interrupt line.
    Interrupt {
        /// Its number.
        line: u32,
    },
    /// An object that the platform knows by name, such as the disk image of a hosted system.
    Named {
        /// The name.
        name: &'a str,
    },
}

/// The machine under the engine.
///
/// Every function is called inside [`Platform::critical`] unless it says otherwise.
pub trait Platform: Sized + 'static {
    /// The block that gs points to.
    fn cpu() -> *mut Cpu;

    /// The engine's tables. They are only touched inside [`Platform::critical`].
    fn system() -> *mut System;

    /// Runs `work` without being preempted, and without anybody else being in here meanwhile. Nests.
    fn critical<R>(work: impl FnOnce() -> R) -> R;

    /// The same, while moreover no other CPU runs any thread: each is as if it had been preempted, so that its frames
    /// can be looked at and it can be cut off. Rare, because all CPUs wait for it. May be called inside `critical`. One CPU has
    /// nothing more to do than for that.
    fn alone<R>(work: impl FnOnce() -> R) -> R {
        Self::critical(work)
    }

    /// Returns when each other CPU has been outside of the platform's fast paths of calls, which nobody preempts, since
    /// this was called. Whatever they have read before that, they use no more. One CPU has nothing to do for it.
    fn barrier() {}

    /// Sets aside an empty region and, unless the placement is the engine's own space, a domain (a new one,
    /// or the one with the placement's name) that shows it. Its memory is the principal's with this index in the plan. Returns the
    /// region's base ([`base_of`](crate::space::base_of)).
    fn create_region(placement: &Placement, principal: usize) -> Result<u64, Exhausted>;

    /// Index in the plan of the principal on whose account the thread that runs makes things: its own, or the one that
    /// [`Platform::on_account`] names.
    fn payer() -> usize;

    /// Does `work` with another principal as the [`Platform::payer`] of the thread that runs. Called outside of `critical` or inside.
    fn on_account<R>(principal: usize, work: impl FnOnce() -> R) -> R;

    /// Maps fresh pages at `address`, which lies in a region, is a multiple of the page and not
    /// mapped yet. The pages hold `contents` and then zeroes up to `bytes`, a multiple of the page.
    fn map(
        address: u64,
        bytes: u64,
        contents: &[u8],
        protection: Protection,
    ) -> Result<(), Exhausted>;

    /// Whether the heap has room for `pieces` of so many bytes each, without memory that the platform keeps for itself.
    fn has_room(bytes: usize, pieces: usize) -> bool;

    /// Overwrites bytes of mapped pages of a region, whatever their protection.
    fn write(address: u64, contents: &[u8]);

    /// Reads bytes of mapped pages of a region; `false` if they are not mapped.
    fn read(address: u64, contents: &mut [u8]) -> bool;

    /// Frees the region with everything mapped in it, and its domain with the last region.
    fn remove_region(base: u64);

    /// Works on the deadlines of the thread that runs.
    fn with_deadlines<R>(work: impl FnOnce(&mut Deadlines) -> R) -> R;

    /// Code that a caller in the engine's own space calls to enter function `index` of an object
    /// in a domain of its own. Finds the object in the thread's newest frame.
    fn gate(index: usize) -> usize;

    /// The thread that holds a lock, by the lock's word: an address in the thread's array of frames.
    fn holder(word: u64) -> u64;

    /// Lets the thread `holder` run until it lets go of a lock; called by a thread that waits for it,
    /// with preemption allowed. May return early.
    fn give_time_to(holder: u64);

    /// The running thread, which was marked, has let go of a lock, and holds none: whoever lends it time for the sake of the lock goes on. With
    /// preemption allowed.
    fn let_go() {}

    /// Asks the CPU `home` for a lock whose home it is: that one calls [`crate::lock::give_home`]. Called by a thread
    /// that waits for the lock, with preemption allowed. May return early.
    fn ask_for_home(lock: *const LockWord, home: u64);

    /// Lets another thread run, if there is one.
    fn yield_now();

    /// The threads, each with its frames. The thread that runs has its live values written back.
    fn threads(visit: &mut dyn FnMut(&mut ThreadRecord));

    /// Lets every call and every wait of a thread fail that is made above `frame`, whose callee died ([`Deadlines::end_above`]); a wait that is
    /// under way ends. The thread does not run, or is the one that does.
    fn end_calls_above(thread: u64, frame: *mut Frame);

    /// Called for each frame whose caller died, if that did not share the engine's space: whoever ends the call goes on in
    /// the dead caller's own caller, with [`warren_abi::call::SystemError::Lost`].
    fn forget_caller(frame: &mut Frame);

    /// Makes the platform's object `own` the callee of a frame whose callee died. If the platform has made the frame with a count
    /// of the callee, it becomes one of `own`.
    fn replace_callee(frame: &mut Frame, own: *mut Object) {
        frame.object = own;
    }

    /// Makes a thread that does not run now go on, when it next does, in the `resume` of its newest
    /// frame with [`warren_abi::call::SystemError::Lost`].
    fn cut_off(thread: u64);

    /// Makes a thread look again that waits in a native. Inside `critical`.
    fn wake(thread: u64);

    /// Leaves the newest frame of the thread that runs with this error, from wherever it is.
    /// Called outside of `critical`.
    fn abort(error: u64) -> !;

    /// Contents of an entry of the boot archive.
    fn file(name: &str) -> Option<&'static [u8]>;

    /// An object that the platform provides itself, with a count for the caller; `None` if it does not.
    fn provide(what: Provision<'_>) -> Option<*mut Object>;

    /// Forgets what the platform knows of an instance, and what it knows by addresses in its record, which is about
    /// to be freed.
    fn forget(instance: &Instance);

    /// Nanoseconds since the system started.
    fn now_ns() -> u64;

    /// A line for the system's log, from the server or about it.
    fn log(level: Level, server: &str, line: core::fmt::Arguments<'_>);
}
