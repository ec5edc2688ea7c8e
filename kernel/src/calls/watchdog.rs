//! What the tick does to the code that it interrupts: moves stubs back to where they may be
//! interrupted, and counts how long a call computes without calling or returning.
//!
//! # How the watchdog sees that nothing happens
//!
//! It marks the thread's newest frame and the first free one. A stub overwrites the mark of every frame
//! that it fills in. If both marks are still there at the next tick, and the newest frame is the
//! same, the thread has been in one activation and made no call.
#![expect(unsafe_code, reason = "frames are raw memory")]

use warren_engine::{
    layout::Frame,
    reference::{current, newest_frame},
};

use super::ending::{is_region, server_stack};
use crate::{
    system::{Kernel, tables},
    threads::{self, TICKS_PER_SECOND},
    traps::frame::TrapFrame,
};

/// Makes it safe to switch threads where code was interrupted.
pub fn leave_stub(frame: &mut TrapFrame) {
    if !frame.is_users() {
        frame.rip = tables().restart(frame.rip);
    }
}

/// Called by each tick that interrupts a thread. Returns a stack pointer if the running server must end.
pub fn watch(frame: &TrapFrame) -> Option<u64> {
    let silent = silent_ticks();
    let callee = current::<Kernel>();
    let limit = (u64::from(callee.watchdog_ms) * TICKS_PER_SECOND).div_ceil(1000);
    let loops = limit != 0 && u64::from(silent) > limit;
    // Code of the kernel or a stub waits for somebody; only the server's own code can loop.
    let own_code = frame.is_users() || is_region(frame.rip) && !callee.has_stub_at(frame.rip);
    if loops && own_code { server_stack(frame) } else { None }
}

/// A system call has come: the newest call does something, even if the system call is refused.
pub fn heard() {
    // SAFETY: the newest frame belongs to the running thread.
    unsafe { &mut *newest_frame::<Kernel>() }.mark(false);
}

/// Ticks for which the newest call has neither called nor returned.
fn silent_ticks() -> u32 {
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
        thread.silent_ticks = if silent && same { thread.silent_ticks + 1 } else { 0 };
        thread.silent_ticks
    })
}

/// Marks a frame; `true` if it was marked already.
fn mark(frame: &mut Frame) -> bool {
    let was_marked = frame.is_marked();
    frame.mark(true);
    was_marked
}
