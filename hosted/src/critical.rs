//! The critical section: a counter that the timer's handler looks at before it preempts.
//!
//! # Why the allocator lives in it
//!
//! Warren threads share one Linux thread, so the C library's locks do not tell them apart: a thread
//! that was preempted inside the allocator would meet another one there. Everything that
//! allocates is therefore critical, whoever calls it.
#![expect(unsafe_code, reason = "the allocator's trait is unsafe")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed, compiler_fence},
};

use crate::signal;

/// How many critical sections the running context is in.
static DEPTH: AtomicU32 = AtomicU32::new(0);
/// The timer wanted to preempt meanwhile.
static PENDING: AtomicBool = AtomicBool::new(false);

/// Whether the running context is in a critical section.
pub fn is_inside() -> bool {
    DEPTH.load(Relaxed) > 0
}

/// Enters a section.
pub fn enter() {
    DEPTH.store(DEPTH.load(Relaxed) + 1, Relaxed);
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
}

/// Leaves a section, and lets another thread run if it is time.
pub fn leave() {
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
    let depth = DEPTH.load(Relaxed);
    if depth > 1 {
        return DEPTH.store(depth - 1, Relaxed);
    }
    loop {
        if PENDING.load(Relaxed) {
            PENDING.store(false, Relaxed);
            signal::rang();
        }
        DEPTH.store(0, Relaxed);
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        // A tick that came between the two was postponed to the end of this section, and is the last one
        // until somebody deals with it.
        if !PENDING.load(Relaxed) {
            return;
        }
        DEPTH.store(1, Relaxed);
    }
}

/// Leaves the last section of a machine that has ended. A tick that was postponed means nothing any more: nobody is
/// left who could be preempted, or run.
pub fn leave_for_good() {
    PENDING.store(false, Relaxed);
    leave();
}

/// The timer's tick came inside a section: the section's end is to preempt.
pub fn postpone() {
    PENDING.store(true, Relaxed);
}

/// Runs `work` in a section.
pub fn run<R>(work: impl FnOnce() -> R) -> R {
    enter();
    let result = work();
    leave();
    result
}

/// Whether exactly one section is open, as it must be where contexts are switched.
pub fn is_outermost() -> bool {
    DEPTH.load(Relaxed) == 1
}

/// Forgets the section that is open: the context that was in it goes on elsewhere.
pub fn abandon() {
    DEPTH.store(0, Relaxed);
}

/// The C library's allocator in a critical section.
pub struct Allocator;

// SAFETY: every request is passed on unchanged.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        section(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        section(|| unsafe { System.dealloc(memory, layout) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        section(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        section(|| unsafe { System.realloc(memory, layout, bytes) })
    }
}

/// Runs `work` in a section if this Linux thread is the machine's, and plainly otherwise: a
/// process may have other threads, a test harness for example, which never run Warren code.
fn section<R>(work: impl FnOnce() -> R) -> R {
    if crate::machine::is_here() { run(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_that_was_postponed_ends_with_the_machine() {
        enter();
        postpone();
        // There is no machine, so that to preempt would be a fault.
        leave_for_good();
        assert!(!is_inside() && !PENDING.load(Relaxed));
    }
}
