//! Threads: what one consists of, and its arrays.
#![expect(unsafe_code, reason = "a thread's first frame is raw memory")]

use std::io;

use warren_engine::{
    deadline::Deadlines,
    instance::Instance,
    layout::{FRAMES, Frame, Object, TEMPORARIES, Temporary},
    reference::instance_of,
    thread::ThreadRecord,
};

use crate::{
    context::{Guarded, STACK_BYTES},
    domain::Stacks,
    watchdog::Watch,
};

/// A thread as a lock holder: never used again after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub(crate) u64);

impl Token {
    /// Number of the first thread: more than any CPU has.
    pub(crate) const FIRST: u64 = 0x1_0000;
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs or can run.
    Ready,
    /// It can run when the monotonic clock is there.
    Sleeping(u64),
    /// It can run when the file descriptor has one of these events.
    Descriptor(i32, i16),
    /// It can run when that thread has ended.
    Joining(Token),
    /// It can run when somebody wakes it, or the monotonic clock is there.
    Waiting(u64),
    /// It has ended; what is left of it is taken apart by whoever runs next.
    Ended,
}

/// A thread.
///
/// T1: `record` points into `frames` and `temporaries`.
pub(crate) struct Thread {
    /// What the engine knows of it. Where its ends are is true while it does not run.
    pub record: ThreadRecord,
    /// End of its temporaries.
    pub temporary_end: *mut Temporary,
    /// Its frames; the guard makes a call that nests too deeply fault before it has done anything.
    pub frames: Guarded,
    /// Memory of its temporaries.
    #[expect(dead_code, reason = "owns what `record` points into")]
    temporaries: Guarded,
    /// Its stack.
    pub stack: Guarded,
    /// [`Cpu::owner`](warren_engine::layout::Cpu::owner), while it does not run.
    pub owner: *mut Frame,
    /// Where its context goes on.
    pub stack_pointer: u64,
    /// What it is doing.
    pub state: State,
    /// For people.
    pub name: String,
    /// Index in the plan of the principal that pays for it.
    pub principal: usize,
    /// Index in the plan of the principal on whose account it makes things.
    pub payer: usize,
    /// What it runs, until it starts.
    pub main: Option<Box<dyn FnOnce()>>,
    /// Processor time that it used.
    pub used_ns: u64,
    /// When its calls are to be over.
    pub deadlines: Deadlines,
    /// What the watchdog saw last.
    pub watch: Watch,
    /// Its number among those that live: which part of a domain's stacks is its own.
    pub slot: usize,
    /// Its stacks in domains.
    pub stacks: Stacks,
    /// Whether it is in an atomic call of a domain, which may make no other calls than such.
    pub in_atomic_call: bool,
}

impl Thread {
    /// Memory that one needs at least.
    pub const BYTES: u64 =
        (FRAMES * size_of::<Frame>() + TEMPORARIES * size_of::<Temporary>() + STACK_BYTES) as u64;

    /// A thread that has not started.
    pub fn new(
        (token, slot): (Token, usize),
        name: &str,
        principal: usize,
        bottom: *mut Object,
        main: Box<dyn FnOnce()>,
    ) -> io::Result<Box<Self>> {
        let frames = Guarded::new(FRAMES * size_of::<Frame>(), false)?;
        let temporaries = Guarded::new(TEMPORARIES * size_of::<Temporary>(), false)?;
        let stack = Guarded::new(STACK_BYTES, true)?;
        let first: *mut Frame = frames.start() as *mut Frame;
        let temporary: *mut Temporary = temporaries.start() as *mut Temporary;
        // SAFETY: the array is fresh memory, and has as many frames (T1).
        unsafe { first.write(Frame::bottom(bottom, stack.end() as u64, token.0)) };
        Ok(Box::new(Thread {
            record: ThreadRecord {
                token: token.0,
                frames: first,
                // SAFETY: the array has more than one frame.
                frame: unsafe { first.add(1) },
                temporaries: temporary,
                temporary,
            },
            temporary_end: temporary.wrapping_add(TEMPORARIES),
            frames,
            temporaries,
            stack,
            owner: core::ptr::null_mut(),
            stack_pointer: 0,
            state: State::Ready,
            name: name.into(),
            principal,
            payer: principal,
            main: Some(main),
            used_ns: 0,
            deadlines: Deadlines::NONE,
            watch: Watch::default(),
            slot,
            stacks: Stacks::default(),
            in_atomic_call: false,
        }))
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether it runs or can run.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// How many calls deep it is, while its record is written.
    pub fn depth(&self) -> usize {
        (self.record.frame as usize - self.record.frames as usize) / size_of::<Frame>() - 1
    }

    /// The server that its newest call entered, while its record is written.
    pub fn server(&self) -> &'static Instance {
        // SAFETY: a thread has at least its bottom frame (T1).
        let newest = unsafe { &*self.record.frame.wrapping_sub(1) };
        // SAFETY: a frame's object is valid while the frame is there.
        unsafe { instance_of(newest.object) }
    }

    /// The thread as a lock holder.
    pub fn token(&self) -> Token {
        Token(self.record.token)
    }
}
