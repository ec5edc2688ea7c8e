//! What the timer does to the code that it interrupts: moves stubs back to where they may be
//! interrupted, and measures how long a call computes without calling or returning.
//!
//! # How the watchdog sees that nothing happens
//!
//! It marks the thread's newest frame and the first free one. A stub overwrites the mark of every frame
//! that it fills in. If both marks are still there when it looks again, and the newest frame is the
//! same, the thread has been in one activation and made no call.
#![expect(unsafe_code, reason = "frames are raw memory")]

use warren_engine::{
    layout::Frame,
    reference::{current, newest_frame},
};

use super::ending::{is_region, server_stack};
use crate::{
    cpu::clock,
    system::{self, Kernel},
    threads,
    traps::frame::TrapFrame,
};

/// What a thread that was ended may use before its program dies of it.
const GRACE_NS: u64 = 10_000_000;
/// In a millisecond.
const NANOSECONDS: u64 = 1_000_000;

/// Makes it safe to switch threads where code was interrupted.
pub fn leave_stub(frame: &mut TrapFrame) {
    if !frame.is_users() {
        frame.rip = system::restart(frame.rip);
    }
}

/// Called by each interrupt of the timer. Returns a stack pointer if the running server must end.
pub fn watch(frame: &TrapFrame) -> Option<u64> {
    if !threads::running_has_calls() {
        return None;
    }
    let used = threads::used();
    let silent = silent(used);
    let callee = current::<Kernel>();
    let limit = clock::counts_of(u64::from(callee.watchdog_ms) * NANOSECONDS);
    let loops = limit != 0 && silent > limit || outlives_its_end(used);
    // Code of the kernel or a stub waits for somebody; only the server's own code can loop.
    let own_code = frame.is_users() || is_region(frame.rip) && !callee.has_stub_at(frame.rip);
    if loops && own_code { server_stack(frame) } else { None }
}

/// Whether the thread was ended, and its own program goes on although all its calls fail. Servers that it calls are not meant: they
/// end by themselves, and others use them. It has `used` so many counts of the clock.
fn outlives_its_end(used: u64) -> bool {
    threads::with_running(|thread| {
        let first = thread.area.as_ref().map(|area| area.frames().wrapping_add(1));
        thread.deadlines.is_killed()
            && first == Some(newest_frame::<Kernel>())
            && used - thread.killed_at > clock::counts_of(GRACE_NS)
    })
}

/// A system call has come: the newest call does something, even if the system call is refused.
pub fn heard() {
    // SAFETY: the newest frame belongs to the running thread.
    unsafe { &mut *newest_frame::<Kernel>() }.mark(false);
}

/// For how many counts of the clock the thread has run in its newest call, which has neither called nor returned meanwhile, if it has `used` so many
/// in all.
fn silent(used: u64) -> u64 {
    let newest: *mut Frame = newest_frame::<Kernel>();
    // SAFETY: the array ends behind the newest frame at the earliest.
    let free = unsafe { newest.add(1) };
    // SAFETY: the newest frame belongs to the running thread.
    let mut silent = mark(unsafe { &mut *newest });
    if !threads::is_behind_frames(free as u64) {
        // SAFETY: the frame lies in the array, is free, and belongs to the running thread.
        silent &= mark(unsafe { &mut *free });
    }
    threads::with_running(|thread| {
        let same = core::mem::replace(&mut thread.silent_frame, free as u64) == free as u64;
        if !(silent && same) {
            thread.heard = used;
        }
        used - thread.heard
    })
}

/// Marks a frame; `true` if it was marked already.
fn mark(frame: &mut Frame) -> bool {
    let was_marked = frame.is_marked();
    frame.mark(true);
    was_marked
}
