//! Structures that generated code and assembly read and write: their layout is a contract.
//!
//! Generated stubs, the kernel's tunnel and the hosted platform's switch all know these offsets.
//! They take them from `offset_of!`, never from a number of their own.
//!
//! # Who may write what
//!
//! All of this is memory of the engine: supervisor-only in the kernel. Code in a domain of its own
//! never sees it. A field of [`Cpu`] belongs to the thread that runs; a switch of threads saves and
//! loads `frame`, `temporary` and `owner`, and loads `temporary_end`, `thread` and `bottom`; [`crate::lock`] does the rest.

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::instance::{Instance, Kind};

/// Objects that exist at the same time. One entry is 64 bytes, and every instance has 2 bytes
/// for each in its table of counts.
pub const OBJECTS: usize = 16384;

/// Frames of one thread: how deep calls may nest.
pub const FRAMES: usize = 128;

/// Temporary references of one thread.
pub const TEMPORARIES: usize = 512;

/// What the watchdog does to [`Frame::resume`]: the address is none any more, until it is read with care or written.
const MARK: u64 = 1 << 62;
/// The same for the deadlines of the frame's activation.
const DEADLINE: u64 = 1 << 63;

/// CPUs that a lock's word can name.
pub const CPUS: u64 = 64;

/// A lock's word: the number of its *home*, a CPU, or an address in the array of frames of a thread that holds it.
///
/// A thread holds the lock of its newest frame ([`Frame::lock`]), and nothing of that is written while it runs: the lock reads as
/// free, with the CPU where the thread runs as its home, and whoever runs there next does not before the thread has left that CPU. So a call
/// compares, and stores to no lock. Whoever holds a lock and does not run has it *written*.
///
/// # Why no atomic instruction is needed
///
/// L1: only a thread on its home takes a lock that reads as free, by a compare with [`Cpu::free`], which finds both "held" and "not mine" in
/// one, and by making a frame its newest. The two are not atomic against an interrupt between them, after which the thread may even go on
/// elsewhere, so whoever interrupts generated code there moves it back to where it loads the lock ([`crate::stub::restart`]).
///
/// L2: when a thread leaves its CPU, the lock of its newest frame is written as held by it ([`crate::lock::leave_cpu`]); where it goes on, it
/// reads as free again, with that CPU as its home ([`crate::lock::enter_cpu`]). So a lock moves with whoever has it.
///
/// L3: a CPU that wants another's lock asks for it, by an interrupt. If no frame of the thread that runs there holds it, its home becomes the
/// asker; else it is written as held, and the thread is *marked* ([`crate::lock::give_home`]). Both outside of what is moved back.
///
/// L4: the lock of a caller that keeps it during an atomic call is written while the call lasts, so that re-entry is found.
///
/// L5: the lock of the newest frame may be written while the thread runs only if the thread is marked: [`Cpu::free`] is [`MARKED`] then, which no lock
/// ever is, so that the thread leaves the fast path where it would let go of the lock. A thread may be marked for another reason, and its lock not written.
pub type LockWord = AtomicU64;

/// [`Cpu::free`] of a thread that is to leave the fast path of its next call or return. No lock's word.
pub const MARKED: u64 = 0x7f;
const _: () = assert!(MARKED >= CPUS);

/// The lock of objects that are entered without one. It always reads as free, with CPU 0 as its home. Elsewhere whoever
/// wants to take it finds out, off the fast path, that there is nothing to take. Nobody writes it.
pub static NO_LOCK: LockWord = LockWord::new(0);

/// Whether it is a lock, and not [`NO_LOCK`].
pub fn is_lock(lock: *const LockWord) -> bool {
    !core::ptr::eq(lock, &raw const NO_LOCK)
}

/// A value that has a line of the cache to itself.
#[derive(Debug)]
#[repr(align(64))]
pub struct Line<T>(pub T);

/// An object: what a reference names. References are addresses of these, in every placement.
///
/// In a domain of its own such a word is only a name: the memory is not mapped there, and the
/// word is worth something only while the instance's table of counts says so.
#[repr(C, align(64))]
pub struct Object {
    /// The callee's first argument: address of the state, in the address space of its instance.
    pub state: u64,
    /// Addresses that a caller in the engine's own space calls, one for each function and then the
    /// hidden ones ([`crate::instance::Kind`]): the server's own where it shares that space, a way
    /// into its domain elsewhere, `Lost` when it is dead.
    pub entries: *const usize,
    /// The lock of its instance; [`NO_LOCK`] if it is entered without one.
    pub lock: *const LockWord,
    /// ID of the service. 0 marks a free entry.
    pub service: u64,
    /// The instance.
    pub instance: *mut Instance,
    /// What kind of the instance's objects it is.
    pub kind: *const Kind,
    /// References: permanent and temporary ones of all instances, and those of calls under way.
    pub count: AtomicU32,
    /// Weak references. The entry is not used again before both counts are 0.
    pub weak: AtomicU32,
    /// [`Object::LOCAL`], [`Object::DEAD`], [`Object::DYING`].
    pub flags: u64,
}

impl Object {
    /// Flag: a local server, whose state is dropped with it.
    pub const LOCAL: u64 = 1;
    /// Flag: destroyed, or its server died; it answers `Lost` as long as somebody names it.
    pub const DEAD: u64 = 2;
    /// Flag: its count reached 0, and it waits on the list for [`crate::death::finish`].
    pub const DYING: u64 = 4;
}

/// One call under way. A thread's frames lie in an array that grows upwards.
///
/// The frame holds what is needed to go on in the caller from *anywhere*: a fault in the callee
/// loads these registers and jumps to `resume` with the error in `rax`.
#[repr(C)]
pub struct Frame {
    /// Where the caller goes on, unless that stays on its stack ([`crate::stub::return_slot`]). If the caller dies meanwhile
    /// and runs in the engine's space, that is [`crate::stub::dead_return`]; if it runs in a domain of its own, the platform
    /// looks before it goes back there. The bottom frame has no caller.
    pub return_address: u64,
    /// The caller's stack pointer at `resume`: a multiple of 16 that is the one after the return, or the address of the return
    /// address.
    pub stack: u64,
    /// rbx, rbp, r12, r13, r14, r15 of the caller.
    pub saved: [u64; 6],
    /// Code that ends the call: drops temporaries, and goes back to the caller with its lock.
    /// It expects the result in rax and rdx, and finds the frame by [`Cpu::frame`]. The watchdog marks it, in the newest
    /// and in the first free frame, and [`crate::deadline`] in those whose calls have deadlines; a call overwrites the marks. 0 in a thread's
    /// bottom frame only.
    pub resume: u64,
    /// The lock that the callee holds; [`NO_LOCK`] while it runs without one, or waits for it. The caller's is that of the frame below.
    pub lock: *const LockWord,
    /// The callee.
    pub object: *mut Object,
    /// For the platform: what it has to restore if the call is cut off.
    pub platform: [u64; 5],
}

impl Frame {
    /// The bottom frame of a thread. `stack` is where the thread's stack starts.
    pub fn bottom(object: *mut Object, stack: u64, thread: u64) -> Frame {
        Frame {
            return_address: 0,
            stack,
            saved: [thread, 0, 0, 0, 0, 0],
            resume: 0,
            lock: &raw const NO_LOCK,
            object,
            platform: [0; 5],
        }
    }

    /// The thread that a bottom frame belongs to, as [`Frame::bottom`] was told.
    pub fn thread(&self) -> u64 {
        self.saved[0]
    }

    /// Whether a lock's word is that of a lock that a thread holds, by the thread's bottom frame.
    pub fn holds(bottom: *const Frame, word: u64) -> bool {
        word.wrapping_sub(bottom as u64) < (FRAMES * size_of::<Frame>()) as u64
    }

    /// [`Frame::resume`], marked or not: bits 61, 62 and 63 of an address are the same.
    pub fn resume(&self) -> u64 {
        (self.resume << 2).cast_signed().wrapping_shr(2).cast_unsigned()
    }

    /// Whether it is the first of its thread, which nobody has called.
    pub fn is_bottom(&self) -> bool {
        self.resume() == 0
    }

    /// Whether the frame bears the watchdog's mark.
    pub fn is_marked(&self) -> bool {
        self.bears(MARK)
    }

    /// Marks the frame, or takes the mark away.
    pub fn mark(&mut self, marked: bool) {
        self.set(MARK, marked);
    }

    /// Whether the calls of the activation have deadlines.
    pub fn has_deadlines(&self) -> bool {
        self.bears(DEADLINE)
    }

    /// Notes whether they have.
    pub fn note_deadlines(&mut self, have: bool) {
        self.set(DEADLINE, have);
    }

    fn bears(&self, mark: u64) -> bool {
        (self.resume ^ self.resume()) & mark != 0
    }

    fn set(&mut self, mark: u64, set: bool) {
        self.resume ^= if self.bears(mark) != set { mark } else { 0 };
    }
}

/// One temporary reference of a thread. The array grows upwards.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Temporary {
    /// The object, which holds one count for this entry.
    pub object: *mut Object,
    /// The instance in whose table of counts the entry holds one too; null where references
    /// are not checked, because the holder shares the engine's space.
    pub holder: *mut Instance,
    /// The frame behind that of the activation whose temporary it is.
    pub owner: *mut Frame,
}

/// What the thread that runs needs at hand. Register gs points to it. In the kernel each thread has one of its own, hosted there
/// is one for all.
#[repr(C)]
pub struct Cpu {
    /// First free frame.
    pub frame: *mut Frame,
    /// First free temporary.
    pub temporary: *mut Temporary,
    /// End of the thread's temporaries.
    pub temporary_end: *mut Temporary,
    /// [`Temporary::owner`] of the newest temporary; null if there is none.
    pub owner: *mut Frame,
    /// The thread.
    pub thread: u64,
    /// Its first frame; null if it has none, and so holds no lock.
    pub bottom: *const Frame,
    /// [`NO_LOCK`], for code that runs at any address.
    pub no_lock: *const LockWord,
    /// This CPU's number.
    pub home: u64,
    /// Word of the locks that the thread may take: [`Cpu::home`], or [`MARKED`].
    pub free: u64,
    /// The CPU that asked for the newest frame's lock, or this one.
    pub heir: u64,
    /// What stubs call when the fast path does not apply ([`crate::stub::SlowPaths`]).
    pub slow: crate::stub::SlowPaths,
    /// For the platform.
    pub platform: [u64; 10],
}

impl Cpu {
    /// Whether a lock's word says that the thread has the lock.
    pub fn holds(&self, word: u64) -> bool {
        Frame::holds(self.bottom, word)
    }
}
