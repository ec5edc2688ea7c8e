//! Locks of servers off the fast path: waiting, and giving up the lock on purpose.
#![expect(unsafe_code, reason = "lock words are the engine's raw memory")]

use core::sync::atomic::Ordering::Relaxed;

use warren_abi::call::{Ret, SystemError};

use crate::{layout::LockWord, platform::Platform, reference::newest_frame};

/// Gives the thread's time to the holder of a lock, once. The caller looks at the lock again.
///
/// A holder never blocks while it holds a lock, so waiting is never more than this.
///
/// # Safety
///
/// `lock` points to the lock of an instance that the newest frame or the one below it names.
pub unsafe extern "C" fn wait<P: Platform>(lock: *const LockWord) {
    // SAFETY: as promised by the caller.
    let holder = unsafe { &*lock }.load(Relaxed);
    // SAFETY: the platform's block is valid.
    let free = unsafe { (*P::cpu()).free };
    if holder != free {
        P::give_time_to(holder);
    }
}

/// The same for a call that keeps its caller's lock; the number of `Reentered` if the holder is the
/// thread itself, 0 otherwise.
///
/// # Safety
///
/// As for [`wait`].
pub unsafe extern "C" fn wait_atomic<P: Platform>(lock: *const LockWord) -> u64 {
    // SAFETY: as promised by the caller.
    let holder = unsafe { &*lock }.load(Relaxed);
    // SAFETY: the platform's block is valid.
    if holder == unsafe { (*P::cpu()).thread } {
        return SystemError::Reentered.number();
    }
    // SAFETY: as promised by the caller.
    unsafe { wait::<P>(lock) };
    0
}

/// Frees the lock of the server that runs. Calls stay possible.
pub extern "C" fn unlock<P: Platform>() -> Ret {
    P::critical(|| {
        // SAFETY: the platform's block is valid and the thread's own.
        let cpu = unsafe { &*P::cpu() };
        // SAFETY: the newest frame is the running thread's.
        let frame = unsafe { &mut *newest_frame::<P>() };
        // SAFETY: the lock of a frame is valid for good.
        unsafe { &*frame.lock }.store(cpu.free, Relaxed);
        frame.lock = cpu.idle_lock;
        // SAFETY: the thread's own lock is valid.
        unsafe { &*cpu.idle_lock }.store(cpu.thread, Relaxed);
    });
    Ret::ok(0)
}

/// Takes the lock of the server that runs again.
pub extern "C" fn lock<P: Platform>() -> Ret {
    loop {
        let holder = P::critical(|| {
            // SAFETY: the newest frame is the running thread's.
            let frame = unsafe { &mut *newest_frame::<P>() };
            // SAFETY: a frame's object is valid while the frame is there.
            let wanted = unsafe { (*frame.object).lock };
            // SAFETY: the platform's block is valid and the thread's own.
            let cpu = unsafe { &*P::cpu() };
            if wanted == frame.lock {
                return None;
            }
            // SAFETY: an object's lock is valid for good.
            let word = unsafe { &*wanted };
            let holder = word.load(Relaxed);
            if holder != cpu.free {
                return Some(holder);
            }
            word.store(cpu.thread, Relaxed);
            // What it holds until now is the thread's own lock.
            // SAFETY: the thread's own lock is valid.
            unsafe { &*cpu.idle_lock }.store(cpu.free, Relaxed);
            frame.lock = wanted;
            None
        });
        match holder {
            None => return Ret::ok(0),
            Some(holder) => P::give_time_to(holder),
        }
    }
}

/// Lets another thread run, with the server's lock held or not.
pub extern "C" fn yield_now<P: Platform>() -> Ret {
    P::yield_now();
    Ret::ok(0)
}
