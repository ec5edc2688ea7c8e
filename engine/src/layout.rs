//! Structures that generated code and assembly read and write: their layout is a contract.
//!
//! Generated stubs, the kernel's tunnel and the hosted platform's switch all know these offsets.
//! They take them from `offset_of!`, never from a number of their own.
//!
//! # Who may write what
//!
//! All of this is memory of the engine: supervisor-only in the kernel. Code in a domain of its own
//! never sees it. A field of [`Cpu`] belongs to the thread that runs; a switch of threads saves and
//! loads `frame`, `temporary`, `owner` and `idle`, and loads `temporary_end` and `thread`.

use core::sync::atomic::{AtomicU32, AtomicU64};

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

/// A lock's word: 0 when free, the holder's [`Cpu::thread`] otherwise.
///
/// # Why no atomic instruction is needed
///
/// A lock is *biased* to one CPU: only code on that CPU writes it, by a compare and a store. The pair is
/// not atomic against an interrupt between the two, so whoever interrupts generated code inside
/// an acquire sequence moves it back to the compare ([`crate::stub::restart`]). Another CPU asks
/// the home CPU to hand the bias over, by an interrupt; it never writes the word itself. The free
/// value of a lock biased to CPU n is n, so that the compare with [`Cpu::free`] finds both "held"
/// and "not mine" in one.
pub type LockWord = AtomicU64;

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
    /// The lock of its instance; [`Cpu::idle`] if it is entered without one.
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
    /// looks before it goes back there.
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
    /// The lock that the callee holds; [`Cpu::idle`] while it runs without one. The caller's is that of the frame below. While
    /// the stub waits for it, it is not held yet.
    pub lock: *const LockWord,
    /// The callee.
    pub object: *mut Object,
    /// For the platform: what it has to restore if the call is cut off.
    pub platform: [u64; 5],
}

impl Frame {
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
    /// The thread, as a lock holder: never 0 nor a CPU number.
    pub thread: u64,
    /// A lock of the thread's own, for servers that have none.
    pub idle: LockWord,
    /// Its address.
    pub idle_lock: *const LockWord,
    /// Value of a free lock that is biased to this CPU.
    pub free: u64,
    /// What stubs call when the fast path does not apply ([`crate::stub::SlowPaths`]).
    pub slow: crate::stub::SlowPaths,
    /// For the platform.
    pub platform: [u64; 10],
}
