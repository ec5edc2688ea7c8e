//! Locks of servers off the fast path: waiting, moving to another home, and giving up the lock on purpose.
#![expect(unsafe_code, reason = "lock words are the engine's raw memory")]

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use warren_abi::call::{Ret, SystemError};

use crate::{
    layout::{CPUS, Cpu, LockWord, NO_LOCK},
    platform::Platform,
    reference::newest_frame,
};

/// Why a lock cannot be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hindrance {
    /// This thread has it.
    Thread(u64),
    /// It is free, and its home is this CPU.
    Home(u64),
}

/// What hinders this CPU to take a lock, if anything does. Inside `critical`.
fn hindrance<P: Platform>(cpu: &Cpu, lock: &LockWord) -> Option<Hindrance> {
    match lock.load(Acquire) {
        word if word == cpu.free => None,
        word if word < CPUS => Some(Hindrance::Home(word)),
        word => Some(Hindrance::Thread(P::holder(word))),
    }
}

/// Does what may make the lock free here, once. With preemption allowed.
fn overcome<P: Platform>(hindrance: Hindrance, lock: *const LockWord) {
    match hindrance {
        Hindrance::Thread(holder) => P::give_time_to(holder),
        Hindrance::Home(home) => P::ask_for_home(lock, home),
    }
}

/// Gives the home of a lock to the CPU `asker`, if it is free and its home is `own`. Only the CPU with that number does
/// this, and not in the middle of an acquire sequence (L3 of [`LockWord`]).
pub fn give_home(lock: &LockWord, own: u64, asker: u64) {
    if lock.load(Relaxed) == own {
        lock.store(asker, Release);
    }
}

/// Waits for a lock, once: gives the thread's time to the holder, or asks the lock's home for it. The caller looks at
/// the lock again.
///
/// A holder never blocks while it holds a lock, so waiting is never more than this.
///
/// # Safety
///
/// `lock` points to the lock of an instance that the newest frame or the one below it names.
pub unsafe extern "C" fn wait<P: Platform>(lock: *const LockWord) {
    let hindrance = P::critical(|| {
        // SAFETY: the platform's block is valid and the thread's own.
        let cpu = unsafe { &*P::cpu() };
        // SAFETY: as promised by the caller.
        let word = unsafe { &*lock };
        if lock == cpu.idle_lock {
            // Nobody else uses it: the thread was moved since it freed it elsewhere.
            word.store(cpu.free, Relaxed);
        }
        hindrance::<P>(cpu, word)
    });
    if let Some(hindrance) = hindrance {
        overcome::<P>(hindrance, lock);
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
    let word = unsafe { &*lock }.load(Relaxed);
    // Only the thread itself writes addresses of its frames there, or frees what has one.
    // SAFETY: the platform's block is valid.
    if unsafe { (*P::cpu()).holds(word) } {
        return SystemError::Reentered.number();
    }
    // SAFETY: as promised by the caller.
    unsafe { wait::<P>(lock) };
    0
}

/// Frees the lock of the server that runs. Calls stay possible.
pub extern "C" fn unlock<P: Platform>() -> Ret {
    P::critical(|| {
        let newest = newest_frame::<P>();
        // SAFETY: the platform's block is valid and the thread's own.
        let cpu = unsafe { &*P::cpu() };
        // SAFETY: the newest frame is the running thread's.
        let frame = unsafe { &mut *newest };
        // SAFETY: the lock of a frame is valid for good.
        unsafe { &*frame.lock }.store(cpu.free, Release);
        hold_idle(cpu);
        frame.lock = cpu.idle_lock;
    });
    Ret::ok(0)
}

/// Takes the lock that the running thread has to itself, which it may have already.
pub fn hold_idle(cpu: &Cpu) {
    // SAFETY: the lock lies in the thread's bottom frame, and no other thread uses it.
    unsafe { &*cpu.idle_lock }.store(cpu.idle_lock as u64, Relaxed);
}

/// Frees it.
pub fn free_idle(cpu: &Cpu) {
    // SAFETY: the lock lies in the thread's bottom frame, and no other thread uses it.
    unsafe { &*cpu.idle_lock }.store(cpu.free, Relaxed);
}

/// Takes the lock of the server that runs again.
pub extern "C" fn lock<P: Platform>() -> Ret {
    loop {
        let hindrance = P::critical(|| {
            let newest = newest_frame::<P>();
            // SAFETY: the newest frame is the running thread's.
            let frame = unsafe { &mut *newest };
            // SAFETY: a frame's object is valid while the frame is there.
            let wanted = unsafe { (*frame.object).lock };
            if wanted == frame.lock || core::ptr::eq(wanted, &raw const NO_LOCK) {
                return None;
            }
            // SAFETY: the platform's block is valid and the thread's own.
            let cpu = unsafe { &*P::cpu() };
            // SAFETY: an object's lock is valid for good.
            let word = unsafe { &*wanted };
            let hindrance = hindrance::<P>(cpu, word);
            if hindrance.is_none() {
                word.store(newest as u64, Relaxed);
                // What it holds until now is the thread's own lock.
                free_idle(cpu);
                frame.lock = wanted;
            }
            hindrance.map(|hindrance| (hindrance, wanted))
        });
        match hindrance {
            None => return Ret::ok(0),
            Some((hindrance, lock)) => overcome::<P>(hindrance, lock),
        }
    }
}

/// Lets another thread run, with the server's lock held or not.
pub extern "C" fn yield_now<P: Platform>() -> Ret {
    P::yield_now();
    Ret::ok(0)
}
