//! Structures that generated code and assembly read and write: their layout is a contract.
//!
//! Generated stubs, the kernel's tunnel and the hosted platform's switch all know these offsets.
//! They take them from `offset_of!`, never from a number of their own.
//!
//! # Who may write what
//!
//! All of this is memory of the engine: supervisor-only in the kernel. Code in a domain of its own
//! never sees it. A field of [`Cpu`] belongs to the thread that runs; a switch of threads saves and
//! loads `frame`, `temporary` and `owner`, and loads `temporary_end`, `thread` and `idle_lock`.

use core::{
    mem::offset_of,
    sync::atomic::{AtomicU32, AtomicU64},
};

use crate::instance::{Instance, Kind};

/// Objects that exist at the same time. One entry is 64 bytes, and every instance has 2 bytes
/// for each in its table of counts.
pub const OBJECTS: usize = 8192;

/// Frames of one thread: how deep calls may nest.
pub const FRAMES: usize = 128;

/// Temporary references of one thread.
pub const TEMPORARIES: usize = 512;

/// What the watchdog does to [`Frame::resume`]: the address is none any more, until it is read with care or written.
const MARK: u64 = 1 << 62;

/// CPUs that a lock's word can name.
pub const CPUS: u64 = 64;

/// A lock's word: the number of its *home*, a CPU, when free, an address in its holder's array of frames otherwise.
///
/// # Why no atomic instruction is needed
///
/// L1: only the home takes a free lock, by a compare and a store; a compare with [`Cpu::free`] finds both "held" and
/// "not mine" in one. The pair is not atomic against an interrupt between the two, after which the thread may even go on
/// elsewhere, so whoever interrupts generated code inside an acquire sequence moves it back to where it loads
/// [`Cpu::free`] ([`crate::stub::restart`]).
///
/// L2: only the holder writes a lock that is held. It frees it with the number of the CPU where it runs then, so that a
/// lock moves with whoever had it. A number that is out of date, because the thread was moved between the load and the
/// store, is as good as any other.
///
/// L3: a CPU that wants another's free lock asks for it, by an interrupt, and the home writes the new home's number
/// itself ([`crate::lock::give_home`]), outside of every acquire sequence.
pub type LockWord = AtomicU64;

/// Value of [`NO_LOCK`]: neither a CPU nor an address.
pub const NEVER_FREE: u64 = u64::MAX;

/// The lock of objects that are entered without one. It is never free, so that whoever wants to take it finds
/// out, off the fast path, that the thread's own lock goes in its place ([`Cpu::idle_lock`]). Nobody writes it.
pub static NO_LOCK: LockWord = LockWord::new(NEVER_FREE);

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
    /// looks before it goes back there. The bottom frame has no caller, and in this place the thread's own lock
    /// ([`Frame::own_lock`]).
    pub return_address: u64,
    /// The caller's stack pointer at `resume`: a multiple of 16 that is the one after the return, or the address of the return
    /// address.
    pub stack: u64,
    /// rbx, rbp, r12, r13, r14, r15 of the caller.
    pub saved: [u64; 6],
    /// Code that ends the call: frees the callee's lock, drops temporaries, takes the caller's lock back.
    /// It expects the result in rax and rdx, and finds the frame by [`Cpu::frame`]. The watchdog marks it, in the newest
    /// and in the first free frame; a call overwrites the mark. 0 in a thread's bottom frame only.
    pub resume: u64,
    /// The lock that the callee holds; [`Cpu::idle_lock`] while it runs without one. The caller's is that of the frame below.
    /// While the stub waits for it, it is not held yet.
    pub lock: *const LockWord,
    /// The callee.
    pub object: *mut Object,
    /// For the platform: what it has to restore if the call is cut off.
    pub platform: [u64; 5],
}

impl Frame {
    /// The bottom frame of a thread, whose array of frames begins `at` there. `stack` is where the thread's stack starts.
    pub fn bottom(at: *const Frame, object: *mut Object, stack: u64, thread: u64) -> Frame {
        Frame {
            return_address: 0,
            stack,
            saved: [thread, 0, 0, 0, 0, 0],
            resume: 0,
            lock: Frame::own_lock(at),
            object,
            platform: [0; 5],
        }
    }

    /// The lock of a thread for servers that have none, by the thread's bottom frame. No other thread uses it.
    pub fn own_lock(bottom: *const Frame) -> *const LockWord {
        bottom.wrapping_byte_add(offset_of!(Frame, return_address)).cast()
    }

    /// The thread that a bottom frame belongs to, as [`Frame::bottom`] was told.
    pub fn thread(&self) -> u64 {
        self.saved[0]
    }

    /// Whether a lock's word says that a thread has the lock, by the thread's bottom frame.
    pub fn holds(bottom: *const Frame, word: u64) -> bool {
        // The end of the array is one, too: so a caller whose callee had the last frame takes its lock back.
        word.wrapping_sub(bottom as u64) <= (FRAMES * size_of::<Frame>()) as u64
    }

    /// [`Frame::resume`], marked or not: bits 62 and 63 of an address are the same.
    pub fn resume(&self) -> u64 {
        (self.resume << 2).cast_signed().wrapping_shr(2).cast_unsigned()
    }

    /// Whether it is the first of its thread, which nobody has called.
    pub fn is_bottom(&self) -> bool {
        self.resume() == 0
    }

    /// Whether the frame bears the watchdog's mark.
    pub fn is_marked(&self) -> bool {
        self.resume != self.resume()
    }

    /// Marks the frame, or takes the mark away.
    pub fn mark(&mut self, marked: bool) {
        self.resume = self.resume() ^ if marked { MARK } else { 0 };
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
    /// A lock of the thread's own, for servers that have none ([`Frame::own_lock`]).
    pub idle_lock: *const LockWord,
    /// Value of a free lock whose home this CPU is: its number.
    pub free: u64,
    /// What stubs call when the fast path does not apply ([`crate::stub::SlowPaths`]).
    pub slow: crate::stub::SlowPaths,
    /// For the platform.
    pub platform: [u64; 10],
}

impl Cpu {
    /// Whether a lock's word says that the thread has the lock.
    pub fn holds(&self, word: u64) -> bool {
        // The thread's own lock is the first word of its frames.
        Frame::holds(self.idle_lock.cast(), word)
    }
}

const _: () = assert!(offset_of!(Frame, return_address) == 0);
